"""Connections that mean no good: idle, half a request, endless bodies, headers without end."""

import asyncio
import contextlib

import pytest

from kube.service import listeners
from tests.integration.adapter.kit.server import METRIC, PATIENCE, ROOT, until
from tests.integration.adapter.kit.wire import Connection, Line, in_process, over_tls

pytestmark = pytest.mark.asyncio
ASKED = f"GET {METRIC} HTTP/1.1\r\nHost: a\r\nX-Remote-User: hpa\r\n"


async def served(line: Line) -> None:
    """Somebody else is answered as if nothing was."""
    connection = await line.connect(line.harness.proxy)
    assert (await connection.ask(f"{ASKED}\r\n".encode())).status == 200
    connection.close()


@contextlib.asynccontextmanager
async def crowd(line: Line, size: int, said: bytes):
    """Connections that have all said the same, and keep silent."""
    connections = [await line.connect() for _ in range(size)]
    for connection in connections:
        connection.send(said)
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.parametrize(
    "said", [b"", b"G", ASKED.encode(), b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"]
)
async def test_a_crowd_that_says_nothing_more_takes_nothing_from_others(tmp_path, said):
    async with over_tls(tmp_path) as line, crowd(line, 100, said):
        await served(line)
        probe = await line.connect(line.harness.proxy)
        masters = "X-Remote-User: a\r\nX-Remote-Group: system:masters\r\n\r\n"
        got = await probe.ask(f"GET {ROOT} HTTP/1.1\r\nHost: a\r\n{masters}".encode())
        assert got.status == 200
        probe.close()


@pytest.mark.parametrize("said", [b"", b"GET / HT", ASKED.encode()])
async def test_who_never_ends_a_first_request_is_cut(tmp_path, monkeypatch, said):
    monkeypatch.setattr(listeners, "FIRST_REQUEST_WITHIN", 0.3)
    async with over_tls(tmp_path) as line:
        connection = await line.connect(line.harness.proxy)
        connection.send(said)
        async with asyncio.timeout(PATIENCE):
            assert await connection.ends() == b""
        # Trickling on does not help.
        connection = await line.connect(line.harness.proxy)
        connection.send(ASKED.encode())
        trickling = asyncio.create_task(trickle(connection))
        async with asyncio.timeout(PATIENCE):
            assert await connection.ends() == b""
        trickling.cancel()


async def trickle(connection: Connection) -> None:
    while True:
        connection.send(b"X")
        await asyncio.sleep(0.02)


async def test_beyond_the_limit_those_go_that_ask_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(listeners, "MOST_CONNECTIONS", 3)
    async with over_tls(tmp_path) as line:
        proxy = line.harness.proxy
        asking, idle, silent = [await line.connect(proxy) for _ in range(3)]
        assert (await idle.ask(f"{ASKED}\r\n".encode())).status == 200
        line.harness.prometheus.stalls()
        asking.send(f"{ASKED.replace('depth', 'depth?labelSelector=queue%3Da')}\r\n".encode())
        await until(lambda: len(line.harness.prometheus.queries) == 2)

        fourth = await line.connect(proxy)
        async with asyncio.timeout(PATIENCE):
            assert await silent.ends() == b""
        assert (await fourth.ask(f"{ASKED}\r\n".encode())).status == 200
        assert (await idle.ask(f"{ASKED}\r\n".encode())).status == 200
        fifth = await line.connect(proxy)
        async with asyncio.timeout(PATIENCE):
            assert await idle.ends() == b""
        for connection in (asking, fourth, fifth):
            connection.close()


async def test_who_never_ends_a_handshake_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(listeners, "HANDSHAKE_WITHIN", 0.3)
    async with over_tls(tmp_path) as line:
        address = line.harness.server.address
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        writer.close()
        await served(line)


async def test_who_did_ask_in_time_is_not_cut(tmp_path, monkeypatch):
    """Neither while the answer takes its time nor between two requests."""
    monkeypatch.setattr(listeners, "FIRST_REQUEST_WITHIN", 1.5)
    async with over_tls(tmp_path) as line:
        idle = await line.connect(line.harness.proxy)
        assert (await idle.ask(f"{ASKED}\r\n".encode())).status == 200
        released = line.harness.prometheus.holds()
        asking = await line.connect(line.harness.proxy)
        asking.send(f"{ASKED.replace('depth', 'depth?labelSelector=queue%3Da')}\r\n".encode())
        await until(lambda: len(line.harness.prometheus.queries) == 2)
        await asyncio.sleep(2)
        released.set()
        assert (await asking.answer()).status == 200
        assert (await idle.ask(f"{ASKED}\r\n".encode())).status == 200
        for connection in (asking, idle):
            connection.close()


@pytest.mark.parametrize(
    "head",
    [
        ASKED + "X: " + "y" * 9000 + "\r\n\r\n",
        ASKED + "".join(f"X-{n}: y\r\n" for n in range(5000)) + "\r\n",
        ASKED + "y" * 9000 + ": x\r\n\r\n",
        f"GET {METRIC}?labelSelector={'a' * 65536} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"{'G' * 70000} / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["long header", "many headers", "long header name", "long target", "long method"],
)
async def test_requests_without_measure_are_refused(tmp_path, head):
    async with over_tls(tmp_path) as line:
        connection = await line.connect(line.harness.proxy)
        (await connection.ask(head.encode())).failure(400, "BadRequest")
        assert await connection.ends() == b""
        await served(line)


@pytest.mark.parametrize("framing", ["Content-Length: 99999999999", "Transfer-Encoding: chunked"])
async def test_a_body_without_end_is_not_waited_for(tmp_path, framing):
    """The answer comes before the body, which is nobody's business."""
    async with in_process(tmp_path) as line:
        connection = await line.connect(line.harness.proxy)
        head = f"POST {METRIC} HTTP/1.1\r\nHost: a\r\nX-Remote-User: root\r\n{framing}\r\n\r\n"
        connection.send(head.encode())
        (await connection.answer()).failure(405, "MethodNotAllowed")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(100):
            connection.send(chunk)
            await asyncio.sleep(0)
        connection.close()
        await served(line)


async def test_a_thousand_requests_at_once_on_one_connection_are_answered_in_order(tmp_path):
    async with over_tls(tmp_path) as line:
        connection = await line.connect(line.harness.proxy)
        connection.send(f"{ASKED}\r\n".encode() * 1000)
        answers = [await connection.answer() for _ in range(1000)]
        assert {one.status for one in answers} == {200}
        assert len(line.harness.prometheus.queries) == 1
        connection.close()


async def test_who_hangs_up_is_not_waited_for(tmp_path):
    """Fifty callers leave while Prometheus is silent: its one query ends with the last of them."""
    async with over_tls(tmp_path) as line:
        line.harness.prometheus.stalls()
        connections = [await line.connect(line.harness.proxy) for _ in range(50)]
        for connection in connections:
            connection.send(f"{ASKED}\r\n".encode())
        await until(lambda: line.harness.prometheus.queries)
        for connection in connections:
            connection.close()
        prometheus = line.harness.prometheus
        await until(lambda: prometheus.cancelled == len(prometheus.queries))
