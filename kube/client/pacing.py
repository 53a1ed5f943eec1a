"""How fast we ask: a token bucket for all requests, and growing pauses after failures."""

import asyncio
from collections.abc import Callable
from random import Random


class TokenBucket:
    """Reservations at `qps` per second on average, `burst` at once: client-go's meaning.

    A reservation is made at once and tells how long to wait for it, so waiters keep their order
    and late work can be shed. `qps` 0 turns pacing off.
    """

    def __init__(self, qps: float, burst: int, monotonic: Callable[[], float]) -> None:
        if qps < 0 or (qps > 0 and burst < 1):
            raise ValueError(f"qps {qps} needs to be 0 or more, burst {burst} 1 or more")
        self._qps = qps
        self._burst = burst
        self._monotonic = monotonic
        self._tokens = float(burst)
        self._filled_at = monotonic()

    def reserve(self) -> float:
        """Take the next place; returns the seconds to wait until it may be used."""
        if self._qps == 0:
            return 0.0
        now = self._monotonic()
        gained = max(0.0, now - self._filled_at) * self._qps
        self._tokens = min(float(self._burst), self._tokens + gained) - 1.0
        self._filled_at = now
        return max(0.0, -self._tokens / self._qps)

    def give_back(self) -> None:
        """Return a place that will not be used."""
        self._tokens += 1.0

    async def acquire(self) -> float:
        """Wait for the next place; returns the seconds waited. A cancelled wait costs nothing."""
        wait = self.reserve()
        if wait > 0:
            try:
                await asyncio.sleep(wait)
            except asyncio.CancelledError:
                self.give_back()
                raise
        return wait


class Backoff:
    """Decorrelated jitter: each pause is drawn between `base` and three times the last one.

    The first is drawn so, too, as if `base` had been before it: what broke for all at once must
    not bring all back at once.
    """

    def __init__(self, base: float, cap: float, random: Random) -> None:
        self._base = base
        self._cap = cap
        self._random = random
        self._last = base

    def next(self) -> float:
        """Seconds of the next pause, `base` to `cap`."""
        upper = min(self._cap, self._last * 3.0)
        self._last = self._random.uniform(self._base, upper)
        return self._last

    def reset(self) -> None:
        """Start small again."""
        self._last = self._base
