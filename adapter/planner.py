"""Asks together what can be asked together, and gives each asker the answer it would get alone.

Questions of one shape that come within a moment, or while an earlier query of that shape is still
running, become one query (`adapter.core.planner_proof`, `adapter.core.planner_answers`).
"""

import asyncio
from typing import Final

from adapter.core.planner_proof import plan_of
from adapter.core.planner_shape import Alone, Plan
from adapter.core.question import Question
from adapter.core.results import Answer, UpstreamError
from adapter.metrics import AdapterMetrics
from adapter.planner_asking import Asking, Waiting
from adapter.planner_experience import Experience, Key
from adapter.prometheus import Querying
from kube.vocab.times import Clock

_MOMENT: Final = 0.002
"""Seconds that a question waits for company when no query of its shape is running."""
_PATIENCE: Final = 0.1
"""Seconds that it waits at most for a running one to end."""


class _Batch:
    """Questions that go together, and the task that asks them once they have gone."""

    def __init__(self) -> None:
        self.everybody: list[Waiting] = []
        self.left = 0
        """How many still wait."""
        self.in_one = 0
        """How many have gone in one query."""
        self.task: asyncio.Task[None] | None = None

    def last_of_several(self) -> bool:
        """Whether only one still waits for what several began to."""
        return self.left == 1 and len(self.everybody) > 1 and not self._finished

    def leave(self) -> None:
        """One waits no more; nothing goes on for nobody."""
        self.left -= 1
        if not self.left and self.task is not None:
            self.task.cancel()

    @property
    def _finished(self) -> bool:
        return self.task is None or self.task.done()


class _Line:
    """The batches of one key: the one that gathers, and how many are being asked."""

    def __init__(self, key: Key, plan: Plan) -> None:
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
        self._experience = Experience(clock)
        self._asking = Asking(upstream, metrics, self._experience, max_series)
        self._metrics = metrics
        self._lines: dict[Key, _Line] = {}

    async def query(self, question: Question, budget: float) -> Answer:
        """The answer as of now, within `budget` seconds. Raises UpstreamError."""
        plan = plan_of(question)
        key = (question.form, question.times_form, question.upstream, question.headers)
        if isinstance(plan, Alone):
            self._metrics.planned_alone.labels(plan.reason).inc()
            return await self._asking.alone(question, budget)
        if self._experience.apart(key):
            return await self._asking.alone(question, budget)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        waiting = Waiting(question, loop.time() + budget, answer)
        batch = self._join(key, plan, waiting)
        try:
            async with asyncio.timeout(budget):
                return await answer
        except TimeoutError as error:
            if batch.last_of_several():
                # The query that is cancelled now would have told this.
                self._experience.learn(key, "slow", batch.in_one)
            raise UpstreamError("timeout", f"no answer within {budget:g} s") from error
        finally:
            batch.leave()

    def _join(self, key: Key, plan: Plan, waiting: Waiting) -> _Batch:
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
        batch.in_one = min(len(batch.everybody), self._experience.most(line.key))
        asking = self._asking.together(line.key, line.plan, batch.everybody)
        task = batch.task = asyncio.create_task(asking)
        task.add_done_callback(lambda done: self._done(line, batch, done))

    def _done(self, line: _Line, batch: _Batch, task: asyncio.Task[None]) -> None:
        line.running -= 1
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # A defect: whoever waits is told now.
            for one in batch.everybody:
                one.fail(error)
        if line.gathering is not None:
            self._go(line, line.gathering)
        elif not line.running:
            del self._lines[line.key]
