"""Who asks: bearer tokens, and the reviews and requests that are about tokens.

A request without credentials is anonymous; one with credentials that prove nothing is refused
with 401, also where anonymous would be let in.
"""

import hmac
import secrets
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from kube.vocab.objects import StatusCause
from kube.vocab.times import SECOND, Millis, format_rfc3339
from sandbox.apiserver.access.access_shapes import TokenRequestSpec, TokenReviewSpec, spec_of
from sandbox.apiserver.access.identity import (
    ANONYMOUS,
    AUTHENTICATED,
    MASTERS,
    User,
    service_account,
)
from sandbox.apiserver.access.tokens import API_AUDIENCE, Grant, TokenError, sign, verify
from sandbox.apiserver.http.bodies import read_object
from sandbox.apiserver.http.keys import INFO, USER
from sandbox.apiserver.http.representation import json_response
from sandbox.apiserver.http.requestinfo import RequestInfo
from sandbox.apiserver.kinds.catalogue import Review
from sandbox.apiserver.kinds.resources import SERVICEACCOUNTS, Object, Resource
from sandbox.apiserver.storage.errors import BadRequest, Invalid, Unauthorized
from sandbox.apiserver.storage.store import Store

_GROUP: Final = "authentication.k8s.io"
TOKENREVIEWS: Final = Resource(_GROUP, "v1", "tokenreviews", "TokenReview", (), False)
SELFSUBJECTREVIEWS: Final = Resource(
    _GROUP, "v1", "selfsubjectreviews", "SelfSubjectReview", (), False
)
TOKENREQUESTS: Final = Resource(_GROUP, "v1", "tokenrequests", "TokenRequest")

ADMIN: Final = User("sandbox-admin", groups=(MASTERS, AUTHENTICATED))
_DEFAULT_SECONDS: Final = 3600
_SHORTEST_SECONDS: Final = 600
_LONGEST_SECONDS: Final = 2**32
_TOKEN_ID: Final = "authentication.kubernetes.io/credential-id"


class Authenticator:
    """Knows the administrator's token and signs and verifies those of ServiceAccounts."""

    def __init__(self, store: Store) -> None:
        self.admin_token = secrets.token_urlsafe(32)
        self._secret = secrets.token_bytes(32)
        self._store = store

    def user_of(self, authorization: str) -> User:
        """The user behind an `Authorization` header. Raises Unauthorized."""
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("Unauthorized")
        try:
            return self.user_of_token(token.strip(), (API_AUDIENCE,))[0]
        except TokenError:
            raise Unauthorized("Unauthorized") from None

    def user_of_token(self, token: str, audiences: tuple[str, ...]) -> tuple[User, tuple[str, ...]]:
        """The user that `token` proves towards any of `audiences`, and towards which it does.

        Raises TokenError saying what is wrong with it.
        """
        if not token.isascii():
            raise TokenError("this is no token of this cluster")
        if hmac.compare_digest(token.encode(), self.admin_token.encode()):
            return ADMIN, audiences
        grant = verify(token, self._secret, self._store.clock.now())
        account = self._store.find(SERVICEACCOUNTS, grant.namespace, grant.name)
        if account is None or account["metadata"]["uid"] != grant.uid:
            raise TokenError(f"service account {grant.namespace}/{grant.name} has been deleted")
        meant = tuple(item for item in audiences if item in grant.audiences)
        if not meant:
            raise TokenError(
                f"token audiences {list(grant.audiences)} is invalid for the target audiences "
                f"{list(audiences)}"
            )
        extra = {_TOKEN_ID: (f"JTI={grant.identifier}",)}
        return service_account(grant.namespace, grant.name, grant.uid, extra), meant

    def grant(
        self,
        namespace: str,
        name: str,
        seconds: int,
        audiences: tuple[str, ...] = (API_AUDIENCE,),
    ) -> tuple[str, Millis]:
        """A token of a ServiceAccount and when it ends. Raises NotFound."""
        account = self._store.get(SERVICEACCOUNTS, namespace, name)
        now = self._store.clock.now()
        grant = Grant(
            namespace,
            name,
            account["metadata"]["uid"],
            now,
            now + seconds * SECOND,
            audiences,
            secrets.token_hex(16),
        )
        return sign(grant, self._secret), grant.expires

    def reviews(self) -> tuple[Review, ...]:
        """What authentication.k8s.io answers."""
        return (
            Review(TOKENREVIEWS, self._token_review),
            Review(SELFSUBJECTREVIEWS, self._self_subject_review),
        )

    async def _token_review(self, _request: web.Request, body: Object) -> Object:
        spec = spec_of(body, TokenReviewSpec)
        if not spec.token:
            raise BadRequest("token is required for TokenReview in authentication")
        try:
            user, meant = self.user_of_token(spec.token, spec.audiences or (API_AUDIENCE,))
        except TokenError as error:
            failure = f"[invalid bearer token, {error}]"
            return {**body, "status": {"authenticated": False, "error": failure}}
        status = {"authenticated": True, "user": user.wire(), "audiences": list(meant)}
        return {**body, "status": status}

    async def _self_subject_review(self, request: web.Request, body: Object) -> Object:
        return {**body, "status": {"userInfo": request[USER].wire()}}

    def token_request(self, namespace: str, name: str, body: Object) -> Object:
        """Answer `POST …/serviceaccounts/{name}/token`. Raises NotFound or Invalid."""
        spec = spec_of(body, TokenRequestSpec)
        seconds = _DEFAULT_SECONDS
        if spec.expiration_seconds is not None:
            seconds = spec.expiration_seconds
        _check_seconds(name, seconds)
        audiences = spec.audiences or (API_AUDIENCE,)
        token, expires = self.grant(namespace, name, seconds, audiences)
        return {
            "kind": TOKENREQUESTS.kind,
            "apiVersion": TOKENREQUESTS.api_version,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "creationTimestamp": format_rfc3339(self._store.clock.now()),
            },
            "spec": {"audiences": list(audiences), "expirationSeconds": seconds},
            "status": {"token": token, "expirationTimestamp": format_rfc3339(expires)},
        }


def authentication(authenticator: Authenticator) -> Middleware:
    """Middleware that puts the caller's User into `request[USER]`."""

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[USER] = authenticator.user_of(request.headers.get("Authorization", ""))
        return await handler(request)

    return authenticate


def token_requests(authenticator: Authenticator) -> Middleware:
    """Middleware that answers `POST …/serviceaccounts/{name}/token`, which stores nothing."""

    @web.middleware
    async def request_token(request: web.Request, handler: Handler) -> web.StreamResponse:
        info: RequestInfo = request[INFO]
        wanted = (info.verb, info.group, info.plural, info.subresource)
        if wanted != ("create", "", SERVICEACCOUNTS.plural, "token"):
            return await handler(request)
        body = await read_object(request, TOKENREQUESTS, info)
        return json_response(authenticator.token_request(info.namespace, info.name, body), 201)

    return request_token


def _check_seconds(name: str, seconds: int) -> None:
    if seconds < _SHORTEST_SECONDS:
        fault = "may not specify a duration less than 10 minutes"
    elif seconds > _LONGEST_SECONDS:
        fault = "may not specify a duration larger than 2^32 seconds"
    else:
        return
    message = f"Invalid value: {seconds}: {fault}"
    cause = StatusCause("FieldValueInvalid", message, "spec.expirationSeconds")
    raise Invalid.of(TOKENREQUESTS, name, [cause])
