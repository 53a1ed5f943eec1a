"""What every request to the sandbox's API server passes: it is noted, and may meet a fault."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from kube.vocab.times import Clock, Millis
from sandbox.cluster import SandboxCluster

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""Answers a request in the API server's place, or lets it pass with None."""

Echo = Callable[[web.Request], bool]
"""Whether the answer to a request that was done gets lost on its way."""

Witness = Callable[[web.Request, web.StreamResponse], Awaitable[None]]
"""Sees what was asked of the API server and what it answered, before the client does."""


Hearing = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


class Call(Struct, frozen=True):
    """One request that the API server was asked, and its answer's code."""

    method: str
    path: str
    code: int
    at: Millis
    agent: str
    token: str


class Gate:
    """Stands before the API server's own middlewares."""

    def __init__(self, clock: Clock) -> None:
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.echoes: list[Echo] = []
        self.witnesses: list[Witness] = []
        self._clock = clock

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        for fault in tuple(self.faults):
            answer = await fault(request)
            if answer is not None:
                self._note(request, answer.status)
                return answer
        answer = await handler(request)
        self._note(request, answer.status)
        for witness in tuple(self.witnesses):
            await witness(request, answer)
        if any([echo(request) for echo in self.echoes]):
            hang_up(request)
        return answer

    def _note(self, request: web.Request, code: int) -> None:
        agent = request.headers.get("User-Agent", "")
        token = token_of(request)
        call = Call(request.method, request.path, code, self._clock.now(), agent, token)
        self.calls.append(call)


class GatedCluster(SandboxCluster):
    """A sandbox whose every request passes a gate first."""

    def __init__(self, *args: Any, gate: Gate, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on_answer: Hearing | None = None
        """Hears of each answer as it goes out."""
        self._gate = gate

    def _app(self, aggregator: Any) -> web.Application:
        app = super()._app(aggregator)
        app.middlewares.insert(0, self._gate.check)
        if self.on_answer is not None:
            app.on_response_prepare.append(self.on_answer)
        return app


def hang_up(request: web.Request) -> None:
    """Cut the connection: whoever asked gets no answer."""
    assert request.transport is not None
    request.transport.abort()


def token_of(request: web.Request) -> str:
    """The bearer token of a request."""
    return request.headers.get("Authorization", "").removeprefix("Bearer ")
