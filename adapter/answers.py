"""Responses of the API: JSON documents, entity tags, failures (external-metrics-api §6, §7)."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from adapter.core import documents
from adapter.core.documents import Document
from adapter.core.negotiation import accepts_json
from kube.vocab.objects import StatusDetails

_JSON: Final = "application/json"
NAME: Final = "wpa-adapter"
"""What the server calls itself; its library would tell its version."""

_HEADERS: Final = {
    "Content-Type": _JSON,
    "Cache-Control": "no-cache, private",
    "Server": NAME,
    "X-Content-Type-Options": "nosniff",
}
_PEOPLE: Final = ("curl", "Wget", "Mozilla/5.0")

NO_DETAILS: Final = StatusDetails()
"""Shows as an empty object, as Kubernetes sends it with some failures."""


class FailureError(Exception):
    """An answer that is a `Status`."""

    def __init__(
        self, code: int, reason: str, message: str, details: StatusDetails | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def response(self) -> web.Response:
        """The failure on the wire. Never carries Retry-After: clients would sleep on it (§0)."""
        return json_response(
            documents.status(self.code, self.reason, self.message, self.details), self.code
        )


def json_response(body: bytes, status: int = 200) -> web.Response:
    """`body` is JSON and must not be cached on the way."""
    return web.Response(body=body, status=status, headers=_HEADERS)


def document_response(request: web.BaseRequest, document: Document) -> web.Response:
    """A document with an entity tag; 304 if the caller has it already."""
    headers = {
        **_HEADERS,
        "Content-Type": document.content_type,
        "Cache-Control": "public",
        "ETag": document.etag,
        "Vary": "Accept",
    }
    if _known(request.headers.get("If-None-Match", ""), document.etag):
        del headers["Content-Type"]
        return web.Response(status=304, headers=headers)
    return web.Response(body=document.body, headers=headers)


def _known(tags: str, etag: str) -> bool:
    """Whether a caller has the document already: strength of tags does not matter here."""
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in tags.split(","))


def require_json(request: web.BaseRequest) -> None:
    """Raise the failure 406 unless the caller takes JSON."""
    if not accepts_json(request.headers.get("Accept", "")):
        raise not_acceptable(_JSON)


def not_acceptable(served: str) -> FailureError:
    """The failure 406; `served` are the media types there are."""
    return FailureError(
        406,
        "NotAcceptable",
        f"only the following media types are accepted: {served}",
        NO_DETAILS,
    )


def method_not_allowed() -> FailureError:
    """The failure 405."""
    return FailureError(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        NO_DETAILS,
    )


def no_such_resource() -> FailureError:
    """The failure 404 of paths below the API group."""
    return FailureError(
        404, "NotFound", "the server could not find the requested resource", NO_DETAILS
    )


def malformed(status: int) -> web.Response:
    """The answer to what is no HTTP request, or failed before it could be looked at."""
    if status >= 500:
        return FailureError(status, "InternalError", "Internal error occurred").response()
    said = "the request is not valid HTTP" if status == 400 else HTTPStatus(status).phrase
    return FailureError(status, "BadRequest", said).response()


def indent(request: web.BaseRequest, response: web.StreamResponse, asked: bool | None) -> None:
    """Lay JSON out for people who ask for it, or use a tool that shows bodies as they are."""
    wanted = request.headers.get("User-Agent", "").startswith(_PEOPLE) if asked is None else asked
    if not wanted or not isinstance(response, web.Response) or response.content_type != _JSON:
        return
    if isinstance(response.body, bytes) and response.body:
        response.body = documents.pretty(response.body)
