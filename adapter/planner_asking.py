"""Asks questions of one shape in as few queries as possible, and hands out the answers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct, structs

from adapter.both import both
from adapter.core import planner_answers
from adapter.core.planner_batches import batches
from adapter.core.planner_shape import Plan, Shape, Values
from adapter.core.question import Question
from adapter.core.results import Answer, UpstreamError
from adapter.core.sample_times import dated
from adapter.metrics import AdapterMetrics
from adapter.planner_experience import Experience, Key
from adapter.prometheus import Querying
from kube.service.logs import get_logger

_log = get_logger("planner")

_AT_ONCE: Final = 8
"""Queries at a time that stand in for a refused one."""
_MERGED_SERIES: Final = 20_000
"""Answers to many questions may have more series than those to one, but not any number."""
_REFUSED: Final = ("query rejected", "too large", "bad response")
"""Failures that merging may have caused: each question is asked again, alone."""

_Kind = Literal["merged", "single", "apart"]


class Waiting(Struct, eq=False):
    """A question, and who waits for its answer until `deadline` (seconds of the event loop)."""

    question: Question
    deadline: float
    answer: asyncio.Future[Answer]

    def fail(self, error: BaseException) -> None:
        """Hand out a failure, if anybody waits still."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Asking:
    """Queries to one upstream."""

    def __init__(
        self,
        upstream: Querying,
        metrics: AdapterMetrics,
        experience: Experience,
        max_series: int,
    ) -> None:
        self._upstream = upstream
        self._experience = experience
        self._metrics = metrics
        self._max_series = max_series
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def alone(self, question: Question, budget: float, kind: _Kind = "single") -> Answer:
        """Ask as written. Raises UpstreamError."""
        return await self._query(question, budget, kind, 1)

    async def together(self, key: Key, plan: Plan, everybody: Sequence[Waiting]) -> None:
        """Settle all that wait."""
        waiting: dict[Values, list[Waiting]] = {}
        for one in everybody:
            if not one.answer.done():
                waiting.setdefault(one.question.values, []).append(one)
        async with asyncio.TaskGroup() as tasks:
            for batch in batches(plan, waiting, self._experience.most(key)):
                part = {values: waiting[values] for values in batch}
                tasks.create_task(self._part(key, plan, part))

    async def _part(self, key: Key, plan: Plan, waiting: Mapping[Values, list[Waiting]]) -> None:
        everybody = [one for same in waiting.values() for one in same]
        if len(waiting) == 1:
            await self._by_itself(everybody, "single")
            return
        try:
            answers = await self._merged(plan, waiting, everybody)
        except UpstreamError as error:
            if error.kind in _REFUSED:
                await self._refused(key, plan, waiting, error)
                return
            if error.kind == "timeout":
                self._experience.learn(key, "slow", len(waiting))
            for one in everybody:
                one.fail(error)
            return
        self._experience.learn(key, "fine", len(waiting))
        for values, same in waiting.items():
            for one in same:
                self._settle(one, answers[values])

    async def _refused(
        self, key: Key, plan: Plan, waiting: Mapping[Values, list[Waiting]], error: UpstreamError
    ) -> None:
        """Ask each by itself instead."""
        self._experience.learn(key, "refused", len(waiting))
        _log.warning(
            "the upstream refuses questions put together; they are asked one by one",
            kind=error.kind,
            detail=error.detail,
            query=plan.values.promql(list(waiting)[:2]),
        )
        async with asyncio.TaskGroup() as tasks:
            for same in waiting.values():
                tasks.create_task(self._in_turn(same))

    async def _merged(
        self, plan: Plan, waiting: Mapping[Values, list[Waiting]], everybody: list[Waiting]
    ) -> Mapping[Values, Answer | UpstreamError]:
        if plan.times is None:
            return await self._split(plan.values, waiting, everybody)
        # At the same instant: a sample must not get the time of its successor.
        answers, times = await both(
            self._split(plan.values, waiting, everybody),
            self._split(plan.times, waiting, everybody),
        )
        return {one: _dated(answers[one], instants) for one, instants in times.items()}

    async def _split(
        self, shape: Shape, waiting: Mapping[Values, list[Waiting]], everybody: list[Waiting]
    ) -> Mapping[Values, Answer]:
        question = Question(
            shape.promql(waiting),
            everybody[0].question.upstream,
            everybody[0].question.headers,
            max_series=min(sum(map(self._limit, everybody)), _MERGED_SERIES),
        )
        answer = await self._query(question, _budget(everybody), "merged", len(waiting))
        return planner_answers.split(shape, answer, waiting)

    async def _in_turn(self, same: list[Waiting]) -> None:
        async with self._turns:
            await self._by_itself(same, "apart")

    async def _by_itself(self, same: list[Waiting], kind: _Kind) -> None:
        """One query for those who ask the same."""
        same = [one for one in same if not one.answer.done()]
        if not same:
            return
        limit = max(map(self._limit, same))
        question = structs.replace(same[0].question, max_series=limit)
        try:
            answer = await self.alone(question, _budget(same), kind)
        except UpstreamError as error:
            for one in same:
                one.fail(error)
            return
        for one in same:
            self._settle(one, answer)

    async def _query(self, question: Question, budget: float, kind: _Kind, many: int) -> Answer:
        self._metrics.planned_queries.labels(kind).inc()
        self._metrics.planned_questions.observe(many)
        return await self._upstream.query(question, budget)

    def _settle(self, one: Waiting, answer: Answer | UpstreamError) -> None:
        if isinstance(answer, UpstreamError):
            one.fail(answer)
            return
        series = len(answer.samples) + len(answer.left_out)
        if series > self._limit(one):
            one.fail(UpstreamError("too large", f"{series} series, at most {self._limit(one)}"))
        elif not one.answer.done():
            one.answer.set_result(answer)

    def _limit(self, one: Waiting) -> int:
        return one.question.max_series or self._max_series


def _budget(waiting: list[Waiting]) -> float:
    """Seconds until the last of them gives up."""
    left = max(one.deadline for one in waiting) - asyncio.get_running_loop().time()
    return max(left, 0.001)


def _dated(answer: Answer, times: Answer) -> Answer | UpstreamError:
    """What one question gets: times that are none are no failure of the others."""
    try:
        return dated(answer, times)
    except UpstreamError as error:
        return error
