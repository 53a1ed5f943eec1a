"""When names of series are asked for: in virtual time, against a source that does as it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter.catalogue import Configured
from adapter.core.results import UpstreamError
from adapter.core.series_names import MAX_NAMES, NameSpan
from adapter.core.wildcards import SeriesAsk
from adapter.discovery import Discovery
from adapter.metrics import AdapterMetrics
from kube.vocab.times import LoopClock

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

EPOCH = 1_700_000_000_000
RULE = "- {seriesQuery: '%s', metricsQuery: 'sum(<<.Series>>)'}\n"
A, B = '{job="a"}', '{job="b"}'


class Source:
    """Answers by selector; an exception is raised, None hangs."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, ...] | UpstreamError | None] = {}
        self.asked: list[tuple[str, float]] = []
        self.spans: list[NameSpan] = []
        self.delay = 0.0

    def times(self, selector: str) -> list[float]:
        return [at for asked, at in self.asked if asked == selector]

    async def series_names(self, ask: SeriesAsk, span: NameSpan, budget: float) -> tuple[str, ...]:
        self.asked.append((ask.selector, asyncio.get_running_loop().time()))
        self.spans.append(span)
        answer = self.answers[ask.selector]
        if answer is None:
            await asyncio.sleep(2 * budget)
            return ()
        await asyncio.sleep(self.delay)
        if isinstance(answer, UpstreamError):
            raise answer
        return answer


