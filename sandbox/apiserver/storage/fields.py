"""Field selectors: the few fields by which the real server can select."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from sandbox.apiserver.kinds.resources import EVENTS, PODS, SECRETS, Key, Object, Resource
from sandbox.apiserver.storage.errors import BadRequest

_COMMON: Final = ("metadata.name", "metadata.namespace")
_EXTRA: Final[Mapping[Key, tuple[str, ...]]] = {
    PODS.key: (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
    ),
    EVENTS.key: (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    SECRETS.key: ("type",),
}


class Term(Struct, frozen=True):
    """One comparison of a field with a text."""

    path: str
    equal: bool
    value: str

    def matches(self, obj: Object) -> bool:
        """Whether the comparison holds; an absent field is the empty text."""
        return (_text_at(obj, self.path) == self.value) is self.equal


class FieldSelector(Struct, frozen=True):
    """A conjunction of comparisons; without any it matches everything."""

    terms: tuple[Term, ...] = ()

    def matches(self, obj: Object) -> bool:
        """Whether every comparison holds."""
        return all(term.matches(obj) for term in self.terms)


def parse_fields(text: str, resource: Resource) -> FieldSelector:
    """Read a `fieldSelector`. Raises BadRequest for a field that cannot be selected by."""
    terms = [_term(part) for part in text.split(",") if part.strip()]
    known = _COMMON + _EXTRA.get(resource.key, ())
    for term in terms:
        if term.path not in known:
            raise BadRequest(
                f'Unable to find "{resource.api_version}, Resource={resource.plural}" that match '
                f'label selector "", field selector "{text}": field label not supported: '
                f"{term.path}"
            )
    return FieldSelector(tuple(terms))


def _term(part: str) -> Term:
    for operator, equal in (("!=", False), ("==", True), ("=", True)):
        path, found, value = part.partition(operator)
        if found:
            return Term(path.strip(), equal, value.strip())
    raise BadRequest(f"invalid field selector: '{part}'; can't understand '{part}'")


def _text_at(obj: Object, path: str) -> str:
    if path == "source":
        path = "source.component"
    found: Any = obj
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return "" if found is None else str(found)
