"""From a request to the function that answers it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from aiohttp import web

from sandbox.apiserver.http.bodies import read_object
from sandbox.apiserver.http.keys import INFO
from sandbox.apiserver.http.paging import Pages
from sandbox.apiserver.http.reading import get_object, list_objects
from sandbox.apiserver.http.removing import delete_collection, delete_object
from sandbox.apiserver.http.representation import json_response
from sandbox.apiserver.http.requestinfo import RequestInfo
from sandbox.apiserver.http.watching import Watches
from sandbox.apiserver.http.writing import create_object, patch_object, replace_object
from sandbox.apiserver.kinds.catalogue import Catalogue
from sandbox.apiserver.kinds.resources import Resource
from sandbox.apiserver.storage.errors import MethodNotAllowed, NotFound
from sandbox.apiserver.storage.store import Store

Endpoint = Callable[[web.Request, Resource, RequestInfo], Awaitable[web.StreamResponse]]

_NO_SUCH_RESOURCE: Final = "the server could not find the requested resource"
_OF_ONE: Final = ("get", "update", "patch", "delete")
"""Verbs that need a name; the others must not have one."""
_OF_PARTS: Final = ("get", "update", "patch")
"""Verbs that subresources know."""


class Handlers:
    """Answers everything under `/api/<version>/` and `/apis/<group>/<version>/`."""

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.watches = Watches(store)
        self._endpoints: dict[str, Endpoint] = {
            "get": partial(get_object, store),
            "list": partial(list_objects, store, Pages(store)),
            "watch": self.watches.serve,
            "create": partial(create_object, store),
            "update": partial(replace_object, store),
            "patch": partial(patch_object, store),
            "delete": partial(delete_object, store),
            "deletecollection": partial(delete_collection, store),
        }

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one resource request; `request[INFO]` says which.

        Raises ApiError; HTTPNotFound where nothing of that group and version is served.
        """
        info: RequestInfo = request[INFO]
        review = self._catalogue.reviews.get((info.group, info.version, info.plural))
        if review is not None:
            if info.verb != "create":
                raise MethodNotAllowed("the server does not allow this method on a review")
            body = await read_object(request, review.resource, info)
            return json_response(await review.answer(request, body), 201)
        resource = self._catalogue.find(info.group, info.version, info.plural)
        if resource is None and not self._catalogue.serves(info.group, info.version):
            raise web.HTTPNotFound
        if resource is None:
            raise NotFound(_NO_SUCH_RESOURCE)
        _check_path(resource, info)
        endpoint = self._endpoints.get(info.verb)
        fits = bool(info.name) is (info.verb in _OF_ONE)
        if endpoint is None or not fits or (info.subresource and info.verb not in _OF_PARTS):
            raise MethodNotAllowed(
                "the server does not allow this method on the requested resource"
            )
        return await endpoint(request, resource, info)


def _check_path(resource: Resource, info: RequestInfo) -> None:
    """Raises NotFound for a scope or a subresource that the resource does not have."""
    in_namespace = bool(info.namespace) and resource.plural != "namespaces"
    if in_namespace and not resource.namespaced:
        raise NotFound(_NO_SUCH_RESOURCE)
    if info.name and resource.namespaced and not in_namespace:
        raise NotFound(_NO_SUCH_RESOURCE)
    known = {"": True, "status": resource.status, "scale": resource.scale is not None}
    if not known.get(info.subresource, False):
        raise NotFound(_NO_SUCH_RESOURCE)
