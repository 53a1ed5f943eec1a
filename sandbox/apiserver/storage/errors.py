"""The failures an API server answers with, each of which knows its `Status` body.

    ApiError
    ├── BadRequest 400        ├── Gone 410 (reason Expired)
    ├── Unauthorized 401      ├── UnsupportedMediaType 415
    ├── Forbidden 403         ├── Invalid 422
    ├── NotFound 404          ├── TooManyRequests 429
    ├── MethodNotAllowed 405  ├── InternalError 500
    ├── NotAcceptable 406     ├── ServiceUnavailable 503
    ├── AlreadyExists 409     └── TooLargeVersion 504 (reason Timeout)
    └── Conflict 409

Messages follow the real server's, since tools and people match on them.
"""

from collections.abc import Sequence
from typing import ClassVar, Self

from kube.vocab.objects import Status, StatusCause, StatusDetails, status_body
from sandbox.apiserver.kinds.resources import Resource


class ApiError(Exception):
    """A refusal with an HTTP code, a machine-readable reason and a sentence."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(self, message: str, details: StatusDetails | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def status(self) -> Status:
        """The body that tells a client."""
        return status_body(self.code, self.reason, self.message, self.details)


class BadRequest(ApiError):
    """The request itself makes no sense."""

    code = 400
    reason = "BadRequest"


class Unauthorized(ApiError):
    """Nobody knows who asks."""

    code = 401
    reason = "Unauthorized"


class Forbidden(ApiError):
    """Known, but not allowed."""

    code = 403
    reason = "Forbidden"


class NotFound(ApiError):
    """No such object, or no such resource."""

    code = 404
    reason = "NotFound"

    @classmethod
    def of(cls, resource: Resource, name: str) -> Self:
        """The object `name` is not there."""
        return cls(f'{resource.full_name} "{name}" not found', _about(resource, name))


class MethodNotAllowed(ApiError):
    """The resource does not know this verb."""

    code = 405
    reason = "MethodNotAllowed"


class NotAcceptable(ApiError):
    """No form that the client takes can be served."""

    code = 406
    reason = "NotAcceptable"


class AlreadyExists(ApiError):
    """A create for a name that is taken."""

    code = 409
    reason = "AlreadyExists"

    @classmethod
    def of(cls, resource: Resource, name: str) -> Self:
        """The object `name` is there already."""
        return cls(f'{resource.full_name} "{name}" already exists', _about(resource, name))


class Conflict(ApiError):
    """A write based on something that is no longer so."""

    code = 409
    reason = "Conflict"

    @classmethod
    def of(cls, resource: Resource, name: str, why: str = "") -> Self:
        """A write to `name` lost; without `why` because the object has moved on."""
        why = why or (
            "the object has been modified; please apply your changes to the latest version "
            "and try again"
        )
        return cls(
            f'Operation cannot be fulfilled on {resource.full_name} "{name}": {why}',
            _about(resource, name),
        )


class Gone(ApiError):
    """The history asked for has been dropped; list again."""

    code = 410
    reason = "Expired"


class UnsupportedMediaType(ApiError):
    """A body or patch of a kind that is not taken here."""

    code = 415
    reason = "UnsupportedMediaType"


class Invalid(ApiError):
    """The object breaks the rules of its kind."""

    code = 422
    reason = "Invalid"

    @classmethod
    def of(cls, resource: Resource, name: str, causes: Sequence[StatusCause]) -> Self:
        """The object `name` has these faults."""
        texts = [f"{cause.field}: {cause.message}" for cause in causes]
        joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
        details = StatusDetails(
            name=name, group=resource.group, kind=resource.kind, causes=list(causes)
        )
        return cls(f'{kind} "{name}" is invalid: {joined}', details)


class TooManyRequests(ApiError):
    """Come back later."""

    code = 429
    reason = "TooManyRequests"


class InternalError(ApiError):
    """A fault of the server, or one of the client that the real server takes for its own."""


class ServiceUnavailable(ApiError):
    """Something behind the server does not answer."""

    code = 503
    reason = "ServiceUnavailable"


class TooLargeVersion(ApiError):
    """A version that does not exist yet is asked for; the details say when to retry."""

    code = 504
    reason = "Timeout"

    @classmethod
    def of(cls, asked: int, current: int) -> Self:
        """`asked` is ahead of `current`."""
        message = f"Too large resource version: {asked}, current: {current}"
        cause = StatusCause("ResourceVersionTooLarge", "Too large resource version", "")
        return cls(message, StatusDetails(causes=[cause], retry_after_seconds=1))


def _about(resource: Resource, name: str) -> StatusDetails:
    return StatusDetails(name=name, group=resource.group, kind=resource.plural)
