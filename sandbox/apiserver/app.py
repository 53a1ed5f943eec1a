"""The API server as an aiohttp application, put together from its parts."""

from collections.abc import Iterable, Sequence
from email.utils import formatdate
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from kube.vocab.objects import Status, status_body
from kube.vocab.times import SECOND
from sandbox.apiserver.discovery.discovery import Aggregation, Discovery
from sandbox.apiserver.discovery.documents import Documents
from sandbox.apiserver.http.handlers import Handlers
from sandbox.apiserver.http.keys import INFO
from sandbox.apiserver.http.representation import json_response
from sandbox.apiserver.http.requestinfo import RequestInfo, request_info
from sandbox.apiserver.kinds.catalogue import Catalogue, Review
from sandbox.apiserver.storage.errors import ApiError, ServiceUnavailable
from sandbox.apiserver.storage.store import Store

_LOG: Final = structlog.get_logger("sandbox.apiserver")
_MAX_BODY: Final = 3 * 2**20
"""Bytes; the real server's limit of a request."""
_REASONS: Final = {405: "MethodNotAllowed", 413: "RequestEntityTooLarge"}


def build_app(
    store: Store,
    *,
    middlewares: Sequence[Middleware] = (),
    reviews: Iterable[Review] = (),
    aggregation: Aggregation | None = None,
) -> web.Application:
    """The application that serves `store`.

    `middlewares` (each a `web.middleware`) run in order, after `request[INFO]` (a RequestInfo)
    is set and inside the handler that turns an ApiError into its Status: authentication sets
    `request[USER]`, authorization raises Forbidden. `reviews` are create-only resources.
    `aggregation` serves the groups and versions whose APIService names a service.
    """
    catalogue = Catalogue(store, reviews)
    handlers = Handlers(store, catalogue)
    documents = Documents(catalogue, Discovery(catalogue, aggregation))

    @web.middleware
    async def aggregate(request: web.Request, handler: Handler) -> web.StreamResponse:
        group, version = _group_version(request.path)
        service = catalogue.aggregated(group, version) if group else None
        if service is None:
            return await handler(request)
        if aggregation is None:
            raise ServiceUnavailable("the server is currently unable to handle the request")
        return await aggregation.proxy(request, service)

    app = web.Application(
        client_max_size=_MAX_BODY,
        middlewares=[
            _errors,
            _describe,
            *(web.middleware(item) for item in middlewares),
            aggregate,
        ],
    )
    app.add_routes(documents.routes())
    for prefix in ("/api/{version}", "/apis/{group}/{version}"):
        app.router.add_get(prefix, documents.resources)
        app.router.add_get(f"{prefix}/", documents.resources)
        app.router.add_route("*", f"{prefix}/{{tail:.+}}", handlers.serve)

    async def end_watches(_app: web.Application) -> None:
        await handlers.watches.close()

    async def date(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(store.clock.now() // SECOND, usegmt=True)

    app.on_shutdown.append(end_watches)
    app.on_response_prepare.append(date)
    return app


def _group_version(path: str) -> tuple[str, str]:
    parts = path.split("/")
    return (parts[2], parts[3]) if parts[1:2] == ["apis"] and len(parts) > 3 else ("", "")


@web.middleware
async def _describe(request: web.Request, handler: Handler) -> web.StreamResponse:
    info: RequestInfo = request_info(request.method, request.path, request.query)
    request[INFO] = info
    return await handler(request)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Failures become Statuses; what nobody foresaw is logged, the client learns no more."""
    try:
        return await handler(request)
    except ApiError as error:
        return _failure(error.status())
    except web.HTTPNotFound:
        # As on the real server: a path that nobody serves is no Status, whatever it asks for.
        return web.Response(status=404, text="404 page not found\n")
    except web.HTTPException as error:
        reason = _REASONS.get(error.status, error.reason.replace(" ", ""))
        return _failure(status_body(error.status, reason, error.text or error.reason))
    except ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: logged, and answered as a 500
        _LOG.exception(
            "request failed", method=request.method, path=request.path, error=repr(error)
        )
        return _failure(status_body(500, "InternalError", "an internal error occurred"))


def _failure(status: Status) -> web.Response:
    response = json_response(status, status.code)
    if status.code == 429:
        response.headers["Retry-After"] = "1"
    return response
