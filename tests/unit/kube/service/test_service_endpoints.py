"""Health, metrics and listeners over real sockets."""

import asyncio
import socket
import ssl
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from kube.service.health import HealthChecks
from kube.service.listeners import listening
from kube.service.metrics import LoopLag, exposition, new_registry
from kube.service.runtime import UsageError
from kube.service.settings import Address

ANY = Address("127.0.0.1", 0)


def app_of(*routes: Any) -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    return app


async def get(address: Address, path: str, method: str = "GET") -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://{address.host}:{address.port}{path}") as response,
    ):
        return response.status, await response.text()


def checks() -> tuple[HealthChecks, dict[str, str | None], list[str]]:
    """Checks "config" and "prometheus" (informational), their states, the failures heard."""
    states: dict[str, str | None] = {"config": None, "prometheus": None}
    heard: list[str] = []
    health = HealthChecks(lambda probe, result: heard.append(f"{probe} {result.reason}"))
    health.add("config", lambda: states["config"])
    health.add("prometheus", lambda: states["prometheus"], informational=True)
    health.add("loop", lambda: None, probes=["livez"])
    return health, states, heard


@pytest.mark.asyncio
async def test_healthy_probes_say_ok_to_any_method():
    health, _, heard = checks()
    async with listening(app_of(*health.routes()), ANY, flag="--x") as address:
        for path in ("/healthz", "/livez", "/readyz", "/healthz/"):
            assert await get(address, path) == (200, "ok")
        assert await get(address, "/readyz", "POST") == (200, "ok")
        assert await get(address, "/readyz?verbose") == (
            200,
            "[+]ping ok\n[+]config ok\n[+]prometheus ok\nreadyz check passed\n",
        )
        assert (await get(address, "/livez?verbose"))[1] == (
            "[+]ping ok\n[+]loop ok\nlivez check passed\n"
        )
    assert heard == []


@pytest.mark.asyncio
async def test_a_failed_check_fails_its_probe_without_giving_reasons_away():
    health, states, heard = checks()
    states["config"] = "secret path unreadable"
    async with listening(app_of(*health.routes()), ANY, flag="--x") as address:
        code, body = await get(address, "/readyz")
        assert code == 500
        assert body == (
            "[+]ping ok\n[-]config failed: reason withheld\n[+]prometheus ok\nreadyz check failed\n"
        )
        assert await get(address, "/livez") == (200, "ok")
        assert await get(address, "/readyz?exclude=config") == (200, "ok")
        assert (await get(address, "/readyz/config"))[0] == 500
        assert await get(address, "/readyz/ping") == (200, "ok")
        assert (await get(address, "/readyz/unknown"))[0] == 404
    assert "readyz secret path unreadable" in heard
    assert not health.healthy("readyz")
    assert health.healthy("livez")


@pytest.mark.asyncio
async def test_an_informational_check_is_shown_and_never_fails():
    health, states, _ = checks()
    states["prometheus"] = "refused"
    async with listening(app_of(*health.routes()), ANY, flag="--x") as address:
        assert await get(address, "/readyz") == (200, "ok")
        assert "prometheus failed: reason withheld" in (await get(address, "/readyz?verbose"))[1]


def test_a_check_name_is_used_once():
    health, _, _ = checks()
    with pytest.raises(ValueError, match="'config' exists already"):
        health.add("config", lambda: None)


