"""The documents the API serves, as bytes ready to send.

Sources: external-metrics-api §1 (groups, resources), §4 (lists), §6 (errors), §8 (discovery).
"""

import hashlib
from typing import Any, Final

import msgspec
from msgspec import Struct

from adapter.core.results import Sample
from kube.vocab.objects import StatusDetails, status_body
from kube.vocab.quantity import format_milli
from kube.vocab.times import format_rfc3339

GROUP: Final = "external.metrics.k8s.io"
VERSION: Final = "v1beta1"
GROUP_VERSION: Final = f"{GROUP}/{VERSION}"
ROOT: Final = f"/apis/{GROUP_VERSION}"
KIND: Final = "ExternalMetricValueList"

MAX_LISTED: Final = 500
"""Above this many metrics discovery lists the placeholder alone: clients read it in full (E-2)."""
PLACEHOLDER: Final = "externalmetrics"

_ENCODER: Final = msgspec.json.Encoder()
_GROUP_ENTRY: Final = {
    "name": GROUP,
    "versions": [{"groupVersion": GROUP_VERSION, "version": VERSION}],
    "preferredVersion": {"groupVersion": GROUP_VERSION, "version": VERSION},
}


class Document(Struct, frozen=True):
    """A body with what identifies it: its media type and its entity tag."""

    body: bytes
    content_type: str = "application/json"
    etag: str = ""

    @classmethod
    def tagged(cls, body: bytes, content_type: str = "application/json") -> "Document":
        """The document with an entity tag over its content."""
        return cls(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class _Value(Struct, rename="camel", omit_defaults=True, gc=False):
    metric_name: str
    metric_labels: dict[str, str]
    timestamp: str
    value: str
    window: int | None = None


class _ValueList(Struct, rename="camel", gc=False):
    items: list[_Value]
    kind: str = KIND
    api_version: str = GROUP_VERSION
    metadata: dict[str, Any] = {}


_VALUE_LIST: Final = msgspec.json.Decoder(_ValueList)


def encode(value: Any) -> bytes:
    """JSON in compact form with the closing newline of the Kubernetes API."""
    return _ENCODER.encode(value) + b"\n"


def value_list(name: str, samples: tuple[Sample, ...], window: int | None = None) -> bytes:
    """`ExternalMetricValueList` whose items echo `name` as it was asked for (§4.1).

    `window` is the seconds over which the query looks, None where the rule does not say (E-8).
    """
    # All samples of an instant query usually share one instant.
    times = {at: format_rfc3339(at) for at in {one.at for one in samples}}
    items = [
        _Value(name, one.labels, times[one.at], format_milli(one.milli), window) for one in samples
    ]
    return encode(_ValueList(items))


def renamed(body: bytes, name: str) -> bytes:
    """A `value_list` with `name` on its items in place of the one that is there."""
    found = _VALUE_LIST.decode(body)
    for one in found.items:
        one.metric_name = name
    return encode(found)


def status(code: int, reason: str, message: str, details: StatusDetails | None = None) -> bytes:
    """`Status` of a failure."""
    return encode(status_body(code, reason, message, details))


def pretty(body: bytes) -> bytes:
    """`body` indented for people."""
    return msgspec.json.format(body.rstrip(), indent=2) + b"\n"


def group_list() -> bytes:
    """`APIGroupList` with the one group."""
    return encode({"kind": "APIGroupList", "apiVersion": "v1", "groups": [_GROUP_ENTRY]})


def group() -> bytes:
    """`APIGroup`."""
    return encode({"kind": "APIGroup", "apiVersion": "v1", **_GROUP_ENTRY})


def listed(names: tuple[str, ...]) -> tuple[str, ...]:
    """The resources discovery shows: never none, never more than MAX_LISTED (E-2)."""
    return names if 0 < len(names) <= MAX_LISTED else (PLACEHOLDER,)


def resource_list(names: tuple[str, ...]) -> bytes:
    """`APIResourceList`, one entry per metric; also the availability probe."""
    resources = [
        {
            "name": name,
            "singularName": "",
            "namespaced": True,
            "kind": KIND,
            "verbs": ["get"],
        }
        for name in listed(names)
    ]
    return encode(
        {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": GROUP_VERSION,
            "resources": resources,
        }
    )


def aggregated_discovery(names: tuple[str, ...], version: str) -> Document:
    """`APIGroupDiscoveryList` of apidiscovery.k8s.io/`version` (E-15)."""
    resources = [
        {
            "resource": name,
            "responseKind": {"group": "", "version": "", "kind": KIND},
            "scope": "Namespaced",
            "singularResource": "",
            "verbs": ["get"],
        }
        for name in listed(names)
    ]
    versions = [{"version": VERSION, "resources": resources, "freshness": "Current"}]
    body = encode(
        {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{version}",
            "metadata": {},
            "items": [
                {"metadata": {"name": GROUP, "creationTimestamp": None}, "versions": versions}
            ],
        }
    )
    return Document.tagged(
        body, f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    )


def paths(served: tuple[str, ...]) -> bytes:
    """`{"paths": […]}`: the index at the root and the answer to unknown paths."""
    return encode({"paths": list(served)})


def version_info(version: str, platform: str, python: str) -> bytes:
    """`/version`: an object of text members with the names that clients know."""
    major, minor = [*version.split("."), "0"][:2]
    return encode(
        {
            "major": major,
            "minor": minor,
            "gitVersion": f"v{version}",
            "gitCommit": "",
            "gitTreeState": "",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": python,
            "platform": platform,
        }
    )
