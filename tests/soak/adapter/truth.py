"""A Prometheus whose every value says what it is the value of, and when it was said."""

import asyncio
from random import Random

from aiohttp import web
from msgspec import Struct

from tests.integration.adapter.kit.misbehaviours import MISBEHAVIOURS, TOO_LARGE
from tests.integration.adapter.kit.prometheus import FakePrometheus, vector
from tests.soak.sums import summed

NAMESPACES = ("blue", "green")
QUEUES = tuple(f"q.{number}" for number in range(10))
_STAMP = 1000
"""A value is its series' number, plus this times the milliseconds since the start."""

FAILURES = tuple(
    case for case in MISBEHAVIOURS if case.failure is not None and case.failure != TOO_LARGE
)


class Stamped(Struct, frozen=True):
    """What a value says about itself; `at` in seconds of the event loop's time."""

    series: int
    at: float


class Truth:
    """Series, by number, and the values they have now."""

    def __init__(self) -> None:
        self._start = _now()
        self.labels = [{"namespace": n, "queue": q} for n in NAMESPACES for q in QUEUES]

    def stamped(self, value: int) -> Stamped:
        """What `value`, that came out at the far end, says about itself."""
        return Stamped(value % _STAMP, self._start + value // _STAMP / 1000)

    def answer(self, query: str) -> bytes:
        """The instant vector of `query`: an aggregation over a selection of the series."""
        stamp = int((_now() - self._start) * 1000) * _STAMP
        values = {number: number + stamp for number in range(len(self.labels))}
        return vector(*summed(query, self.labels, values))


def _now() -> float:
    return asyncio.get_running_loop().time()


class Weather:
    """How Prometheus is: fair, or failing in ways that the seed chooses."""

    def __init__(self, prometheus: FakePrometheus, truth: Truth, random: Random) -> None:
        self._truth = truth
        self._random = random
        self.failing = 0.0
        """The part of the queries that fail."""
        prometheus.behave = self._behave

    async def _behave(self, request: web.Request, query: str) -> web.StreamResponse:
        if self._random.random() >= self.failing:
            return web.Response(body=self._truth.answer(query), content_type="application/json")
        broken = FakePrometheus()
        self._random.choice(FAILURES).script(broken)
        return await broken.behave(request, query)
