"""The API server's audit log: who asked what, and was it allowed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from kube.vocab.objects import Wire

POLICY: Final = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
"""
"""Every request once, without bodies; watches twice: when they begin and when they end."""


class User(Wire, frozen=True):
    """Who asked."""

    username: str = ""
    groups: tuple[str, ...] = ()


class ObjectRef(Wire, frozen=True):
    """What was asked for; absent for paths that are no resource."""

    api_group: str = ""
    api_version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class ResponseStatus(Wire, frozen=True):
    """How it was answered."""

    code: int = 0
    reason: str = ""


class AuditEvent(Wire, frozen=True):
    """One line of the log."""

    stage: str = ""
    verb: str = ""
    user: User = User()
    user_agent: str = ""
    request_uri: str = msgspec.field(name="requestURI", default="")
    object_ref: ObjectRef | None = None
    response_status: ResponseStatus | None = None
    request_received_timestamp: str = ""
    annotations: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def code(self) -> int:
        """HTTP's status code; 0 when the log has none."""
        return self.response_status.code if self.response_status else 0

    @property
    def allowed(self) -> bool:
        """Whether the authorizer let it pass."""
        return self.annotations.get("authorization.k8s.io/decision") == "allow"


_DECODER: Final = msgspec.json.Decoder(AuditEvent)


def read_events(file: Path, user: str | None = None) -> Iterator[AuditEvent]:
    """The events so far, of one user or of all. A line still being written is left out."""
    if not file.exists():
        return
    wanted = None if user is None else user.encode()
    with file.open("rb") as lines:
        for line in lines:
            # Most lines are the control plane's own; decoding those is what takes the time.
            if not line.endswith(b"\n") or (wanted is not None and wanted not in line):
                continue
            event = _DECODER.decode(line)
            if user is None or event.user.username == user:
                yield event
