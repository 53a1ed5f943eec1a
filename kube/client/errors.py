"""What can go wrong between us and an API server, one type for each thing a caller may do about it.

    KubeError
    ├── ConfigError                  kubeconfig or service account files: exit code 2
    ├── Unreachable                  no whole answer: DNS, TLS, connect, reset, timeout
    ├── BadAnswer                    an answer that cannot be read
    └── ApiError                     the server said no
        ├── BadRequest               400
        ├── Unauthorized             401, after the credentials were refreshed once
        ├── Forbidden                403
        ├── NotFound                 404
        ├── Conflict                 409
        │   └── AlreadyExists        409, reason AlreadyExists
        ├── Gone                     410, reasons Gone and Expired: list again
        ├── Invalid                  422
        ├── TooManyRequests          429
        └── ServerError              5xx
            └── TooLargeResourceVersion   504: list again with resourceVersion unset (V-01)

`str(error)` is for people: the request, the cause and, where there is one, the fix.
`ApiError.message` is the server's own text, as conditions and events show it.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from kube.vocab.objects import UNREADABLE, Status, StatusDetails

Trouble = Literal["dns", "tls", "connect", "reset", "timeout"]
"""Where a request got lost."""

_STATUS: Final = msgspec.json.Decoder(Status)
_BODY_SHOWN: Final = 300


class KubeError(Exception):
    """Root of the tree."""

    retryable: bool = False
    """Whether the same request may succeed later without anybody doing anything."""


class ConfigError(KubeError):
    """Credentials or configuration on our side are unusable; the message names file and fix."""


class Unreachable(KubeError):
    """No whole answer came. A write may or may not have happened."""

    retryable = True

    def __init__(self, target: str, trouble: Trouble, detail: str) -> None:
        super().__init__(f"{target}: {_TROUBLES[trouble]}: {detail}")
        self.trouble: Trouble = trouble


class BadAnswer(KubeError):
    """An answer came, but not one of this API: not JSON, a redirect, another shape."""

    def __init__(self, target: str, detail: str) -> None:
        super().__init__(f"{target}: the answer cannot be read: {detail}")


class ApiError(KubeError):
    """The server answered with a failure."""

    advice: str = ""

    def __init__(
        self, target: str, code: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        advice = f" ({self.advice})" if self.advice else ""
        super().__init__(f"{target}: {code} {reason}: {message}{advice}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        """Seconds the server asked us to stay away, None if it did not say."""


class BadRequest(ApiError):
    """400: the request makes no sense to the server, or a webhook denied it."""


class Unauthorized(ApiError):
    """401: the server does not know who we are."""

    advice = (
        "the token was refused: renew the token or certificate in the kubeconfig, "
        "or check that the service account still exists"
    )


class Forbidden(ApiError):
    """403: we are known, and not allowed."""

    advice = "grant it with a Role or ClusterRole and a binding for this user"


class NotFound(ApiError):
    """404: no such object, or no such resource type on this server."""


class Conflict(ApiError):
    """409: the object changed since it was read."""


class AlreadyExists(Conflict):
    """409 on create."""


class Gone(ApiError):
    """410: the version or page token asked for is too old."""


class Invalid(ApiError):
    """422: a field of the object is refused; the message names it."""


class TooManyRequests(ApiError):
    """429: priority and fairness, or an eviction budget."""

    retryable = True


class ServerError(ApiError):
    """5xx, also of an aggregated API whose backend is dead."""

    retryable = True


class TooLargeResourceVersion(ServerError):
    """504: we asked for a version that this storage has not reached, or never had (V-01)."""

    retryable = False


_TROUBLES: Final[Mapping[Trouble, str]] = {
    "dns": "the host name does not resolve",
    "tls": "no trust in the server's certificate; check the certificate authority in use",
    "connect": "no connection",
    "reset": "the connection broke",
    "timeout": "no answer in time",
}
_BY_CODE: Final[Mapping[int, type[ApiError]]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}
_REASONS: Final[Mapping[int, str]] = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Gone",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def error_of_answer(
    target: str, code: int, body: bytes, headers: Mapping[str, str] | None = None
) -> ApiError:
    """The error of an HTTP answer. A body that is no `Status` becomes the message as it is:
    a dead aggregated backend answers 503 with text/plain (control-plane §3).
    """
    retry_after = _seconds((headers or {}).get("Retry-After"))
    try:
        status = _STATUS.decode(body)
    except UNREADABLE:
        status = None
    if status is None or status.kind != "Status":
        text = " ".join(body[: _BODY_SHOWN * 4].decode("utf-8", "replace").split())
        status = Status(message=text[:_BODY_SHOWN] or "no further word")
    return error_of_status(target, status, code=code, retry_after=retry_after)


def error_of_status(
    target: str, status: Status, *, code: int = 0, retry_after: float | None = None
) -> ApiError:
    """The error of a `Status`, from an HTTP answer or from an ERROR event of a watch."""
    code = code or status.code or 500
    reason = status.reason or _REASONS.get(code, "Unknown")
    message = status.message or "no further word"
    details = status.details if isinstance(status.details, StatusDetails) else None
    if retry_after is None and details is not None and details.retry_after_seconds > 0:
        retry_after = float(details.retry_after_seconds)
    return _type_of(code, reason, message, details)(target, code, reason, message, retry_after)


def _type_of(code: int, reason: str, message: str, details: StatusDetails | None) -> type[ApiError]:
    if reason == "AlreadyExists":
        return AlreadyExists
    if reason in {"Expired", "Gone"}:
        return Gone
    if code >= 500:
        return TooLargeResourceVersion if _too_large(message, details) else ServerError
    return _BY_CODE.get(code, ApiError)


def _too_large(message: str, details: StatusDetails | None) -> bool:
    """Servers name it by cause reason, by cause message, or in the text only (scenarios §3.2)."""
    causes = (details.causes if details is not None else None) or ()
    text = "Too large resource version"
    return text in message or any(
        cause.reason == "ResourceVersionTooLarge" or text in cause.message for cause in causes
    )


def _seconds(header: str | None) -> float | None:
    """Whole seconds only: an HTTP date is not sent by API servers and counts as unsaid."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
