"""Which representation an Accept header allows (external-metrics-api §7, E-14; §8.2).

JSON is the only encoding; what remains is whether a header permits it, and for `/apis` whether the
caller prefers an aggregated discovery document.
"""

from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

Discovery = Literal["legacy", "v2", "v2beta1", "none"]

_JSON_TYPES: Final = ("application/json", "application/*", "*/*")
_DISCOVERY_KIND: Final = "apigroupdiscoverylist"


class _Clause(Struct, frozen=True, gc=False):
    media_type: str
    parameters: dict[str, str]
    quality: float


@lru_cache(maxsize=256)
def accepts_json(header: str) -> bool:
    """Whether plain JSON satisfies `header`. An absent or blank header accepts everything."""
    return not header.strip() or any(_plain_json(clause) for clause in _clauses(header))


@lru_cache(maxsize=256)
def discovery_form(header: str) -> Discovery:
    """What to answer on `/apis`: the first form the caller lists that is served here."""
    if not header.strip():
        return "legacy"
    for clause in _clauses(header):
        if _plain_json(clause):
            return "legacy"
        parameters = clause.parameters
        if (
            clause.media_type in _JSON_TYPES
            and parameters.get("as", "").lower() == _DISCOVERY_KIND
            and parameters.get("g", "") == "apidiscovery.k8s.io"
        ):
            match parameters.get("v", ""):
                case "v2":
                    return "v2"
                case "v2beta1":
                    return "v2beta1"
                case _:
                    continue
    return "none"


def _plain_json(clause: _Clause) -> bool:
    return clause.media_type in _JSON_TYPES and "as" not in clause.parameters


def _clauses(header: str) -> list[_Clause]:
    """Clauses by falling quality; equal ones in the order of the header."""
    found = []
    for part in header.split(","):
        media_type, *rest = (piece.strip() for piece in part.split(";"))
        parameters = {
            key.strip().lower(): value.strip().strip('"')
            for key, _, value in (piece.partition("=") for piece in rest)
        }
        found.append(_Clause(media_type.lower(), parameters, _quality(parameters.pop("q", "1"))))
    return sorted(found, key=lambda clause: -clause.quality)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
