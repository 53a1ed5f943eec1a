"""Asks a recommender for a count: one bounded HTTP exchange per evaluation (wpa-behaviour §18)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Final, cast

import httpx
from cachetools import LRUCache
from prometheus_client import CollectorRegistry

from kube.client.bulkheads import Bulkheads, Call
from kube.service.logs import get_logger
from kube.service.runtime import UsageError
from kube.vocab.times import Clock, Millis
from scaler.core.observed import Reading, ReadingState
from scaler.core.recommender import Recommender, Tls, merged
from scaler.core.recommender_wire import BadReply, read_reply, request_body, unknown_fields
from scaler.core.spec import Spec
from scaler.shell.recommender_clients import Clients
from scaler.shell.recommender_series import RecommenderCalls
from scaler.shell.recommender_tls import TlsError, context_of, stamp_of

TIMEOUT: Final = 10.0
"""Seconds for the whole exchange, redirects and the wait for a place among the calls included."""
LARGEST_REPLY: Final = 1024 * 1024
"""Bytes; a reply has a few hundred."""
MOST_REQUESTS: Final = 10
"""Of one exchange: the first one and its redirects."""
SHOWN_BODY: Final = 100
"""Bytes of an error's body that are shown."""

MOST_TOLD: Final = 100
"""Unknown fields of one recommender that are logged: it may make up more and more."""

_STATES: Final[dict[int, ReadingState]] = {401: "forbidden", 403: "forbidden", 404: "not_found"}
_log = get_logger("controllers.WatermarkPodAutoscaler")


class Refused(Exception):
    """The exchange came to no reply; `state` is what that makes of the reading."""

    def __init__(self, text: str, state: ReadingState = "error") -> None:
        super().__init__(text)
        self.state = state


class Recommenders:
    """Asks the recommenders of all objects."""

    def __init__(
        self,
        clients: Clients,
        calls: RecommenderCalls,
        clock: Clock,
        *,
        cluster: str = "",
        tls: Tls | None = None,
    ) -> None:
        """`cluster` is passed on to recommenders; `tls` holds the defaults from the flags."""
        self._clients = clients
        self._calls = calls
        self._clock = clock
        self._cluster = cluster
        self._tls = tls
        self._bulkheads = Bulkheads(clock.monotonic)
        self._told: LRUCache[str, frozenset[str]] = LRUCache(4096)

    async def read(
        self,
        spec: Spec,
        recommender: Recommender,
        current: int,
        counted: int,
        now: Millis,
        max_age: int,
    ) -> Reading:
        """The evidence in the recommender's reply for a target at `current` with `counted` pods.

        Never raises for what the recommender does: that is a state.
        """
        question = request_body(spec, recommender, current, counted, self._cluster)
        call = Call("", recommender.url)
        try:
            call.whole = _host(recommender.url)
            async with asyncio.timeout(TIMEOUT), self._bulkheads.place(call):
                body = await self._exchange(recommender, question, call)
            reading = read_reply(body, now, max_age)
        except Refused as error:
            return Reading(error.state, detail=str(error))
        except TimeoutError:
            text = "no reply" if call.under_way else "not asked, since too many wait for replies,"
            return Reading("error", detail=f"{text} within {TIMEOUT:.0f} s")
        except (TlsError, BadReply) as error:
            return Reading("error", detail=str(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return Reading("error", detail=str(error) or type(error).__name__)
        self._tell_unknown(recommender, body)
        return reading

    async def _exchange(self, recommender: Recommender, question: bytes, call: Call) -> bytes:
        """The body of the reply. Follows redirects as Go's client does: only 307 and 308 keep the
        method and the body. Bodies of redirects are not read.
        """
        async with self._clients.client(merged(recommender.tls, self._tls)) as http:
            request = http.build_request(
                "POST",
                recommender.url,
                content=question,
                headers={"Content-Type": "application/json"},
            )
            for _ in range(MOST_REQUESTS):
                response = await self._send(http, request, recommender.public_url)
                call.answered = True
                async with aclosing(response):
                    if response.next_request is None:
                        return await _body(response)
                    request = response.next_request
                    _check_address(request.url)
        raise Refused(f"stopped after {MOST_REQUESTS} redirects")

    async def _send(
        self, http: httpx.AsyncClient, request: httpx.Request, client: str
    ) -> httpx.Response:
        self._calls.started(client)
        start = self._clock.monotonic()
        try:
            response = await http.send(request, stream=True, follow_redirects=False)
        except BaseException:  # also when the deadline cancels it
            self._calls.failed(client)
            raise
        seconds = self._clock.monotonic() - start
        self._calls.answered(client, request.method, response.status_code, seconds)
        return response

    def _tell_unknown(self, recommender: Recommender, body: bytes) -> None:
        """Log fields that nobody looks at, each once per recommender (D34)."""
        told = self._told.get(recommender.url, frozenset())
        if len(told) >= MOST_TOLD:
            return
        new = [field for field in unknown_fields(body) if field not in told]
        if new:
            self._told[recommender.url] = told.union(new)
            _log.warning(
                "Ignored unknown fields in the reply of a recommender",
                url=recommender.public_url,
                fields=new,
            )


@asynccontextmanager
async def recommending(
    registry: CollectorRegistry, clock: Clock, cluster: str, tls: Tls | None
) -> AsyncIterator[Recommenders]:
    """The recommenders of a daemon, until it ends. Raises UsageError where `tls`, which comes from
    the flags, is of no use as it is now.
    """
    try:
        if tls is not None:
            stamp_of(tls)
            context_of(tls)
    except TlsError as error:
        raise UsageError(f"flags --tls-*: {error}") from None
    clients = Clients(clock)
    sweeper = asyncio.create_task(clients.run())
    try:
        yield Recommenders(clients, RecommenderCalls(registry), clock, cluster=cluster, tls=tls)
    finally:
        sweeper.cancel()
        await clients.aclose()


def _host(url: str) -> str:
    """The host and port of an address that can be asked. Raises Refused and InvalidURL."""
    parsed = httpx.URL(url)
    _check_address(parsed)
    return parsed.netloc.decode()


def _check_address(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https"):
        raise Refused("only http and https schemes are supported")
    if not url.host:
        raise Refused("the URL names no host")


async def _body(response: httpx.Response) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity")
    if response.status_code != 200:
        start = b"" if encoding != "identity" else await _start(response, SHOWN_BODY)
        shown = start.decode(errors="replace")
        raise Refused(
            f"unexpected response code: {response.status_code} ({shown})",
            _STATES.get(response.status_code, "error"),
        )
    if encoding != "identity":
        raise Refused(f"the reply is encoded as {encoding[:SHOWN_BODY]}, which was not asked for")
    body = await _start(response, LARGEST_REPLY + 1)
    if len(body) > LARGEST_REPLY:
        raise Refused(f"the reply is larger than {LARGEST_REPLY} bytes")
    return body


async def _start(response: httpx.Response, limit: int) -> bytes:
    """The first `limit` bytes of the body, or all of it."""
    found = bytearray()
    # httpx promises an iterator and makes a generator, which wants to be closed where it is left.
    async with aclosing(cast(AsyncGenerator[bytes, None], response.aiter_bytes())) as chunks:
        async for chunk in chunks:
            found += chunk
            if len(found) >= limit:
                break
    return bytes(found[:limit])
