"""The HTTP side: every request is authenticated, authorised, answered, counted.

The order is Kubernetes': a caller who may not do something learns nothing else about it
(external-metrics-api §2, §9).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from prometheus_client import Counter

from adapter import answers
from adapter.answers import FailureError
from adapter.authn import Authenticator, UnauthorizedError
from adapter.core import reviews, routing
from adapter.core.documents import GROUP
from adapter.core.identity import User
from adapter.core.parameters import Parameters, read_parameters
from adapter.core.reviews import Access, PathAccess, ResourceAccess
from adapter.core.routing import HealthRoute, MetricRoute, PageRoute, Route
from adapter.metric_reads import SOURCE, MetricReads
from adapter.metrics import AdapterMetrics
from adapter.pages import Pages
from adapter.reviews import Authorizer, ReviewFailedError
from kube.service.health import HealthChecks
from kube.service.logs import get_logger
from kube.vocab.objects import StatusDetails
from kube.vocab.times import Clock

_log = get_logger("http")

_USER: Final = web.RequestKey("user", str)
"""Under this key a request has the name of its caller."""
_LOGGED: Final = 500
"""Characters of a text that a stranger chose."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_KINDS: Final[dict[type[Route], str]] = {
    MetricRoute: "metric",
    HealthRoute: "health",
    PageRoute: "page",
}


class Server:
    """Builds the application out of its parts."""

    def __init__(
        self,
        authenticator: Authenticator,
        authorizer: Authorizer,
        reads: MetricReads,
        pages: Pages,
        health: HealthChecks,
        metrics: AdapterMetrics,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._reads = reads
        self._pages = pages
        self._health = health
        self._metrics = metrics
        self._clock = clock
        self._logs_requests = _log.is_enabled_for(logging.DEBUG)
        self._counters: dict[tuple[str, int], Counter] = {}
        self._seconds = {kind: metrics.request_seconds.labels(kind) for kind in _KINDS.values()}

    def application(self) -> web.Application:
        """The application to serve."""

        @web.middleware
        async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return await self._serve(request, handler)

        app = web.Application(middlewares=[guard])
        app.add_routes(self._health.routes())
        app.router.add_route("*", "/{rest:.*}", self._answer)
        return app

    async def _serve(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        started = self._clock.monotonic()
        route, parameters = _asked(request)
        try:
            await self._admit(request, route, parameters)
            response = await self._handled(request, handler)
        except FailureError as failure:
            response = failure.response()
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001  # the boundary: logged, answered without the reason
            _log.exception("request failed", path=request.path)
            response = FailureError(500, "InternalError", "Internal error occurred").response()
        response.headers.setdefault("Server", answers.NAME)
        answers.indent(request, response, parameters.pretty)
        seconds = self._clock.monotonic() - started
        self._count(_KINDS[type(route)], response.status, seconds)
        if self._logs_requests:
            _log_request(request, response, seconds)
        return response

    def _count(self, kind: str, code: int, seconds: float) -> None:
        """Through children that are looked up once: `labels` costs more than counting."""
        counter = self._counters.get((kind, code))
        if counter is None:
            counter = self._metrics.requests.labels(kind, code)
            self._counters[kind, code] = counter
        counter.inc()
        self._seconds[kind].observe(seconds)

    async def _admit(self, request: web.Request, route: Route, parameters: Parameters) -> None:
        """Raise the failure 401, 403 or 503 unless the caller may do what the request asks."""
        access = _access(request, route, parameters)
        try:
            user = await self._authenticator.user_of(request)
            request[_USER] = user.name
            verdict = await self._authorizer.verdict(user, access)
        except UnauthorizedError as error:
            _log.debug("unauthorized", reason=str(error), remote=request.remote)
            raise FailureError(401, "Unauthorized", "Unauthorized") from error
        except ReviewFailedError as error:
            _log.warning("review failed, request refused", error=str(error))
            raise FailureError(
                503, "ServiceUnavailable", "the Kubernetes API cannot be asked for permission"
            ) from error
        if not verdict.allowed:
            raise _forbidden(user, access, verdict.reason)

    async def _handled(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:
            # The router knows no such target: "OPTIONS *", "CONNECT host:443".
            return await self._answer(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        route, parameters = _asked(request)
        match route:
            case MetricRoute():
                return await self._reads.answer(request, route, parameters)
            case PageRoute(page):
                return await self._pages.answer(request, page)
            case HealthRoute():
                return await self._pages.answer(request, "unknown")


def _asked(request: web.Request) -> tuple[Route, Parameters]:
    path, query = routing.target(request.raw_path)
    return routing.route_of(path), read_parameters(query)


def _log_request(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    """The access log. No headers and no query: people put tokens into either."""
    _log.debug(
        "request",
        method=request.method,
        path=routing.decoded(routing.target(request.raw_path)[0])[:_LOGGED],
        user=request.get(_USER, "")[:_LOGGED],
        code=response.status,
        seconds=round(seconds, 6),
        source=response.get(SOURCE, ""),
    )


def _access(request: web.Request, route: Route, parameters: Parameters) -> Access:
    if isinstance(route, MetricRoute):
        verb = routing.metric_verb(request.method, parameters.watch)
        return ResourceAccess(verb, route.namespace, route.metric, parameters.reviewed_name)
    path = routing.decoded(routing.target(request.raw_path)[0])
    return PathAccess(request.method.lower(), path)


def _forbidden(user: User, access: Access, reason: str) -> FailureError:
    message = reviews.forbidden_message(user, access, reason)
    if isinstance(access, PathAccess):
        return FailureError(403, "Forbidden", message, answers.NO_DETAILS)
    return FailureError(403, "Forbidden", message, StatusDetails(group=GROUP, kind=access.resource))
