"""POST, PUT and PATCH of objects and of their status and scale."""

from typing import Any, Final

from aiohttp import web

from kube.vocab.objects import StatusCause
from kube.vocab.times import format_rfc3339
from sandbox.apiserver.http.bodies import check_fields, check_object, read_body, read_object
from sandbox.apiserver.http.options import WriteOptions, write_options
from sandbox.apiserver.http.patches import PatchType, patch_type, patched
from sandbox.apiserver.http.representation import json_response, object_body, requested_form
from sandbox.apiserver.http.requestinfo import RequestInfo
from sandbox.apiserver.http.scale import SCALE, note_scaling, scale_of, with_scale
from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import BadRequest, Invalid, NotFound
from sandbox.apiserver.storage.store import Store

_MUST_NAME_VERSION: Final = StatusCause(
    "FieldValueInvalid",
    "Invalid value: 0x0: must be specified for an update",
    "metadata.resourceVersion",
)
_MUST_NAME_MANAGER: Final = StatusCause(
    "FieldValueRequired", "Required value: is required for apply patch", "fieldManager"
)
_PATCH_OPTIONS: Final = Resource("meta.k8s.io", "v1", "patchoptions", "PatchOptions")


async def create_object(
    store: Store, request: web.Request, resource: Resource, info: RequestInfo
) -> web.Response:
    """POST to a collection."""
    options = write_options(request.query)
    obj = await read_object(request, resource, info)
    headers = check_fields(resource, obj, options.field_validation, patch=False)
    created = store.create(resource, _namespace(resource, info), obj, dry_run=options.dry_run)
    return _answer(store, request, resource, created, 201, headers)


async def replace_object(
    store: Store, request: web.Request, resource: Resource, info: RequestInfo
) -> web.Response:
    """PUT of an object, its status or its scale."""
    options = write_options(request.query)
    old = store.get(resource, _namespace(resource, info), info.name)
    if info.subresource == "scale":
        scale = await read_object(request, SCALE, info)
        return _write_scale(store, request, resource, old, scale, options)
    obj = await read_object(request, resource, info)
    if not resource.unconditional_update and not obj["metadata"].get("resourceVersion"):
        raise Invalid.of(resource, info.name, [_MUST_NAME_VERSION])
    headers = check_fields(resource, obj, options.field_validation, patch=False)
    return _write(store, request, resource, info, obj, options, headers)


async def patch_object(
    store: Store, request: web.Request, resource: Resource, info: RequestInfo
) -> web.Response:
    """PATCH of an object, its status or its scale; server-side apply creates what is missing."""
    options = write_options(request.query)
    kind = patch_type(request.content_type, resource)
    if kind is PatchType.APPLY and not request.query.get("fieldManager"):
        raise Invalid.of(_PATCH_OPTIONS, "", [_MUST_NAME_MANAGER])
    patch = await read_body(request)
    namespace = _namespace(resource, info)
    old = store.find(resource, namespace, info.name)
    if old is None:
        if kind is PatchType.APPLY and not info.subresource:
            return _apply_new(store, request, resource, info, patch, options)
        raise NotFound.of(resource, info.name)
    if info.subresource == "scale":
        scale = patched(kind, SCALE, scale_of(resource, old), patch)
        return _write_scale(store, request, resource, old, scale, options)
    # The version spoken may not be the one stored, and the patch may name it.
    spoken = {**old, "apiVersion": resource.api_version}
    obj = patched(kind, resource, spoken, patch)
    check_object(obj, resource, info)
    headers = check_fields(resource, obj, options.field_validation, patch=True)
    if kind is PatchType.APPLY:
        _record_manager(store, resource, obj, options)
    return _write(store, request, resource, info, obj, options, headers)


def _apply_new(
    store: Store,
    request: web.Request,
    resource: Resource,
    info: RequestInfo,
    obj: Any,
    options: WriteOptions,
) -> web.Response:
    check_object(obj, resource, info)
    obj["metadata"]["name"] = info.name
    headers = check_fields(resource, obj, options.field_validation, patch=True)
    _record_manager(store, resource, obj, options)
    created = store.create(resource, _namespace(resource, info), obj, dry_run=options.dry_run)
    return _answer(store, request, resource, created, 201, headers)


def _record_manager(store: Store, resource: Resource, obj: Object, options: WriteOptions) -> None:
    """Note who applied. Which fields are whose is not tracked."""
    entry = {
        "manager": options.field_manager or "unknown",
        "operation": "Apply",
        "apiVersion": resource.api_version,
        "time": format_rfc3339(store.clock.now()),
        "fieldsType": "FieldsV1",
        "fieldsV1": {},
    }
    others = [
        item
        for item in obj["metadata"].get("managedFields") or []
        if (item.get("manager"), item.get("operation")) != (options.field_manager, "Apply")
    ]
    obj["metadata"]["managedFields"] = [*others, entry]


def _write(
    store: Store,
    request: web.Request,
    resource: Resource,
    info: RequestInfo,
    obj: Object,
    options: WriteOptions,
    headers: dict[str, str],
) -> web.Response:
    result = store.update(
        resource,
        _namespace(resource, info),
        info.name,
        obj,
        info.subresource or None,
        dry_run=options.dry_run,
    )
    return _answer(store, request, resource, result, 200, headers)


def _write_scale(
    store: Store,
    request: web.Request,
    resource: Resource,
    old: Object,
    scale: Object,
    options: WriteOptions,
) -> web.Response:
    obj = with_scale(resource, old, scale)
    agent = request.headers.get("User-Agent", "").partition("/")[0]
    note_scaling(resource, old, obj, options.field_manager or agent)
    meta = obj["metadata"]
    result = store.update(
        resource, meta.get("namespace", ""), meta["name"], obj, dry_run=options.dry_run
    )
    return _answer(store, request, SCALE, scale_of(resource, result), 200, {})


def _answer(
    store: Store,
    request: web.Request,
    resource: Resource,
    obj: Object,
    status: int,
    headers: dict[str, str],
) -> web.Response:
    body = object_body(requested_form(request), resource, obj, store.clock.now())
    return json_response(body, status, headers)


def _namespace(resource: Resource, info: RequestInfo) -> str:
    if not resource.namespaced:
        return ""
    if not info.namespace:
        raise BadRequest("an empty namespace may not be set during creation")
    return info.namespace
