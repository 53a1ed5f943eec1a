"""Hears what the API server tells the scalers, and takes down every count that it accepts."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from kube.vocab.quantity import parse_milli
from kube.vocab.times import Clock, Millis
from tests.faults.judge import Answer, Pods
from tests.faults.plan import METRIC
from tests.integration.scaler.gate import token_of

AGENT = "wpa-controller"


class Write(Struct, frozen=True):
    """A count that was accepted from a scaler."""

    at: Millis
    name: str
    before: int
    after: int
    pods: Pods
    leads: bool
    read: int | None


class Ear:
    """Listens to the answers of one API server."""

    def __init__(
        self, clock: Clock, pods: Callable[[str], Pods], replicas: Callable[[str], int]
    ) -> None:
        self.answers: dict[str, list[Answer]] = {}
        """What was heard of the metric, by object."""
        self.writes: list[Write] = []
        self._clock = clock
        self._pods = pods
        self._replicas = replicas
        self._read: dict[tuple[str, str], int] = {}
        self._before: dict[int, tuple[int, Pods]] = {}
        self._renewals: dict[str, Millis] = {}
        self._leader = ""

    async def before(self, request: web.Request) -> None:
        """A request comes: how things are before a count is written."""
        if request.method == "PUT" and request.path.endswith("/scale") and _ours(request):
            name = request.path.split("/")[-2]
            self._before[id(request)] = (self._replicas(name), self._pods(name))

    async def answering(self, request: web.Request, response: web.StreamResponse) -> None:
        """A signal of aiohttp's: an answer is about to go out."""
        if not _ours(request):
            return
        token, ending = token_of(request), request.path.rpartition("/")[2]
        match request.method, ending:
            case "GET", name if name == METRIC:
                self._listen(request, response)
            case "GET", "scale":
                self._note_read(token, request, response)
            case "PUT", "scale":
                self._note_write(token, request, response)
            case (("PUT" | "POST"), _) if "/leases" in request.path and response.status < 300:
                self._leader = token
                self._renewals[token] = self._clock.now()

    def _listen(self, request: web.Request, response: web.StreamResponse) -> None:
        queue = request.query.get("labelSelector", "").rpartition("=")[2]
        heard = self.answers.setdefault(queue, [])
        if response.status != 200:
            heard.append(Answer(self._clock.now()))
            return
        body, send = bytearray(), response.write

        async def write(chunk: bytes) -> None:
            body.extend(chunk)
            await send(chunk)
            values = _values(bytes(body))
            if values is not None:
                heard.append(Answer(self._clock.now(), values))

        response.write = write  # type: ignore[assignment, method-assign]

    def _note_read(self, token: str, request: web.Request, response: web.StreamResponse) -> None:
        if response.status == 200 and isinstance(response, web.Response):
            count = msgspec.json.decode(_body(response))["spec"].get("replicas", 0)
            self._read[token, request.path.split("/")[-2]] = count

    def _note_write(self, token: str, request: web.Request, response: web.StreamResponse) -> None:
        before, pods = self._before.pop(id(request), (0, Pods(0, 0, 0)))
        if response.status != 200 or not isinstance(response, web.Response):
            return
        name = request.path.split("/")[-2]
        after = msgspec.json.decode(_body(response))["spec"].get("replicas", 0)
        now = self._clock.now()
        leads = self._leader == token and now - self._renewals[token] <= 15_000
        read = self._read.get((token, name))
        self.writes.append(Write(now, name, before, after, pods, leads, read))


def _ours(request: web.Request) -> bool:
    return request.headers.get("User-Agent", "") == AGENT


def _body(response: web.Response) -> bytes:
    body: Any = response.body
    assert isinstance(body, bytes)
    return body


def _values(body: bytes) -> tuple[Fraction, ...] | None:
    try:
        items = msgspec.json.decode(body)["items"] or ()
    except msgspec.DecodeError:
        return None
    return tuple(Fraction(parse_milli(item["value"]), 1000) for item in items)
