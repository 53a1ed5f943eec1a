"""GET and LIST."""

from aiohttp import web

from sandbox.apiserver.http.options import ListOptions, list_options
from sandbox.apiserver.http.paging import Page, Pages
from sandbox.apiserver.http.representation import (
    json_response,
    list_body,
    object_body,
    requested_form,
)
from sandbox.apiserver.http.requestinfo import RequestInfo
from sandbox.apiserver.http.scale import SCALE, scale_of
from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import Gone, TooLargeVersion
from sandbox.apiserver.storage.store import Store


async def get_object(
    store: Store, request: web.Request, resource: Resource, info: RequestInfo
) -> web.Response:
    """One object or its scale. Raises NotFound."""
    namespace = info.namespace if resource.namespaced else ""
    obj = store.get(resource, namespace, info.name)
    form = requested_form(request)
    if info.subresource == "scale":
        scale = scale_of(resource, obj)
        return json_response(object_body(form, SCALE, scale, store.clock.now()))
    return json_response(object_body(form, resource, obj, store.clock.now()))


async def list_objects(
    store: Store, pages: Pages, request: web.Request, resource: Resource, info: RequestInfo
) -> web.Response:
    """A list or a page of one. Raises Gone, BadRequest, Invalid or TooLargeVersion."""
    form = requested_form(request)
    options = list_options(request.query, resource, watch=False)
    page = _page(store, pages, resource, info, options)
    meta: Object = {"resourceVersion": str(page.version)}
    if page.continue_:
        meta["continue"] = page.continue_
        if options.selector.empty and not options.fields.terms:
            meta["remainingItemCount"] = page.remaining
    return json_response(list_body(form, resource, page.objects, store.clock.now(), meta))


def _page(
    store: Store, pages: Pages, resource: Resource, info: RequestInfo, options: ListOptions
) -> Page:
    if options.continue_:
        return pages.following(options.continue_, options.limit)
    if options.version is not None and options.version > store.version:
        raise TooLargeVersion.of(options.version, store.version)
    if options.match == "Exact" and store.changed_since(resource, options.version or 0):
        raise Gone(f"The resourceVersion for the provided list is too old: {options.version}")
    namespace = info.namespace if resource.namespaced else None
    objects = list(store.view(resource, namespace, options.selector, options.fields))
    return pages.first(objects, options.limit)
