"""Which objects a list or watch is about."""

from kube.vocab.selectors import Selector
from sandbox.apiserver.kinds.resources import Object
from sandbox.apiserver.storage.fields import FieldSelector
from sandbox.apiserver.storage.history import Matcher


def selection(
    namespace: str | None, selector: Selector | None, field_selector: FieldSelector | None
) -> Matcher:
    """A test for objects; what is not given does not restrict."""

    def matches(obj: Object) -> bool:
        meta = obj["metadata"]
        return (
            (not namespace or meta.get("namespace", "") == namespace)
            and (selector is None or selector.matches(meta.get("labels") or {}))
            and (field_selector is None or field_selector.matches(obj))
        )

    return matches
