"""A Prometheus that misbehaves: the right Status, counted, nothing leaked, and gone afterwards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from adapter.core.upstream import Upstream
from tests.integration.adapter.kit.misbehaviours import MISBEHAVIOURS, SECRET, TIMEOUT
from tests.integration.adapter.kit.prometheus import fake_prometheus, vector
from tests.integration.adapter.kit.server import METRIC, Answer, Harness, adapter, until

HASTY = 2.0
ERRORS = "wpa_adapter_upstream_errors_total"


async def counted(it: Harness, family: str, **labels: str) -> float:
    """The sum of a family's samples that carry `labels`."""
    text = (await it.ask("/metrics", user="root")).body.decode()
    return sum(
        sample.value
        for one in text_string_to_metric_families(text)
        for sample in one.samples
        if sample.name == family and labels.items() <= sample.labels.items()
    )


def tells_nothing(answer: Answer, *secrets: str) -> None:
    everything = f"{dict(answer.headers)}{answer.body.decode()}".lower()
    for secret in (SECRET, "traceback", "aiohttp", "10.0.0.1", "retry-after", *secrets):
        assert secret.lower() not in everything


@contextlib.asynccontextmanager
async def guarded(folder: Path, query_timeout: float) -> AsyncIterator[Harness]:
    """An adapter that shows Prometheus things which callers must not see."""
    token = folder / "token"
    token.write_text(SECRET)
    async with fake_prometheus() as prometheus:
        upstream = Upstream(prometheus.url, token_file=str(token), headers={"X-Scope": SECRET})
        async with adapter(folder, upstream=upstream, query_timeout=query_timeout) as it:
            it.prometheus = prometheus
            yield it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory):
    """One adapter for all, patient or not: what a case leaves behind would show in the next."""
    folders = (tmp_path_factory.mktemp("patient"), tmp_path_factory.mktemp("hasty"))
    async with guarded(folders[0], 30) as patient, guarded(folders[1], HASTY) as hasty:
        yield lambda case: hasty if case.failure == TIMEOUT else patient


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", MISBEHAVIOURS, ids=lambda case: case.name)
async def test_misbehaviour_is_told_apart_counted_and_survived(shared, case):
    it: Harness = shared(case)
    case.script(it.prometheus)
    it.clock.ahead += 60
    class_ = {"class": case.failure[2]} if case.failure else {}
    before = await counted(it, ERRORS), await counted(it, ERRORS, **class_)
    got = await it.ask(METRIC, user="hpa")
    tells_nothing(got, it.prometheus.url.removeprefix("http://"))
    # Of the class that was told, once, and of no other.
    after = await counted(it, ERRORS), await counted(it, ERRORS, **class_)
    assert after == tuple(count + bool(case.failure) for count in before)
    if case.failure is None:
        assert [item["value"] for item in got.json["items"]] == list(case.values)
    else:
        code, reason, kind = case.failure
        told = f"unable to fetch metrics from Prometheus: {kind} (metric queue_depth)"
        assert got.failure(code, reason)["message"] == told
    # Whatever it was, it does not reach into the next query.
    it.prometheus.says(vector(({}, "42")))
    it.clock.ahead += 60
    (item,) = (await it.ask(METRIC, user="hpa")).json["items"]
    assert item["value"] == "42"
    assert "Cookie" not in it.prometheus.requests[-1][2]


@pytest.mark.asyncio
async def test_redirects_are_not_followed(tmp_path):
    async with fake_prometheus() as elsewhere, adapter(tmp_path) as it:
        it.prometheus.says(b"", 307, {"Location": f"{elsewhere.url}/api/v1/query"})
        (await it.ask(METRIC, user="hpa")).failure(503, "ServiceUnavailable")
        assert elsewhere.requests == []


@pytest.mark.asyncio
async def test_the_order_of_series_changes_nothing_but_the_order(tmp_path):
    async with adapter(tmp_path) as it:
        series = [({"queue": str(number)}, str(number)) for number in range(20)]
        found = []
        for turned in (series, series[::-1], series[7:] + series[:7]):
            it.prometheus.says(vector(*turned))
            it.clock.ahead += 60
            items = (await it.ask(METRIC, user="hpa")).json["items"]
            assert [one["metricLabels"]["queue"] for one in items] == [
                q["queue"] for q, _ in turned
            ]
            found.append({one["metricLabels"]["queue"]: one["value"] for one in items})
        assert found[0] == found[1] == found[2]


@pytest.mark.asyncio
async def test_an_endless_answer_is_dropped_when_it_has_become_too_large(tmp_path):
    """Its connection is closed, so that nothing more of it arrives."""
    async with adapter(tmp_path) as it:
        endless: list[bytes | float] = [b" " * 2**20, 0] * 80
        it.prometheus.sends(b"HTTP/1.1 200 OK\r\n\r\n", *endless)
        (await it.ask(METRIC, user="hpa")).failure(500, "InternalError")
        await until(lambda: it.prometheus.cancelled == 1)


@pytest.mark.asyncio
async def test_sixty_four_callers_of_a_hung_prometheus_wait_side_by_side(tmp_path):
    async with adapter(tmp_path, query_timeout=HASTY) as it:
        it.prometheus.stalls()
        asked = [it.ask(f"{METRIC}?labelSelector=queue%3Dq{n}", user="hpa") for n in range(64)]
        async with asyncio.timeout(64 * HASTY / 2):
            assert {one.status for one in await asyncio.gather(*asked)} <= {503, 504}
