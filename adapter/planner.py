"""Asks together what can be asked together, and gives each asker the answer it would get alone.

Questions of one shape that come within a moment, or while an earlier query of that shape is still
running, become one query (`adapter.core.planner_proof`, `adapter.core.planner_answers`).
"""

import asyncio
from typing import Final

from cachetools import TTLCache

from adapter.core.planner_batches import MOST
from adapter.core.planner_proof import plan_of
from adapter.core.planner_shape import Alone, Plan
from adapter.core.question import Question
from adapter.core.results import Answer, UpstreamError
from adapter.metrics import AdapterMetrics
from adapter.planner_asking import Asking, Outcome, Waiting
from adapter.prometheus import Querying
from kube.vocab.times import Clock

_MOMENT: Final = 0.002
"""Seconds that a question waits for company when no query of its shape is running."""
_PATIENCE: Final = 0.1
"""Seconds that it waits at most for a running one to end."""
_APART: Final = 60.0
"""Seconds in which a shape is not merged after a merged query was refused."""
_FEWEST: Final = 8
"""Questions in one query when the upstream has no time for more."""
_CAUTIOUS: Final = 600.0
"""Seconds in which that is remembered."""

_Key = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""Forms, upstream and headers: what questions that are asked together have in common."""


class _Batch:
    """Questions that go together, and the task that asks them once they have gone."""

    def __init__(self) -> None:
        self.everybody: list[Waiting] = []
        self.left = 0
        """How many still wait."""
        self.task: asyncio.Task[Outcome] | None = None


class _Line:
    """The batches of one key: the one that gathers, and how many are being asked."""

    def __init__(self, key: _Key, plan: Plan) -> None:
        self.key = key
        self.plan = plan
        self.gathering: _Batch | None = None
        self.running = 0


class Planner:
    """Questions on their way to the upstreams."""

    def __init__(
        self, upstream: Querying, clock: Clock, metrics: AdapterMetrics, *, max_series: int
    ) -> None:
        """`max_series` is the upstreams' limit for the answer to one question."""
        self._asking = Asking(upstream, metrics, max_series)
        self._metrics = metrics
        self._lines: dict[_Key, _Line] = {}
        self._apart: TTLCache[_Key, bool] = TTLCache(1000, _APART, clock.monotonic)
        self._most: TTLCache[_Key, int] = TTLCache(1000, _CAUTIOUS, clock.monotonic)

    async def query(self, question: Question, budget: float) -> Answer:
        """The answer as of now, within `budget` seconds. Raises UpstreamError."""
        plan = plan_of(question)
        key = (question.form, question.times_form, question.upstream, question.headers)
        if isinstance(plan, Alone):
            self._metrics.planned_alone.labels(plan.reason).inc()
            return await self._asking.alone(question, budget)
        if key in self._apart:
            return await self._asking.alone(question, budget)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        waiting = Waiting(question, loop.time() + budget, answer)
        batch = self._join(key, plan, waiting)
        try:
            async with asyncio.timeout(budget):
                return await answer
        except TimeoutError as error:
            raise UpstreamError("timeout", f"no answer within {budget:g} s") from error
        finally:
            batch.left -= 1
            if not batch.left and batch.task is not None:
                # Either it is done, or it would work on for nobody.
                batch.task.cancel()

    def _join(self, key: _Key, plan: Plan, waiting: Waiting) -> _Batch:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(key, plan)
        batch = line.gathering
        if batch is None:
            batch = line.gathering = _Batch()
            delay = _PATIENCE if line.running else _MOMENT
            asyncio.get_running_loop().call_later(delay, self._go, line, batch)
        batch.everybody.append(waiting)
        batch.left += 1
        return batch

    def _go(self, line: _Line, batch: _Batch) -> None:
        if line.gathering is not batch:
            return
        line.gathering = None
        line.running += 1
        most = self._most.get(line.key, MOST)
        asking = self._asking.together(line.plan, batch.everybody, most)
        task = batch.task = asyncio.create_task(asking)
        task.add_done_callback(lambda done: self._done(line, batch, done))

    def _done(self, line: _Line, batch: _Batch, task: asyncio.Task[Outcome]) -> None:
        line.running -= 1
        if not task.cancelled():
            error = task.exception()
            if error is not None:
                for one in batch.everybody:
                    one.fail(error)
            else:
                self._remember(line.key, task.result())
        if line.gathering is not None:
            self._go(line, line.gathering)
        elif not line.running:
            del self._lines[line.key]

    def _remember(self, key: _Key, outcome: Outcome) -> None:
        if outcome == "refused":
            self._apart[key] = True
        elif outcome == "slow":
            self._most[key] = max(_FEWEST, self._most.get(key, MOST) // 4)
        elif key in self._most:
            self._most[key] = min(MOST, self._most[key] + _FEWEST)
