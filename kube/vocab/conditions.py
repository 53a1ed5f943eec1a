"""Status conditions: shape and the one rule about their times."""

from kube.vocab.objects import Wire
from kube.vocab.times import Millis, format_rfc3339


class Condition(Wire, frozen=True):
    """`status.conditions[]` entry; `last_transition_time` is RFC 3339 text as stored."""

    type: str = ""
    status: str = ""
    last_transition_time: str | None = None
    reason: str = ""
    message: str = ""

    @property
    def is_true(self) -> bool:
        """Whether the condition holds; anything but "True" does not."""
        return self.status == "True"


def condition(
    kind: str, holds: bool, reason: str, message: str, *, at: Millis, before: Condition | None
) -> Condition:
    """The condition `kind` as of now: its transition time moves only when its status changes.

    `before` is the stored condition of that type, if there is one; a new one counts as a change.
    """
    status = "True" if holds else "False"
    if before is not None and before.status == status and before.last_transition_time:
        since = before.last_transition_time
    else:
        since = format_rfc3339(at)
    return Condition(kind, status, since, reason, message)
