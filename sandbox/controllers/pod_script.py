"""How a pod of the sandbox behaves: read from its annotations, which its pod template sets.

Durations are Go's ("500ms", "40s", "1m30s"); `never` is a word of its own. Pure.
"""

from typing import Final

from msgspec import Struct

from kube.vocab.times import SECOND, Millis, parse_duration
from sandbox.apiserver.kinds.resources import Object

PREFIX: Final = "sandbox.watermark-autoscaler/"
START_AFTER: Final = f"{PREFIX}start-after"
"""Creation to Running (scheduling to Running, if the pod had to wait for a node)."""
READY_AFTER: Final = f"{PREFIX}ready-after"
"""Creation to Ready, counted in the same way; never before the start."""
STOP_AFTER: Final = f"{PREFIX}stop-after"
"""How long a deleted pod stays Terminating; never longer than its grace period."""
NO_START_TIME: Final = f"{PREFIX}no-start-time"
"""`"true"`: `status.startTime` is left out, as some virtual kubelets do."""
NEVER: Final = "never"


class ScriptError(ValueError):
    """An annotation that cannot be read; the text names it."""


class Habits(Struct, frozen=True):
    """What pods do without annotations, in milliseconds."""

    start_after: Millis = SECOND // 2
    ready_after: Millis = SECOND
    stop_after: Millis = SECOND


class PodScript(Struct, frozen=True):
    """What one pod does, in milliseconds; None is never."""

    start_after: Millis | None
    ready_after: Millis | None
    stop_after: Millis | None
    start_time: bool


def pod_script(pod: Object, habits: Habits) -> PodScript:
    """Read the annotations of `pod`. Raises ScriptError."""
    annotations = pod["metadata"].get("annotations") or {}
    start = _duration(annotations, START_AFTER, habits.start_after)
    ready = _duration(annotations, READY_AFTER, habits.ready_after)
    ready = None if start is None or ready is None else max(start, ready)
    flag = annotations.get(NO_START_TIME, "false")
    if flag not in ("true", "false"):
        raise ScriptError(f'annotation {NO_START_TIME}: {flag!r} is neither "true" nor "false"')
    stop = _duration(annotations, STOP_AFTER, habits.stop_after)
    return PodScript(start, ready, stop, flag == "false")


def _duration(annotations: dict[str, str], name: str, default: Millis) -> Millis | None:
    text = annotations.get(name)
    if text is None:
        return default
    if text == NEVER:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ScriptError(f"annotation {name}: {error} (or {NEVER})") from None
