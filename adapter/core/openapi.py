"""Static OpenAPI documents, versions 2 and 3, for the aggregator (external-metrics-api §8.4, E-16).

Definition names are those of the Kubernetes metrics API, because the aggregator merges documents of
several servers by name.
"""

import hashlib
from typing import Any, Final

from adapter.core.documents import GROUP, GROUP_VERSION, KIND, ROOT, VERSION, Document, encode

_METRICS: Final = "io.k8s.metrics.pkg.apis.external_metrics.v1beta1"
_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1"
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INFO: Final = {"title": "External metrics from Prometheus", "version": VERSION}
_PATH: Final = f"{ROOT}/namespaces/{{namespace}}/{{resource}}"
_OPERATION: Final = {
    "description": "list external metric values",
    "operationId": "listExternalMetricsV1beta1ExternalMetricValue",
    "x-kubernetes-action": "list",
    "x-kubernetes-group-version-kind": {"group": GROUP, "version": VERSION, "kind": KIND},
}
_PARAMETERS: Final = (
    ("namespace", "path", "namespace of the request"),
    ("resource", "path", "name of the metric"),
    ("labelSelector", "query", "restricts the series by their labels; defaults to everything"),
    ("pretty", "query", "if 'true', the output is indented"),
    ("timeout", "query", "bound on the whole request as a duration, for example 5s"),
)
V3_PATH: Final = f"/openapi/v3/apis/{GROUP_VERSION}"


def _definitions(prefix: str) -> dict[str, Any]:
    def ref(name: str) -> dict[str, str]:
        return {"$ref": f"{prefix}{name}"}

    value = {
        "description": "the value of one series of an external metric",
        "type": "object",
        "required": ["metricName", "metricLabels", "timestamp", "value"],
        "properties": {
            "metricName": {"description": "name of the metric", "type": "string"},
            "metricLabels": {
                "description": "labels of the series",
                "type": "object",
                "additionalProperties": {"type": "string"},
            },
            "timestamp": {"description": "instant of the value", **ref(f"{_META}.Time")},
            "window": {
                "description": "seconds over which the value was computed",
                "type": "integer",
                "format": "int64",
            },
            "value": {"description": "the value", **ref(_QUANTITY)},
        },
    }
    value_list = {
        "description": "the values of an external metric, one per series",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": ref(f"{_META}.ListMeta"),
            "items": {"type": "array", "items": ref(f"{_METRICS}.ExternalMetricValue")},
        },
        "x-kubernetes-group-version-kind": [{"group": GROUP, "version": VERSION, "kind": KIND}],
    }
    list_meta = {
        "description": "metadata of a list",
        "type": "object",
        "properties": {
            name: {"type": "string"} for name in ("continue", "resourceVersion", "selfLink")
        },
    }
    return {
        f"{_METRICS}.{KIND}": value_list,
        f"{_METRICS}.ExternalMetricValue": value,
        f"{_META}.ListMeta": list_meta,
        f"{_META}.Time": {"type": "string", "format": "date-time"},
        _QUANTITY: {"description": "a decimal number with a suffix", "type": "string"},
    }


def _v2() -> bytes:
    parameters = [
        {
            "name": name,
            "in": place,
            "description": text,
            "type": "string",
            "uniqueItems": True,
            **({"required": True} if place == "path" else {}),
        }
        for name, place, text in _PARAMETERS
    ]
    answer = {
        "200": {"description": "OK", "schema": {"$ref": f"#/definitions/{_METRICS}.{KIND}"}},
        "401": {"description": "Unauthorized"},
    }
    operation = {**_OPERATION, "produces": ["application/json"], "responses": answer}
    return encode(
        {
            "swagger": "2.0",
            "info": _INFO,
            "paths": {
                _PATH: {"get": {**operation, "schemes": ["https"]}, "parameters": parameters}
            },
            "definitions": _definitions("#/definitions/"),
        }
    )


def _v3() -> bytes:
    parameters = [
        {
            "name": name,
            "in": place,
            "description": text,
            "schema": {"type": "string"},
            **({"required": True} if place == "path" else {}),
        }
        for name, place, text in _PARAMETERS
    ]
    schema = {"$ref": f"#/components/schemas/{_METRICS}.{KIND}"}
    answer = {
        "200": {"description": "OK", "content": {"application/json": {"schema": schema}}},
        "401": {"description": "Unauthorized"},
    }
    return encode(
        {
            "openapi": "3.0.0",
            "info": _INFO,
            "paths": {
                _PATH: {"get": {**_OPERATION, "responses": answer}, "parameters": parameters}
            },
            "components": {"schemas": _definitions("#/components/schemas/")},
        }
    )


def _index(group_body: bytes) -> bytes:
    return encode(
        {
            "paths": {
                f"apis/{GROUP_VERSION}": {
                    "serverRelativeURL": f"{V3_PATH}?hash={group_hash(group_body)}"
                }
            }
        }
    )


def group_hash(body: bytes) -> str:
    """What the index appends to the address of a document, so that it may be cached for ever."""
    return hashlib.sha256(body).hexdigest()[:32].upper()


V2: Final = Document.tagged(_v2())
V3_GROUP: Final = Document.tagged(_v3())
V3_HASH: Final = group_hash(V3_GROUP.body)
V3_INDEX: Final = Document.tagged(_index(V3_GROUP.body))
