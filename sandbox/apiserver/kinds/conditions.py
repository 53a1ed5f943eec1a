"""`status.conditions` of objects that are plain JSON."""

from collections.abc import Sequence

import msgspec

from kube.vocab.conditions import Condition, condition
from kube.vocab.times import Millis
from sandbox.apiserver.kinds.resources import Object


def with_condition(
    stored: Sequence[Object] | None,
    kind: str,
    holds: bool,
    reason: str,
    message: str,
    now: Millis,
) -> list[Object]:
    """`stored` with the condition `kind` as of now, in its place or at the end."""
    found = list(stored or ())
    places = [place for place, item in enumerate(found) if item.get("type") == kind]
    before = msgspec.convert(found[places[0]], Condition) if places else None
    entry = msgspec.to_builtins(condition(kind, holds, reason, message, at=now, before=before))
    if places:
        found[places[0]] = entry
    else:
        found.append(entry)
    return found


def condition_of(obj: Object, kind: str) -> Object | None:
    """The condition `kind` of an object, None if it has none."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((item for item in conditions if item.get("type") == kind), None)


def holds(obj: Object, kind: str) -> bool:
    """Whether the condition `kind` is True."""
    found = condition_of(obj, kind)
    return found is not None and found.get("status") == "True"
