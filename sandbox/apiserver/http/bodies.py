"""Bodies of requests: JSON or YAML to objects that fit the resource they were sent to."""

from typing import Any, Final

import msgspec
import yaml
from aiohttp import web

from kube.vocab.objects import StatusCause
from sandbox.apiserver.http import protobuf
from sandbox.apiserver.http.patches import PatchType
from sandbox.apiserver.http.requestinfo import RequestInfo
from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.kinds.schema_prune import prune
from sandbox.apiserver.storage.errors import BadRequest, Invalid, UnsupportedMediaType
from sandbox.apiserver.storage.stamping import copied

_YAML: Final = ("application/yaml", "application/x-yaml", PatchType.APPLY)
_JSON: Final = ("application/json", "application/octet-stream", "", PatchType.MERGE,
                PatchType.JSON, PatchType.STRATEGIC)  # fmt: skip


async def read_body(request: web.Request) -> Any:
    """The decoded body. Raises BadRequest or UnsupportedMediaType."""
    raw = await request.read()
    if request.content_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(raw)
    if request.content_type in _YAML:
        try:
            return msgspec.to_builtins(yaml.safe_load(raw))
        except yaml.YAMLError as error:
            raise BadRequest(f"error decoding YAML: {error}") from None
    if request.content_type not in _JSON:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json, application/yaml"
        )
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise BadRequest(f"the object provided is unrecognized (JSON): {error}") from None


async def read_object(request: web.Request, resource: Resource, info: RequestInfo) -> Object:
    """The body as an object of `resource`. Raises BadRequest when it is something else."""
    body = await read_body(request)
    check_object(body, resource, info)
    return dict(body)


def check_object(body: Any, resource: Resource, info: RequestInfo) -> None:
    """Raises BadRequest unless `body` is what the path says: kind, version, namespace, name."""
    if not isinstance(body, dict):
        raise BadRequest(f"the body has to be one {resource.kind} object")
    kind, version = body.get("kind"), body.get("apiVersion")
    if (kind or resource.kind) != resource.kind or (
        version or resource.api_version
    ) != resource.api_version:
        raise BadRequest(
            f"the object provided is a {version} {kind}, this path takes "
            f"{resource.api_version} {resource.kind}"
        )
    meta = body.setdefault("metadata", {})
    if not isinstance(meta, dict):
        raise BadRequest("metadata has to be an object")
    namespace = meta.get("namespace")
    if resource.namespaced and namespace and namespace != info.namespace:
        raise BadRequest(
            f"the namespace of the provided object does not match the namespace sent on the "
            f"request: {namespace}, {info.namespace}"
        )
    name = meta.get("name")
    if info.name and name and name != info.name:
        raise BadRequest(
            f"the name of the object ({name}) does not match the name on the URL ({info.name})"
        )


def unknown_fields(resource: Resource, obj: Object) -> list[str]:
    """What the resource's schema does not know in `obj`, as sentences."""
    if resource.schema is None:
        return []
    return [f'unknown field "{path}"' for path in prune(resource.schema, copied(obj))]


def check_fields(
    resource: Resource, obj: Object, validation: str, *, patch: bool
) -> dict[str, str]:
    """Headers that warn of unknown fields. With "Strict" raises BadRequest, or Invalid for a patch.

    Built-in kinds have no schema here, so nothing is unknown in them.
    """
    faults = unknown_fields(resource, obj) if validation != "Ignore" else []
    if not faults:
        return {}
    if validation == "Warn":
        return {"Warning": ", ".join(f"299 - {_quoted(fault)}" for fault in faults)}
    message = f"strict decoding error: {', '.join(faults)}"
    if patch:
        cause = StatusCause("FieldValueInvalid", f"Invalid value: {message}", "patch")
        raise Invalid.of(resource, obj["metadata"].get("name", ""), [cause])
    raise BadRequest(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a '
        f"{resource.kind}: {message}"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
