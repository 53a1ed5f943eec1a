"""One exchange with a recommender: headers, redirects, limits, failures, series (§18, §20)."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import respx
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from kube.client.bulkheads import PART
from kube.vocab.times import LoopClock
from scaler.core.observed import Reading
from scaler.core.recommender import Advice
from scaler.shell.recommender import LARGEST_REPLY, MOST_TOLD, Recommenders, recommending
from tests.oracle.worlds import NOW
from tests.unit.scaler.recommender.worlds import URL, recommended_spec, recommender_of

pytestmark = pytest.mark.asyncio

GOOD = {"targetReplicas": 5, "lowerBoundReplicas": 4, "upperBoundReplicas": 6}


class Asking:
    """The recommenders of a daemon, and its series."""

    def __init__(self, recommenders: Recommenders, registry: CollectorRegistry) -> None:
        self._recommenders = recommenders
        self._registry = registry

    async def read(self, url: str = URL) -> Reading:
        spec = recommended_spec({"url": url})
        return await self._recommenders.read(spec, recommender_of(spec), 3, 2, NOW, 120_000)

    def series(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(name, {"client": URL} | labels)


@pytest_asyncio.fixture
async def asking() -> AsyncIterator[Asking]:
    registry = CollectorRegistry()
    async with recommending(registry, LoopClock(NOW), "c1", None) as recommenders:
        yield Asking(recommenders, registry)


@respx.mock
async def test_a_good_exchange(asking):
    route = respx.post(URL).respond(json=GOOD | {"observedTargets": [{"targetValue": 1.5}]})
    found = await asking.read()
    assert found == Reading("ok", 1500, 1, NOW, advice=Advice(5, 4, 6))
    request = route.calls.last.request
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "wpa-controller"
    asked = json.loads(request.content)
    assert asked["state"]["readyReplicas"] == 2
    assert asked["targetRef"]["cluster"] == "c1"
    labels = {"method": "post", "code": "200"}
    assert asking.series("http_client_requests_total", **labels) == 1
    assert asking.series("http_client_request_duration_seconds_count", **labels) == 1
    assert asking.series("http_client_requests_inflight") == 0


@respx.mock
@pytest.mark.parametrize(
    ("answer", "state", "detail"),
    [
        ({"status_code": 500, "text": "o" * 200}, "error",
         f"unexpected response code: 500 ({'o' * 100})"),
        ({"status_code": 201, "json": GOOD}, "error", "unexpected response code: 201 ("),
        ({"status_code": 204}, "error", "unexpected response code: 204 ()"),
        ({"status_code": 304}, "error", "unexpected response code: 304 ()"),
        ({"status_code": 302}, "error", "unexpected response code: 302 ()"),  # leads nowhere
        ({"status_code": 401}, "forbidden", "unexpected response code: 401 ()"),
        ({"status_code": 403}, "forbidden", "unexpected response code: 403 ()"),
        ({"status_code": 404, "content": b"\xff"}, "not_found",
         "unexpected response code: 404 (\ufffd)"),
        ({"text": "hello"}, "error", "error unmarshaling response: "),
        ({"json": {"error": {"code": 2, "message": "no"}}}, "error",
         "error from recommender: 2 no"),
        ({"json": {"targetReplicas": -1}}, "error", "the reply has targetReplicas -1"),
        ({"json": GOOD, "headers": {"Content-Encoding": "br"}}, "error",
         "the reply is encoded as br, which was not asked for"),
    ],
)  # fmt: skip
async def test_answers_without_a_recommendation(asking, answer, state, detail):
    respx.post(URL).respond(**answer)
    found = await asking.read()
    assert (found.state, found.advice) == (state, None)
    assert found.detail.startswith(detail)


@respx.mock
@pytest.mark.parametrize(
    ("size", "good"), [(LARGEST_REPLY, True), (LARGEST_REPLY + 1, False), (10_000_000, False)]
)
async def test_the_largest_reply(asking, size, good):
    body = json.dumps(GOOD).encode()
    respx.post(URL).respond(content=body + b" " * (size - len(body)))
    found = await asking.read()
    assert found.good == good
    if not good:
        assert found.detail == "the reply is larger than 1048576 bytes"


@respx.mock
@pytest.mark.parametrize(
    ("code", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")]
)
async def test_redirects(asking, code, method):
    respx.post(URL).respond(code, headers={"Location": "/other"})
    there = respx.route(method=method, url="http://recommender.test/other").respond(json=GOOD)
    found = await asking.read()
    assert found.good
    request = there.calls.last.request
    assert bool(request.content) == (method == "POST")
    assert request.headers["User-Agent"] == "wpa-controller"
    for asked, answered in (("post", str(code)), (method.lower(), "200")):
        assert asking.series("http_client_requests_total", method=asked, code=answered) == 1


@respx.mock
async def test_redirects_that_never_end(asking):
    route = respx.post(URL).respond(308, headers={"Location": URL})
    found = await asking.read()
    assert (found.state, found.detail) == ("error", "stopped after 10 redirects")
    assert route.call_count == 10


@respx.mock
@pytest.mark.parametrize("location", ["ftp://recommender.test/x", "file:///etc/passwd"])
async def test_a_redirect_to_another_scheme(asking, location):
    respx.post(URL).respond(307, headers={"Location": location})
    found = await asking.read()
    assert found.detail == "only http and https schemes are supported"


@respx.mock
@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("", "only http and https schemes are supported"),
        ("recommender.test/x", "only http and https schemes are supported"),
        ("grpc://recommender.test/x", "only http and https schemes are supported"),
        ("ftp://recommender.test/x", "only http and https schemes are supported"),
        ("http:///x", "the URL names no host"),
        ("http://recommender.test:port/x", "Invalid port: 'port'"),
        ("http://[::1/x", ""),
        ("http://a\x00b/x", ""),
    ],
)
async def test_addresses_that_nobody_can_be_asked_at(asking, url, detail):
    found = await asking.read(url)
    assert (found.state, found.advice) == ("error", None)
    assert found.detail.startswith(detail)
    assert found.detail


async def test_a_host_that_no_resolver_takes(asking):
    found = await asking.read("http://" + "a" * 300 + ".test/x")
    assert (found.state, found.advice) == ("error", None)
    assert found.detail


@respx.mock
@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (httpx.ConnectError("connection refused"), "connection refused"),
        (httpx.ReadError(""), "ReadError"),
        (httpx.RemoteProtocolError("peer closed"), "peer closed"),
        (httpx.ProxyError("502 Bad Gateway"), "502 Bad Gateway"),
    ],
)
async def test_no_answer(asking, error, detail):
    respx.post(URL).mock(side_effect=error)
    found = await asking.read()
    assert (found.state, found.detail) == ("error", detail)
    assert asking.series("http_client_requests_errors_total") == 1
    assert asking.series("http_client_requests_inflight") == 0


@respx.mock
@pytest.mark.looptime
async def test_a_slow_recommender(asking):
    async def slow(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(4)
        return httpx.Response(308, headers={"Location": URL})

    respx.post(URL).mock(side_effect=slow)
    start = asyncio.get_running_loop().time()
    found = await asking.read()
    assert (found.state, found.detail) == ("error", "no reply within 10 s")
    assert asyncio.get_running_loop().time() - start == pytest.approx(10)
    assert asking.series("http_client_requests_errors_total") == 1
    assert asking.series("http_client_requests_inflight") == 0


@respx.mock
@pytest.mark.looptime
async def test_a_recommender_that_hangs_is_asked_by_so_many_at_a_time_and_delays_nobody_else(
    asking,
):
    asked = []

    async def hang(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        await asyncio.sleep(3600)
        raise AssertionError("the wait was to be broken off")

    respx.post(URL).mock(side_effect=hang)
    others = [URL + "/other", "http://elsewhere.test/autoscaling"]
    for url in others:
        respx.post(url).respond(json=GOOD)
    start = asyncio.get_running_loop().time()
    waiting = [asyncio.create_task(asking.read()) for _ in range(3 * PART)]
    await asyncio.sleep(2)
    for url in others:
        assert (await asking.read(url)).good
    assert asyncio.get_running_loop().time() - start == pytest.approx(2)
    details = Counter(reading.detail for reading in await asyncio.gather(*waiting))
    # Those who waited for a place waited within the same 10 s.
    assert asyncio.get_running_loop().time() - start == pytest.approx(10)
    assert details == {
        "no reply within 10 s": PART,
        "not asked, since too many wait for replies, within 10 s": 2 * PART,
    }
    assert len(asked) == PART
    waiting = [asyncio.create_task(asking.read()) for _ in range(5)]
    await asyncio.sleep(2)
    assert len(asked) == PART + 1, "one looks whether it answers again"
    respx.post(URL).respond(json=GOOD)
    await asyncio.sleep(7)
    waiting += [asyncio.create_task(asking.read()) for _ in range(5)]
    found = await asyncio.gather(*waiting)
    assert [reading.good for reading in found] == [False] * 5 + [True] * 5


@respx.mock
@pytest.mark.looptime
async def test_a_reply_that_trickles(asking):
    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(1)
                yield b" "

    respx.post(URL).mock(return_value=httpx.Response(200, stream=Trickle()))
    found = await asking.read()
    assert found.detail == "no reply within 10 s"


@respx.mock
async def test_cookies_are_not_carried_from_one_object_to_another(asking):
    route = respx.post(URL).respond(json=GOOD, headers={"Set-Cookie": "who=web; Path=/"})
    await asking.read()
    await asking.read()
    assert "Cookie" not in route.calls.last.request.headers


@respx.mock
async def test_a_password_in_the_address_is_used_but_not_told(asking):
    route = respx.post(URL).respond(json=GOOD)
    assert (await asking.read(URL.replace("http://", "http://me:word@"))).good
    assert route.calls.last.request.headers["Authorization"].startswith("Basic ")
    shown = URL.replace("http://", "http://***@")
    labels = {"method": "post", "code": "200"}
    assert asking.series("http_client_requests_total", client=shown, **labels) == 1


@respx.mock
async def test_unknown_fields_are_logged_once(asking):
    """D34."""
    respx.post(URL).respond(json=GOOD | {"confidence": 1})
    with capture_logs() as logs:
        await asking.read()
        await asking.read()
    told = [(line["url"], line["fields"]) for line in logs]
    assert told == [(URL, ["confidence"])]
    respx.post(URL).respond(json=GOOD | {"confidence": 1, "model": "b"})
    with capture_logs() as logs:
        await asking.read()
    assert [line["fields"] for line in logs] == [["model"]]


@respx.mock
async def test_a_recommender_that_makes_up_fields_is_not_listened_to_for_ever(asking):
    with capture_logs() as logs:
        for number in range(3 * MOST_TOLD):
            respx.post(URL).respond(json=GOOD | {f"made-up-{number}": 1})
            assert (await asking.read()).good
    assert len(logs) == MOST_TOLD


@respx.mock
async def test_addresses_that_nobody_asks_any_more_lose_their_series(asking, monkeypatch):
    monkeypatch.setattr("scaler.shell.recommender_series.MOST_CLIENTS", 3)
    for number in range(5):
        respx.post(f"{URL}/{number}").respond(json=GOOD)
        await asking.read(f"{URL}/{number}")
    labels = {"method": "post", "code": "200"}
    counts = [
        asking.series("http_client_requests_total", client=f"{URL}/{number}", **labels)
        for number in range(5)
    ]
    assert counts == [None, None, 1, 1, 1]
    assert asking.series("http_client_requests_inflight", client=f"{URL}/0") is None


@respx.mock
async def test_proxy_variables_that_make_no_sense(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "ftp://proxy.test")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with recommending(CollectorRegistry(), LoopClock(NOW), "", None) as recommenders:
        found = await Asking(recommenders, CollectorRegistry()).read()
    assert found.detail.startswith("the proxy variables cannot be used: Unknown scheme")
