"""What there is to tell about a reflector: metrics, readiness and tests read it (V-14)."""

from typing import Literal

from msgspec import Struct, field

from kube.vocab.times import Millis

State = Literal["idle", "listing", "watching", "waiting", "stopped"]
Reason = Literal["start", "expired", "too_large", "stalled", "error", "demanded"]
"""Why a list is made. "start" is the first one and not counted as a relist."""


class ReflectorStats(Struct):
    """What there is to tell about one reflector (V-14)."""

    state: State = "idle"
    lists: int = 0
    """Complete lists so far, the first included."""
    streamed: int = 0
    """Those of them that came as a stream."""
    relists: dict[Reason, int] = field(default_factory=dict)
    watch_restarts: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    """By type of error."""
    sink_errors: int = 0
    last_error: str = ""
    version: str = ""
    """The version the next watch goes on from."""
    heard_at: Millis | None = None
    """When the server last said something: a list, an event or a bookmark."""

    @property
    def synced(self) -> bool:
        """Whether a complete list was ever in."""
        return self.lists > 0

    def count_relist(self, reason: Reason) -> None:
        """A relist became necessary; trying it several times counts once."""
        self.relists[reason] = self.relists.get(reason, 0) + 1

    def count_error(self, error: Exception) -> None:
        """Something went wrong and will be tried again."""
        kind = type(error).__name__
        self.errors[kind] = self.errors.get(kind, 0) + 1
        self.last_error = str(error)
