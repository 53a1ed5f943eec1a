"""Values by question: ready answers from memory, one upstream query per key at a time.

Sources: external-metrics-api §17, §18.
"""

import asyncio
from typing import Final

from cachetools import TTLCache

from adapter.core.policy import fallback, judged
from adapter.core.question import Policy, Question
from adapter.core.results import Answer, UpstreamError
from adapter.core.rules import Rule
from adapter.metrics import AdapterMetrics
from adapter.outcomes import Outcomes
from adapter.prometheus import Querying
from adapter.readings import Kept, Key, Reading, Readings, Source
from kube.client.singleflight import SingleFlight
from kube.service.logs import get_logger
from kube.vocab.times import Clock

_log = get_logger("values")

STALE_FOR: Final = 30.0
"""Seconds of age up to which the last good answer stands in for a failing query, unless the rule
says otherwise: two periods of a HorizontalPodAutoscaler."""
IN_USE: Final = 60.0
"""Seconds since it was last asked for in which a key is refreshed in the background, unless the
command line says otherwise."""

_MAX_BYTES: Final = 32 * 2**20
_GRACE: Final = 0.5
"""Seconds in which a query that has run out of time is sure to say so."""
_SOON: Final = 0.5
"""Seconds a caller waits for a newer value where an older one may be handed out."""
_SAID_FOR: Final = 60.0
"""Seconds in which the same trouble of the same metric is logged once."""