@pytest.mark.asyncio
async def test_metrics_parse_and_carry_process_and_build():
    registry = new_registry("wpa_scaler", "1.2.3")
    app = app_of(web.get("/metrics", exposition(registry)))
    async with listening(app, ANY, flag="--x") as address:
        code, body = await get(address, "/metrics")
    assert code == 200
    families = {family.name: family for family in text_string_to_metric_families(body)}
    assert {"process_resident_memory_bytes", "python_info"} <= set(families)
    (info,) = families["wpa_scaler_build_info"].samples
    assert info.labels["version"] == "1.2.3"
    assert info.value == 1


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("refusal", [None, lambda code: web.Response(status=code)])
async def test_requests_get_the_drain_to_finish_and_not_a_second_one(refusal):
    begun: list[asyncio.Event] = [asyncio.Event(), asyncio.Event()]

    async def handler(request: web.Request) -> web.Response:
        seconds = float(request.query["takes"])
        begun[seconds > 60].set()
        await asyncio.sleep(seconds)
        return web.Response(text="done")

    loop = asyncio.get_running_loop()
    app = app_of(web.get("/", handler))
    async with listening(app, ANY, flag="--port", drain=3.0, refusal=refusal) as address:
        slow = asyncio.create_task(get(address, "/?takes=2.5"))
        hung = asyncio.create_task(get(address, "/?takes=3600"))
        await asyncio.gather(*(one.wait() for one in begun))
        closes = loop.time()
    assert loop.time() - closes == pytest.approx(3.0, abs=0.2)
    assert await slow == (200, "done")
    with pytest.raises(aiohttp.ClientError):
        await hung


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_loop_lag_is_measured_each_half_second():
    registry = new_registry("p", "1")
    lag = LoopLag("p", registry)
    work = asyncio.ensure_future(lag.run())
    await asyncio.sleep(2.05)
    work.cancel()
    await asyncio.wait({work})
    assert registry.get_sample_value("p_event_loop_lag_seconds_count") == 4
    assert registry.get_sample_value("p_event_loop_lag_seconds_bucket", {"le": "0.01"}) == 4


@pytest.mark.asyncio
async def test_a_port_in_use_names_port_and_flag():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(UsageError, match=rf":{port}: the port is in use.*--metrics-port"):
            async with listening(app_of(), Address("127.0.0.1", port), flag="--metrics-port"):
                pass


@pytest.mark.asyncio
async def test_an_address_of_another_machine_names_the_flag():
    with pytest.raises(UsageError, match=r"192\.0\.2\.1:0.*--listen"):
        async with listening(app_of(), Address("192.0.2.1", 0), flag="--listen"):
            pass


@pytest.mark.asyncio
async def test_tls_is_served_and_the_socket_is_gone_afterwards():
    ca = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    ca.configure_trust(client)

    async def hello(request):
        return web.Response(text="hello")

    async with listening(app_of(web.get("/", hello)), ANY, flag="--x", tls=server) as address:
        url = f"https://127.0.0.1:{address.port}/"
        async with aiohttp.ClientSession() as session, session.get(url, ssl=client) as response:
            assert await response.text() == "hello"
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", address.port)


def refused(status: int) -> web.Response:
    return web.Response(status=status, text="not like this")


async def exchange(sent: bytes) -> bytes:
    """All that comes back to `sent` until the server hangs up."""
    async with listening(app_of(), ANY, flag="--x", refusal=refused) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        writer.write(sent)
        async with asyncio.timeout(60):
            said = await reader.read()
        writer.close()
    return said


@pytest.mark.asyncio
async def test_what_is_no_http_is_refused_in_the_servers_words_without_an_echo():
    said = await exchange(b"GET /secret HTTP/1.1\r\nnonsense\r\n\r\n")
    assert said.startswith(b"HTTP/1.0 400 Bad Request\r\n")
    assert said.endswith(b"\r\n\r\nnot like this")


@pytest.mark.asyncio
@pytest.mark.parametrize("header", [b"Expect: miracles", b"Expect: \xa0"])
async def test_an_expectation_nobody_can_meet_is_refused_in_the_same_words(header):
    said = await exchange(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n\r\n" % header)
    assert said.startswith(b"HTTP/1.1 417 Expectation Failed\r\n")
    assert said.endswith(b"\r\n\r\nnot like this")


@pytest.mark.asyncio
async def test_a_request_without_a_target_does_not_leave_its_connection_open():
    assert await exchange(b"CONNECT \r\n\r\n") == b""
    first = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert b" 400 Bad Request\r\n" in await exchange(first + b"CONNECT \r\n\r\n")
