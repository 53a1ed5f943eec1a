"""DELETE of one object and of a collection."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from sandbox.apiserver.http.options import list_options, write_options
from sandbox.apiserver.http.representation import Form, json_response, list_body, object_body
from sandbox.apiserver.http.requestinfo import RequestInfo
from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import BadRequest
from sandbox.apiserver.storage.store import Store


class Preconditions(Struct, rename="camel", frozen=True):
    """What must hold of the object that is meant."""

    uid: str | None = None
    resource_version: str | None = None


class DeleteOptions(Struct, rename="camel", frozen=True):
    """The body of a DELETE; each field may also be in the query."""

    grace_period_seconds: int | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    preconditions: Preconditions = Preconditions()
    dry_run: list[str] | None = None


async def delete_object(
    store: Store, request: web.Request, resource: Resource, info: RequestInfo
) -> web.Response:
    """Delete one object: a Status when it is gone, the object while it is going."""
    namespace = info.namespace if resource.namespaced else ""
    outcome = store.delete(
        resource, namespace, info.name, **_arguments(await _options(request), request.query)
    )
    if not outcome.removed:
        return json_response(object_body(Form(), resource, outcome.object, store.clock.now()))
    return json_response(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {
                "name": info.name,
                "group": resource.group,
                "kind": resource.plural,
                "uid": outcome.object["metadata"]["uid"],
            },
        }
    )


async def delete_collection(
    store: Store, request: web.Request, resource: Resource, info: RequestInfo
) -> web.Response:
    """Delete whatever a list with the same query would show; answers with that list."""
    options = list_options(request.query, resource, watch=False)
    arguments = _arguments(await _options(request), request.query)
    namespace = info.namespace if resource.namespaced else None
    deleted: list[Object] = []
    for obj in list(store.view(resource, namespace, options.selector, options.fields)):
        meta = obj["metadata"]
        if store.find(resource, meta.get("namespace", ""), meta["name"]) is None:
            continue  # gone with its owner, which was deleted a moment ago
        outcome = store.delete(resource, meta.get("namespace", ""), meta["name"], **arguments)
        deleted.append(outcome.object)
    meta = {"resourceVersion": str(store.version)}
    return json_response(list_body(Form(), resource, deleted, store.clock.now(), meta))


async def _options(request: web.Request) -> DeleteOptions:
    raw = await request.read()
    try:
        return msgspec.json.decode(raw, type=DeleteOptions) if raw else DeleteOptions()
    except msgspec.DecodeError as error:
        raise BadRequest(f"the body is no DeleteOptions: {error}") from None


def _arguments(options: DeleteOptions, query: Mapping[str, str]) -> dict[str, Any]:
    grace: int | None = options.grace_period_seconds
    if "gracePeriodSeconds" in query:
        text = query["gracePeriodSeconds"]
        if not text.isdecimal():
            raise BadRequest(f'gracePeriodSeconds: Invalid value: "{text}": must be a whole number')
        grace = int(text)
    policy = query.get("propagationPolicy") or options.propagation_policy or "Background"
    if policy not in ("Background", "Foreground", "Orphan"):
        raise BadRequest(f'propagationPolicy: Unsupported value: "{policy}"')
    return {
        "grace_seconds": grace,
        "orphan": policy == "Orphan" or bool(options.orphan_dependents),
        "version": options.preconditions.resource_version,
        "uid": options.preconditions.uid,
        "dry_run": write_options(query).dry_run or "All" in (options.dry_run or ()),
    }
