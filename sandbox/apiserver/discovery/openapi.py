"""OpenAPI documents, as far as kubectl reads them: to explain a kind and to know that the server
validates fields itself.

Custom resources are described by their own schema; of built-in kinds no more than their names is
told.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from sandbox.apiserver.kinds.resources import Object, Resource

_META_NAME: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_META_REF: Final = {"$ref": f"#/components/schemas/{_META_NAME}"}
_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "object", "additionalProperties": _TEXT}
_META_SCHEMA: Final[Object] = {
    "description": "ObjectMeta is metadata that all persisted resources must have.",
    "type": "object",
    "properties": {
        "name": {**_TEXT, "description": "Name must be unique within a namespace."},
        "generateName": {**_TEXT, "description": "Prefix of a name that the server completes."},
        "namespace": {**_TEXT, "description": "Namespace within which the name is unique."},
        "labels": {**_TEXTS, "description": "Keys and values to select objects by."},
        "annotations": {**_TEXTS, "description": "Keys and values for tools."},
        "finalizers": {"type": "array", "items": _TEXT, "description": "What holds a deletion."},
        "uid": {**_TEXT, "description": "Unique in time and space; set by the server."},
        "resourceVersion": {**_TEXT, "description": "Changes whenever the object does."},
        "generation": {"type": "integer", "description": "Counts changes of the specification."},
        "creationTimestamp": {**_TEXT, "format": "date-time", "description": "When created."},
        "deletionTimestamp": {**_TEXT, "format": "date-time", "description": "When it will go."},
    },
}
_FIELD_VALIDATION: Final = {
    "name": "fieldValidation",
    "in": "query",
    "description": "What to do with unknown fields: Ignore, Warn or Strict.",
    "schema": {"type": "string", "uniqueItems": True},
}


def index(resources: Iterable[Resource]) -> Object:
    """`/openapi/v3`: where the documents of each group and version are."""
    paths: dict[str, Object] = {}
    for path in sorted({_document_path(item.group, item.version) for item in resources}):
        digest = hashlib.sha256(path.encode()).hexdigest()[:16]
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def document(resources: Iterable[Resource]) -> Object:
    """The OpenAPI v3 document of one group and version."""
    schemas: dict[str, Any] = {_META_NAME: _META_SCHEMA}
    paths: dict[str, Any] = {}
    for resource in resources:
        schemas[_schema_name(resource)] = _schema(resource)
        paths.update(_paths(resource))
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.32.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def swagger(resources: Iterable[Resource]) -> Object:
    """`/openapi/v2`: the custom resources' schemas; clients have the built-in ones compiled in."""
    custom = [item for item in resources if item.custom]
    text = msgspec.json.encode({_schema_name(item): _schema(item) for item in custom})
    local = text.replace(b"#/components/schemas/", b"#/definitions/")
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "v1.32.0"},
        "paths": {},
        "definitions": {_META_NAME: _META_SCHEMA, **msgspec.json.decode(local)},
    }


def _document_path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _schema_name(resource: Resource) -> str:
    domain = ".".join(reversed(resource.group.split("."))) if resource.group else "io.k8s.api.core"
    return f"{domain}.{resource.version}.{resource.kind}"


def _schema(resource: Resource) -> Object:
    schema: Object = dict(resource.schema or {"type": "object"})
    properties = dict(schema.get("properties") or {})
    properties.setdefault("apiVersion", _TEXT)
    properties.setdefault("kind", _TEXT)
    properties["metadata"] = {"description": "Standard object metadata.", "allOf": [_META_REF]}
    if resource.schema is None:
        schema["x-kubernetes-preserve-unknown-fields"] = True
    schema["properties"] = properties
    schema["x-kubernetes-group-version-kind"] = [_gvk(resource)]
    return schema


def _gvk(resource: Resource) -> Object:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _paths(resource: Resource) -> Object:
    scope = "namespaces/{namespace}/" if resource.namespaced else ""
    base = f"/{_document_path(resource.group, resource.version)}/{scope}{resource.plural}"
    content = {"application/json": {"schema": _schema_ref(resource)}}
    # Strategic merge patches are not offered here, although they are taken: kubectl would then look
    # for merge keys in this document, whereas it has those of built-in kinds compiled in.
    patch_content: Object = {"application/merge-patch+json": {}, "application/json-patch+json": {}}
    answer = {"responses": {"200": {"description": "OK", "content": content}}}

    def operation(action: str, **more: Any) -> Object:
        return {
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": _gvk(resource),
            **more,
            **answer,
        }

    validated = {"parameters": [_FIELD_VALIDATION]}
    return {
        base: {
            "get": operation("list"),
            "post": operation("post", requestBody={"content": content}, **validated),
        },
        f"{base}/{{name}}": {
            "get": operation("get"),
            "put": operation("put", requestBody={"content": content}, **validated),
            "patch": operation("patch", requestBody={"content": patch_content}, **validated),
            "delete": operation("delete"),
        },
    }


def _schema_ref(resource: Resource) -> Object:
    return {"$ref": f"#/components/schemas/{_schema_name(resource)}"}
