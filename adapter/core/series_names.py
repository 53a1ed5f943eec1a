"""The document in which a Prometheus lists names of series (external-metrics-api E-21)."""

from typing import Final

import msgspec
from msgspec import Struct

from adapter.core.results import UpstreamError
from kube.vocab.objects import UNREADABLE
from kube.vocab.times import Millis

MAX_NAMES: Final = 10_000
"""Names that one rule's selector may find. Further ones are cut off, in the order of names."""


class NameSpan(Struct, frozen=True):
    """Series with a sample between `start` and `end` are wanted."""

    start: Millis
    end: Millis


class _Names(Struct, frozen=True):
    status: str
    data: list[str]


_DECODER: Final = msgspec.json.Decoder(_Names)


def name_parameters(selector: str, span: NameSpan) -> dict[str, str]:
    """The query parameters that ask for names; older servers ignore the limit."""
    return {
        "match[]": selector,
        "start": _seconds(span.start),
        "end": _seconds(span.end),
        "limit": str(MAX_NAMES + 1),
    }


def read_names(body: bytes) -> tuple[str, ...]:
    """The names in `body`, in order; possibly more than MAX_NAMES. Raises UpstreamError."""
    try:
        found = _DECODER.decode(body)
    except UNREADABLE as error:
        raise UpstreamError("bad response", f"not the JSON of names: {error}") from error
    if found.status != "success":
        raise UpstreamError("bad response", "neither names nor an error")
    return tuple(sorted(found.data))


def _seconds(at: Millis) -> str:
    return f"{at // 1000}.{at % 1000:03d}"