class Followed:
    """A configuration whose series are followed."""

    def __init__(self, folder: Path, *selectors: str, random: float = 0.5) -> None:
        clock = LoopClock(EPOCH)
        self.file = folder / "rules.yaml"
        self.write(*selectors)
        self.metrics = AdapterMetrics("0.0")
        self.configured = Configured(str(self.file), clock, self.metrics)
        self.source = Source()
        self.discovery = Discovery(
            self.configured,
            self.source,
            clock,
            self.metrics,
            interval=60.0,
            max_age=300.0,
            random=lambda: random,
        )

    def write(self, *selectors: str) -> None:
        self.file.write_text("externalRules:\n" + "".join(RULE % one for one in selectors))

    def names(self) -> tuple[str, ...]:
        return self.configured.catalogue.names

    def counted(self, outcome: str) -> float | None:
        return self.metrics.registry.get_sample_value(
            "wpa_adapter_discoveries_total", {"outcome": outcome}
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.discovery.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_names_are_asked_for_at_once_and_at_every_interval(tmp_path):
    it = Followed(tmp_path, A)
    it.source.answers[A] = ("a",)
    async with it.running():
        await asyncio.sleep(0.1)
        assert it.names() == ("a",)
        it.source.answers[A] = ("a", "b")
        await asyncio.sleep(130)
    assert it.source.times(A) == [0, 60, 120]
    assert it.names() == ("a", "b")
    assert it.source.spans[0] == NameSpan(EPOCH - 300_000, EPOCH)
    assert it.counted("success") == 3


@pytest.mark.parametrize(("random", "pause"), [(0.0, 54.0), (1.0, 66.0)])
async def test_replicas_do_not_ask_at_the_same_instant(tmp_path, random, pause):
    it = Followed(tmp_path, A, random=random)
    it.source.answers[A] = ("a",)
    async with it.running():
        await asyncio.sleep(70)
    assert it.source.times(A) == [0, pytest.approx(pause)]


async def test_nothing_is_asked_for_without_wildcards(tmp_path):
    it = Followed(tmp_path, "m")
    async with it.running():
        await asyncio.sleep(1000)
    assert it.source.asked == []
    assert it.names() == ("m",)


async def test_without_an_answer_since_the_start_it_is_asked_soon_again(tmp_path):
    it = Followed(tmp_path, A)
    it.source.answers[A] = UpstreamError("unavailable", "refused")
    async with it.running():
        await asyncio.sleep(16)
        assert it.names() == ()
        it.source.answers[A] = ("a",)
        await asyncio.sleep(16)
        assert it.names() == ("a",)
    assert it.source.times(A) == [0, 1, 3, 7, 15, 31]
    assert it.counted("unavailable") == 5


async def test_a_failing_selector_keeps_its_names_and_hides_no_other(tmp_path):
    it = Followed(tmp_path, A, B)
    it.source.answers |= {A: ("a",), B: ("b",)}
    async with it.running():
        await asyncio.sleep(1)
        it.source.answers |= {A: UpstreamError("bad response", "<html>"), B: ("b", "c")}
        await asyncio.sleep(60)
        assert it.names() == ("a", "b", "c")


async def test_a_selector_that_hangs_delays_no_other(tmp_path):
    it = Followed(tmp_path, A, B)
    it.source.answers |= {A: None, B: ("b",)}
    async with it.running():
        await asyncio.sleep(0.1)
        assert it.names() == ("b",)
        await asyncio.sleep(130)
    assert it.source.times(B) == [0, 60, 120]
    # Given up after 30 s, and asked again after a growing pause.
    assert it.source.times(A) == [0, 31, 63, 97]
    assert it.counted("timeout") == 4


async def test_a_new_file_is_followed_at_once_and_names_that_stay_stay(tmp_path):
    it = Followed(tmp_path, A)
    it.source.answers |= {A: ("a",), B: ("b",)}
    async with it.running():
        following = asyncio.create_task(it.configured.follow_file())
        await asyncio.sleep(5)
        it.source.answers[A] = UpstreamError("unavailable", "refused")
        it.write(A, B)
        it.configured.reload.set()
        await asyncio.sleep(1)
        assert it.names() == ("a", "b")
        it.write(B)
        it.configured.reload.set()
        await asyncio.sleep(1)
        assert it.names() == ("b",)
        await asyncio.sleep(100)
        following.cancel()
    assert it.source.times(A) == [0]


@pytest.mark.parametrize(
    ("answer", "left"), [(("b",), ("b",)), (UpstreamError("unavailable", "refused"), ())]
)
async def test_metrics_of_the_old_file_stay_until_new_selectors_were_asked(tmp_path, answer, left):
    it = Followed(tmp_path, A)
    it.source.answers |= {A: ("a", "b"), B: answer}
    async with it.running():
        following = asyncio.create_task(it.configured.follow_file())
        await asyncio.sleep(5)
        it.source.delay = 20
        it.write(B)
        it.configured.reload.set()
        await asyncio.sleep(19)
        assert it.names() == ("a", "b")
        await asyncio.sleep(2)
        assert it.names() == left
        following.cancel()


async def test_metrics_of_an_old_file_are_not_waited_for_for_ever(tmp_path):
    """The bound of one question holds, and a further file meanwhile begins no new wait."""
    it = Followed(tmp_path, A)
    it.source.answers |= {A: ("a",), B: None}
    async with it.running():
        following = asyncio.create_task(it.configured.follow_file())
        await asyncio.sleep(5)
        it.write(B)
        it.configured.reload.set()
        await asyncio.sleep(20)
        it.write(B, "m")
        it.configured.reload.set()
        await asyncio.sleep(1)
        assert it.names() == ("a", "m")
        await asyncio.sleep(10)
        assert it.names() == ("m",)
        following.cancel()


async def test_too_many_names_are_cut_and_counted(tmp_path):
    it = Followed(tmp_path, A)
    it.source.answers[A] = tuple(f"m{number:06}" for number in range(MAX_NAMES + 1))
    async with it.running():
        await asyncio.sleep(1)
    assert len(it.names()) == MAX_NAMES
    assert it.counted("cut") == 1
    assert it.metrics.registry.get_sample_value("wpa_adapter_discovered_metrics") == MAX_NAMES


async def test_names_that_stay_the_same_change_nothing(tmp_path):
    """What was prepared for requests is kept as long as the catalogue is the same object."""
    it = Followed(tmp_path, A)
    it.source.answers[A] = ("a",)
    async with it.running():
        await asyncio.sleep(1)
        before = it.configured.catalogue
        await asyncio.sleep(60)
        assert it.configured.catalogue is before
