"""In which form an answer goes out: the objects themselves, their metadata, or a Table."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from kube.vocab.times import Millis
from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import NotAcceptable
from sandbox.apiserver.tables.tables import IncludeObject, partial_metadata, table

_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = ("application/json", "application/*", "*/*", "")
_ONE: Final = "PartialObjectMetadata"
_LIST: Final = "PartialObjectMetadataList"
_INCLUDES: Final[dict[str, IncludeObject]] = {
    "None": "None", "Metadata": "Metadata", "Object": "Object",
}  # fmt: skip


class Form(Struct, frozen=True):
    """The form that a client asked for; `name` is "" for the objects themselves."""

    name: str = ""
    include: IncludeObject = "Metadata"

    @property
    def is_table(self) -> bool:
        """Whether rows are wanted."""
        return self.name == "Table"


def requested_form(request: web.Request) -> Form:
    """The first form of the Accept header that can be served. Raises NotAcceptable."""
    accept = ",".join(request.headers.getall("Accept", ["*/*"]))
    include = _INCLUDES.get(request.query.get("includeObject", ""), "Metadata")
    for part in accept.split(","):
        kind, _, rest = part.strip().partition(";")
        if kind not in _JSON:
            continue
        parameters = dict(item.strip().partition("=")[::2] for item in rest.split(";"))
        name = parameters.get("as", "")
        if name in ("", "Table", _ONE, _LIST):
            return Form(name, include)
    raise NotAcceptable(
        "only the following media types are accepted: application/json, "
        "application/json;as=Table;v=v1;g=meta.k8s.io, "
        f"application/json;as={_ONE};v=v1;g=meta.k8s.io"
    )


def object_body(form: Form, resource: Resource, obj: Object, now: Millis) -> Object:
    """One object in the form asked for. Raises NotAcceptable for the form of a list."""
    if form.name == _LIST:
        raise NotAcceptable(f"you requested {_LIST}, but the requested object is not a list")
    if form.is_table:
        meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return table(resource, [obj], now, meta=meta, include=form.include)
    return _formed(form, resource, obj)


def list_body(
    form: Form, resource: Resource, objects: Iterable[Object], now: Millis, meta: Object
) -> Object:
    """A list in the form asked for. Raises NotAcceptable for the form of one object."""
    if form.name == _ONE:
        raise NotAcceptable(f"you requested {_ONE}, but the requested object is a list")
    if form.is_table:
        return table(resource, objects, now, meta=meta, include=form.include)
    items = [_formed(form, resource, obj) for obj in objects]
    if form.name:
        kind, version = _LIST, "meta.k8s.io/v1"
    else:
        kind, version = resource.list_kind, resource.api_version
    return {"kind": kind, "apiVersion": version, "metadata": meta, "items": items}


def event_body(form: Form, resource: Resource, obj: Object, now: Millis, *, first: bool) -> Object:
    """The object of a watch event; a Table's columns are told with the first event only."""
    if form.is_table:
        meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return table(resource, [obj], now, meta=meta, include=form.include, with_columns=first)
    return _formed(form, resource, obj)


def json_response(
    body: Any, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """A JSON answer."""
    return web.Response(
        body=_ENCODER.encode(body), status=status, content_type="application/json", headers=headers
    )


def _formed(form: Form, resource: Resource, obj: Object) -> Object:
    if form.name:
        return partial_metadata(obj)
    # The version asked for, which need not be the one stored; the kind comes first for readers.
    return {"apiVersion": resource.api_version, "kind": resource.kind, **_untyped(obj)}


def _untyped(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
