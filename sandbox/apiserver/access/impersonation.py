"""Acting as somebody else (`kubectl --as`): allowed to whom RBAC allows the verb "impersonate"."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.apiserver.access.authorization import Authorizer, forbidden
from sandbox.apiserver.access.identity import (
    AUTHENTICATED,
    User,
    service_account,
    service_account_of,
)
from sandbox.apiserver.access.rbac_rules import Attributes
from sandbox.apiserver.http.keys import USER
from sandbox.apiserver.storage.errors import BadRequest

_USER: Final = "Impersonate-User"
_GROUP: Final = "Impersonate-Group"
_UID: Final = "Impersonate-Uid"
_EXTRA: Final = "Impersonate-Extra-"
_AUTHENTICATION: Final = "authentication.k8s.io"


def impersonation(authorizer: Authorizer) -> Middleware:
    """Middleware that replaces `request[USER]` where the headers ask for it. Raises Forbidden."""

    @web.middleware
    async def impersonate(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = impersonated(request)
        if asked is not None:
            caller: User = request[USER]
            for wanted in _permissions(asked, _GROUP in request.headers):
                verdict = authorizer.verdict(caller, wanted)
                if not verdict.allowed:
                    raise forbidden(caller, wanted, verdict.reason)
            request[USER] = asked
        return await handler(request)

    return impersonate


def impersonated(request: web.Request) -> User | None:
    """The user that the headers ask for, None without such headers. Raises BadRequest."""
    name = request.headers.get(_USER, "")
    groups = tuple(request.headers.getall(_GROUP, []))
    uid = request.headers.get(_UID, "")
    extra: dict[str, tuple[str, ...]] = {}
    for header, value in request.headers.items():
        if header.lower().startswith(_EXTRA.lower()):
            key = unquote(header[len(_EXTRA) :].lower())
            extra[key] = (*extra.get(key, ()), value)
    if not name:
        if groups or uid or extra:
            raise BadRequest(f"requested impersonation without naming a user ({_USER})")
        return None
    account = service_account_of(name)
    if account is not None and not groups:
        return service_account(*account, uid, extra)
    return User(name, uid, tuple(dict.fromkeys((*groups, AUTHENTICATED))), extra)


def _permissions(asked: User, groups_named: bool) -> Iterator[Attributes]:
    account = service_account_of(asked.name)
    if account is not None:
        yield Attributes(
            "impersonate", resource="serviceaccounts", namespace=account[0], name=account[1]
        )
    else:
        yield Attributes("impersonate", resource="users", name=asked.name)
    if groups_named:
        for group in asked.groups:
            if group != AUTHENTICATED:
                yield Attributes("impersonate", resource="groups", name=group)
    if asked.uid:
        yield Attributes("impersonate", _AUTHENTICATION, "uids", name=asked.uid)
    for key, values in asked.extra.items():
        for value in values:
            yield Attributes("impersonate", _AUTHENTICATION, "userextras", key, name=value)
