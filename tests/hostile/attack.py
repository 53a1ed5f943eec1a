"""Sends wild requests to an adapter and holds every answer, and the adapter itself, to account."""

import asyncio
import re
from collections import Counter
from random import Random

from tests.hostile.verdicts import check_answer, check_query, means
from tests.hostile.wild import Wild, any_request
from tests.integration.adapter.kit.server import Answer
from tests.integration.adapter.kit.wire import Connection, Line

_PATIENCE = 0.1
"""Seconds to wait for an answer to what may be no whole request."""


class Attack:
    """One line to the adapter under attack; `seen` counts the answers by status."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._it = line.harness
        self._connections: dict[bool, Connection] = {}
        self.seen: Counter[str] = Counter()

    async def one(self, seed: int) -> None:
        """Make the request of `seed`, send it, look at what came of it. Raises AssertionError."""
        wild = any_request(Random(seed))
        self._it.clock.ahead += 0.5
        self._it.prometheus.queries.clear()
        self._it.prometheus.requests.clear()
        self._it.cluster.access_reviews.clear()
        answer = await self._exchange(wild)
        self.seen[str(answer.status) if answer else "closed or waiting"] += 1
        if answer is None:
            assert not wild.whole, f"no answer to {wild.raw[:300]!r}"
        else:
            address = self._it.prometheus.url.removeprefix("http://")
            # An index page of unknown paths echoes nothing; messages may echo what was asked.
            check_answer(answer, address)
        queries = self._it.prometheus.queries
        for query in queries:
            check_query(query)
        # A request that was given up may still be asking, so one of them has to be this one's.
        if answer is not None and answer.status == 200 and wild.selector is not None and queries:
            assert any(means(query, wild.selector) for query in queries), (wild.raw, queries)

    async def _exchange(self, wild: Wild) -> Answer | None:
        connection = self._connections.get(wild.proxied)
        if connection is None:
            certificate = self._it.proxy if wild.proxied else None
            connection = await self._line.connect(certificate)
            self._connections[wild.proxied] = connection
        method = "HEAD" if wild.raw.startswith(b"HEAD ") else "GET"
        connection.send(wild.raw)
        answer = None
        try:
            async with asyncio.timeout(None if wild.whole else _PATIENCE):
                answer = await connection.answer(method)
                while answer.status == 100:
                    answer = await connection.answer(method)
        except (EOFError, TimeoutError, ConnectionError):
            pass
        if answer is None or not wild.whole or _closes(answer):
            self._connections.pop(wild.proxied).close()
        return answer

    async def aftermath(self) -> None:
        """The adapter is well, and nothing in it was an accident."""
        for connection in self._connections.values():
            connection.close()
        connection = await self._line.connect(self._it.proxy)
        ready = await connection.ask(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (ready.status, ready.body) in ((401, ready.body), (200, b"ok"))
        asked = b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Remote-User: root\r\n\r\n"
        metrics = (await connection.ask(asked)).body.decode()
        connection.close()
        assert not re.search(r'requests_total\{code="5', metrics), metrics


def _closes(answer: Answer) -> bool:
    # What is no HTTP is answered as to a client of HTTP/1.0, where closing goes without saying.
    return answer.status == 400 or answer.headers.get("Connection", "").lower() == "close"
