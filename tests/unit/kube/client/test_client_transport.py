import asyncio
import socket
import ssl
from typing import Any

import msgspec
import pytest
import trustme
from aiohttp import web

from kube.client.bulkheads import PART
from kube.client.credentials import Credentials, Identity
from kube.client.errors import (
    BadAnswer,
    Gone,
    NotFound,
    ServerError,
    TooLargeResourceVersion,
    TooManyRequests,
    Unreachable,
)
from kube.client.requests import Patch, Resource, get_of, list_of, patch_of
from kube.client.transport import ApiClient
from kube.client.watches import watch_of
from tests.unit.kube.client.scripted import WIDGETS, client_of, failure, serving, status

PODS = Resource("", "v1", "pods")
GET = get_of(PODS, "ns", "a b")
PATCH = patch_of(PODS, "ns", "p", b'{"a":1}', Patch.MERGE)


@pytest.mark.asyncio
async def test_a_request_arrives_as_it_was_described():
    seen = []

    async def handler(request):
        seen.append((request.method, request.raw_path, await request.read(), request.headers))
        return web.json_response({})

    def credentials(url):
        return Credentials(url, identity=Identity("Bearer t0"))

    async with client_of(handler, credentials) as client:
        await client.send(PATCH)
        await client.send(list_of(PODS, "ns", label_selector="a in (b, c)"))
    (method, path, body, headers), (_, listed, _, _) = seen
    assert (method, path, body) == ("PATCH", "/api/v1/namespaces/ns/pods/p", b'{"a":1}')
    assert headers["Authorization"] == "Bearer t0"
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert headers["User-Agent"] == "test"
    assert headers["Accept-Encoding"] == "identity"
    assert listed == "/api/v1/namespaces/ns/pods?labelSelector=a+in+%28b%2C+c%29"


@pytest.mark.asyncio
async def test_read_decodes_and_an_unreadable_answer_names_the_place():
    async def handler(request):
        return web.json_response({"size": "seven"})

    async with client_of(handler) as client:
        with pytest.raises(BadAnswer, match=r"Expected `int`, got `str` - at `\$\["):
            await client.read(GET, msgspec.json.Decoder(dict[str, int]))


@pytest.mark.asyncio
async def test_an_answer_nested_beyond_all_reason_is_a_bad_one():
    async def handler(request):
        return web.Response(body=b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}")

    async with client_of(handler) as client:
        with pytest.raises(BadAnswer, match="recursion"):
            await client.read(GET, msgspec.json.Decoder(dict[str, Any]))


@pytest.mark.asyncio
async def test_a_redirect_is_not_followed():
    async def handler(request):
        raise web.HTTPFound("/elsewhere")

    async with client_of(handler) as client:
        with pytest.raises(BadAnswer, match="redirect to /elsewhere"):
            await client.send(GET)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_reads_obey_retry_after(looptime):
    answers = [failure(429, "TooManyRequests"), failure(503, "ServiceUnavailable")]
    for answer in answers:
        answer.headers["Retry-After"] = "2"

    async def handler(request):
        return answers.pop(0) if answers else web.json_response({})

    async with client_of(handler) as client:
        await client.send(GET)
    assert not answers
    assert 4.0 <= looptime <= 5.1


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("request_", "answer", "after", "expected"),
    [
        (PATCH, (429, "TooManyRequests"), "1", TooManyRequests),
        (GET, (429, "TooManyRequests"), "60", TooManyRequests),
        (GET, (503, "ServiceUnavailable"), None, ServerError),
        (GET, (504, "Timeout", "Too large resource version: 9"), "1", TooLargeResourceVersion),
    ],
    ids=["a write", "too long a wait", "no word when", "a version that never comes"],
)
async def test_what_is_not_repeated(request_, answer, after, expected, looptime):
    calls = []

    async def handler(request):
        calls.append(1)
        headers = {"Retry-After": after} if after else {}
        return web.json_response(status(*answer), status=answer[0], headers=headers)

    async with client_of(handler) as client:
        with pytest.raises(expected):
            await client.send(request_)
    assert len(calls) == 1
    assert looptime < 1


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_endless_retry_after_stops_at_the_deadline(looptime):
    async def handler(request):
        answer = failure(429, "TooManyRequests")
        answer.headers["Retry-After"] = "3"
        return answer

    async with client_of(handler, retry_within=10.0) as client:
        with pytest.raises(TooManyRequests):
            await client.send(GET)
    assert 6 <= looptime <= 10


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_calls_are_paced_with_qps_and_burst(looptime):
    async def handler(request):
        return web.json_response({})

    async with client_of(handler, qps=2, burst=3) as client:
        await asyncio.gather(*(client.send(GET) for _ in range(7)))
    assert float(looptime) == pytest.approx(2.0, abs=0.01)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_server_that_says_nothing_ends_in_a_timeout(looptime):
    async def handler(request):
        await asyncio.sleep(3600)

    async with client_of(handler, timeout=30.0) as client:
        with pytest.raises(Unreachable, match="no answer in time") as caught:
            await client.send(GET)
        assert caught.value.trouble == "timeout"
        with pytest.raises(Unreachable) as caught:
            async with client.stream(GET):
                pass
        assert caught.value.trouble == "timeout"
    assert float(looptime) == pytest.approx(60.0, abs=1)