class Values:
    """Reads values through the cache."""

    def __init__(
        self,
        upstream: Querying,
        clock: Clock,
        metrics: AdapterMetrics,
        *,
        ttl: float,
        query_timeout: float,
        stale_for: float = STALE_FOR,
        refresh_for: float = IN_USE,
    ) -> None:
        """`ttl` seconds an answer is handed out; `query_timeout` seconds a query may take;
        `stale_for` seconds of age an answer stands in for a failing query; `refresh_for` seconds
        after it was read, it is refreshed (0: never).
        """
        self._upstream = upstream
        self._stale_for = stale_for
        self._refresh_for = refresh_for
        self._query_timeout = query_timeout
        self._ttl = ttl
        self._clock = clock
        self._metrics = metrics
        self.outcomes = Outcomes(clock)
        self._readings = Readings(_MAX_BYTES)
        self._flights: SingleFlight[Key, Reading] = SingleFlight()
        self._said: TTLCache[tuple[str, str], bool] = TTLCache(1000, _SAID_FOR, clock.monotonic)
        sources: tuple[Source, ...] = ("cache", "stale", "joined", "upstream", "fallback")
        self._reads = {source: metrics.value_reads.labels(source) for source in sources}
        self._from_cache = self._reads["cache"]
        self.periods: set[float] = set()
        """Times to live, in seconds, of what was asked for lately."""
        self.new_period = asyncio.Event()
        """Set when `periods` has grown."""

    async def close(self) -> None:
        """Cancel the queries that run."""
        await self._flights.close()

    async def read(self, rule: Rule, name: str, question: Question, budget: float) -> Reading:
        """The value of `question`, which follows from `rule` and was asked for as `name`.

        Waits at most `budget` seconds. Raises UpstreamError.
        """
        key = (rule.name, question)
        kept = self._readings.get(key)
        if kept is None or (kept.policy is not rule.policy and self._outdated(key, kept, rule)):
            return await self._asked(key, rule, name, budget, in_use=False)
        now = self._clock.monotonic()
        age = now - kept.reading.asked_at
        in_use = kept.refreshed and now - kept.read_at < self._refresh_for
        kept.read_at = now
        if age < (kept.serves if in_use else kept.ttl):
            self._from_cache.inc()
            return kept.reading.handed_out()
        # Somebody who comes back after long wants to know how things are, not how they were.
        renewed = key in self._flights or now - kept.failed_at < kept.ttl
        if in_use and renewed and kept.stands_in(now):
            self._reads["stale"].inc()
            return kept.reading.old(now)
        return await self._asked(key, rule, name, budget, in_use=in_use)

    def due(self, period: float, most: int) -> list[tuple[Key, Kept]]:
        """What has to be asked anew because it is in use and lives for `period` seconds: at most
        `most`, those asked for last, in the order of their rules.
        """
        since = self._clock.monotonic() - self._refresh_for
        self._readings.forget_unread(since)
        found = [
            (key, kept)
            for key, kept in self._readings
            if kept.ttl == period and kept.read_at >= since
        ]
        if len(found) > most:
            found.sort(key=lambda one: -one[1].read_at)
            del found[most:]
        found.sort(key=lambda one: one[0][0])
        return found

    async def renew(self, key: Key, kept: Kept) -> None:
        """Ask anew for what is kept. Failures are logged, and seen by those who read."""
        try:
            await self._flights.share(key, lambda: self._ask(key, kept.name, kept.policy))
        except UpstreamError:
            return

    def _outdated(self, key: Key, kept: Kept, rule: Rule) -> bool:
        """Whether `kept` was made under other terms than the rule has now; it is dropped then."""
        if kept.policy != rule.policy:
            self._readings.drop(key)
            return True
        kept.policy = rule.policy
        return False

    async def _asked(
        self, key: Key, rule: Rule, name: str, budget: float, *, in_use: bool
    ) -> Reading:
        """A newer value than the one that is kept, or what stands in for it."""
        source: Source = "joined" if key in self._flights else "upstream"
        wait = self._patience(rule.policy, budget)
        kept = self._readings.get(key)
        if in_use and kept is not None and kept.stands_in(self._clock.monotonic()):
            wait = min(wait, _SOON)
        try:
            async with asyncio.timeout(wait):
                reading = await self._flights.share(
                    key, lambda: self._ask(key, name, rule.policy), to_its_end=in_use
                )
        except TimeoutError as error:
            old = self._old(key)
            if old is None:
                self._reads[source].inc()
                raise UpstreamError("timeout", f"no answer within {wait:g} s") from error
            return old
        except UpstreamError:
            old = self._old(key) or self._fallback(name, rule.policy)
            if old is None:
                self._reads[source].inc()
                raise
            return old
        self._reads[source].inc()
        return reading.handed_out().coming_from(source)

    def _old(self, key: Key) -> Reading | None:
        """The last good value if it may stand in for a newer one."""
        now = self._clock.monotonic()
        kept = self._readings.get(key)
        if kept is None or not kept.stands_in(now):
            return None
        self._reads["stale"].inc()
        return kept.reading.old(now)

    def _fallback(self, name: str, policy: Policy) -> Reading | None:
        """The value that the rule names for failing queries, if it does."""
        answer = fallback(policy, self._clock.now())
        if answer is None:
            return None
        self._reads["fallback"].inc()
        found = Reading(name, answer, asked_at=self._clock.monotonic(), window=policy.window)
        return found.coming_from("fallback")

    def _patience(self, policy: Policy, budget: float) -> float:
        """Seconds to wait: a caller with time enough leaves the verdict to the query itself."""
        longest = self._timeout(policy)
        return budget if budget < longest else longest + _GRACE

    def _timeout(self, policy: Policy) -> float:
        return self._query_timeout if policy.timeout is None else policy.timeout

    async def _ask(self, key: Key, name: str, policy: Policy) -> Reading:
        metric, question = key
        asked_at, at = self._clock.monotonic(), self._clock.now()
        try:
            answer = await self._upstream.query(question, self._timeout(policy))
            reading = self._reading(metric, name, policy, answer, asked_at, at)
        except UpstreamError as error:
            kept = self._readings.get(key)
            if kept is not None:
                kept.failed_at = self._clock.monotonic()
            self.outcomes.failed(metric, error.kind)
            self._say(metric, error.kind, detail=error.detail, query=question.promql)
            raise
        self._keep(key, Kept(name, policy, reading, ttl=self._ttl, stale=self._stale_for))
        self.outcomes.answered(metric)
        self._metrics.rule_result.labels(metric).set(self._clock.now() / 1000)
        return reading

    def _reading(
        self, metric: str, name: str, policy: Policy, answer: Answer, asked_at: float, at: int
    ) -> Reading:
        """What the rule makes of `answer`. Raises UpstreamError for one that is too large."""
        if answer.dropped:
            self._say(metric, "samples without a finite value or a time left out")
            self._metrics.samples_dropped.labels(metric).inc(answer.dropped)
        if answer.saturated:
            self._metrics.samples_saturated.labels(metric).inc(answer.saturated)
        try:
            accepted = judged(answer, policy, at)
        except UpstreamError as refusal:
            self._metrics.answers_refused.labels(metric, refusal.kind).inc()
            if refusal.kind == "too large":
                # As the client has it, which mostly notices first: nothing is kept.
                raise
            self.outcomes.failed(metric, refusal.kind)
            self._say(metric, refusal.kind, detail=refusal.detail)
            return Reading(name, Answer(()), asked_at=asked_at, refusal=refusal)
        return Reading(name, accepted, asked_at=asked_at, window=policy.window)

    def _keep(self, key: Key, kept: Kept) -> None:
        before = self._readings.get(key)
        kept.read_at = kept.reading.asked_at if before is None else before.read_at
        self._readings.keep(key, kept)
        if kept.refreshed and self._refresh_for > 0 and kept.ttl not in self.periods:
            self.periods.add(kept.ttl)
            self.new_period.set()

    def _say(self, metric: str, trouble: str, **details: str) -> None:
        if (metric, trouble) not in self._said:
            self._said[metric, trouble] = True
            _log.warning(trouble, metric=metric, **details)