@pytest.mark.asyncio
async def test_a_body_cut_short_is_no_answer():
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"a":')
        request.transport.close()
        return response

    async with client_of(handler) as client:
        with pytest.raises(Unreachable) as caught:
            await client.send(GET)
    assert caught.value.trouble == "reset"


@pytest.mark.asyncio
async def test_a_closed_port_is_unreachable_and_named():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        async with ApiClient(Credentials(url), user_agent="t") as client:
            with pytest.raises(Unreachable, match=url) as caught:
                await client.send(GET)
    assert caught.value.trouble == "connect"
    assert caught.value.retryable


@pytest.mark.asyncio
async def test_tls_is_verified_against_the_given_authority_and_name():
    ours, theirs = trustme.CA(), trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.issue_cert("kubernetes.default.svc").configure_cert(server)
    trusting, doubting = ssl.create_default_context(), ssl.create_default_context()
    ours.configure_trust(trusting)
    theirs.configure_trust(doubting)

    async def handler(request):
        return web.json_response({})

    async with serving(handler, server) as url:
        named = Credentials(url, tls=trusting, server_name="kubernetes.default.svc")
        async with ApiClient(named, user_agent="t") as client:
            assert await client.send(GET) == b"{}"
        for credentials in (
            Credentials(url, tls=doubting, server_name="kubernetes.default.svc"),
            Credentials(url, tls=trusting),
        ):
            async with ApiClient(credentials, user_agent="t") as client:
                with pytest.raises(Unreachable, match="certificate") as caught:
                    await client.send(GET)
                assert caught.value.trouble == "tls"


@pytest.mark.asyncio
async def test_each_attempt_is_observed_with_its_code():
    seen = []

    async def handler(request):
        if "missing" in request.path:
            return failure(404, "NotFound")
        return web.json_response({})

    def observe(request, code, seconds):
        seen.append((request.operation, request.resource, code, seconds >= 0))

    async with client_of(handler, on_request=observe) as client:
        await client.send(get_of(WIDGETS, "ns", "here", subresource="scale"))
        with pytest.raises(NotFound):
            await client.send(list_of(Resource("g", "v1", "missing")))
    assert seen == [("get", "widgets/scale", 200, True), ("list", "missing", 404, True)]


@pytest.mark.asyncio
async def test_watches_do_not_use_up_the_places_of_calls():
    waiting = asyncio.Event()

    async def handler(request):
        if request.query.get("watch"):
            response = web.StreamResponse()
            await response.prepare(request)
            await waiting.wait()
            return response
        return web.json_response({})

    watched = list_of(WIDGETS)
    async with client_of(handler) as client:
        opened = [client.stream(watch_of(watched, "1", 300)) for _ in range(PART + 1)]
        for stream in opened:
            await stream.__aenter__()
        assert await client.send(list_of(WIDGETS)) == b"{}"
        waiting.set()
        for stream in opened:
            await stream.__aexit__(None, None, None)


@pytest.mark.asyncio
async def test_a_refused_watch_raises_what_the_server_said():
    async def handler(request):
        return failure(410, "Expired", "too old resource version: 1 (5)")

    async with client_of(handler) as client:
        with pytest.raises(Gone, match="too old resource version"):
            async with client.stream(list_of(WIDGETS)):
                pass
