"""Objects that are wrong in any place: refused in words or kept, never a failure of the server."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube.vocab.times import SystemClock
from sandbox.apiserver.discovery.discovery import Discovery
from sandbox.apiserver.http.scale import scale_of
from sandbox.apiserver.kinds.catalogue import Catalogue
from sandbox.apiserver.kinds.resources import (
    APISERVICES,
    CONFIGMAPS,
    DEFINITIONS,
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICES,
    Object,
    Resource,
)
from sandbox.apiserver.storage.errors import ApiError, BadRequest
from sandbox.apiserver.storage.store import Store
from sandbox.apiserver.tables.tables import table
from tests.contract.apiserver.objects import (
    GADGET_DEFINITION,
    configmap,
    deployment,
    gadget,
    lease,
)

GADGETS = Catalogue(store := Store(SystemClock()))
store.create(DEFINITIONS, "", GADGET_DEFINITION)
GADGET = GADGETS.find("contract.example.com", "v1", "gadgets")
assert GADGET is not None

POD: Object = {
    "metadata": {
        "name": "p",
        "labels": {"a": "b"},
        "finalizers": ["x/y"],
        "ownerReferences": [{"kind": "K", "name": "n", "uid": "u", "controller": True}],
    },
    "spec": {
        "nodeName": "n",
        "terminationGracePeriodSeconds": 3,
        "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 1}]}],
    },
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"ready": True, "restartCount": 1, "state": {"waiting": {}}}],
    },
}
EVENT: Object = {
    "metadata": {"name": "e"},
    "involvedObject": {"kind": "Pod", "name": "p"},
    "source": {"component": "x"},
    "lastTimestamp": "2026-01-01T00:00:00Z",
    "series": {"lastObservedTime": "2026-01-01T00:00:00Z"},
}
SERVICE: Object = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1, "protocol": "TCP"}]}}
APISERVICE: Object = {
    "metadata": {"name": "v1.x.example.com"},
    "spec": {"group": "x.example.com", "version": "v1", "service": {"name": "s", "namespace": "n"}},
}
NODE: Object = {
    "metadata": {"name": "n"},
    "spec": {},
    "status": {"conditions": [{"type": "Ready"}]},
}

EXAMPLES: list[tuple[Resource, Object]] = [
    (PODS, POD),
    (DEPLOYMENTS, deployment("d")),
    (CONFIGMAPS, configmap("c", {"a": "b"}, x="1")),
    (SECRETS, {"metadata": {"name": "s"}, "stringData": {"a": "b"}}),
    (SERVICES, SERVICE),
    (EVENTS, EVENT),
    (LEASES, lease("l", "me")),
    (NODES, NODE),
    (NAMESPACES, {"metadata": {"name": "n"}, "spec": {"finalizers": ["x"]}}),
    (APISERVICES, APISERVICE),
    (DEFINITIONS, GADGET_DEFINITION),
    (GADGET, gadget("g", replicas=1, amount="1")),
]

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "odd", [], [None], ["x"], {}, {"x": 1}, [[]]]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


@settings(max_examples=600)
@given(st.sampled_from(EXAMPLES), st.data())
def test_any_value_in_any_place_is_refused_or_served(
    example: tuple[Resource, Object], data: st.DataObject
):
    resource, valid = example
    body = copy.deepcopy(valid)
    *parents, last = data.draw(st.sampled_from(places(body)))
    target: Any = body
    for step in parents:
        target = target[step]
    target[last] = data.draw(ODD)
    if not isinstance(body.get("metadata"), dict):
        return  # refused where bodies are read
    store = Store(SystemClock(), seed=1)
    namespace = "default" if resource.namespaced else ""
    try:
        made = store.create(resource, namespace, body)
        name = made["metadata"]["name"]
        made["status"] = body.get("status", {})
        if resource.status:
            made = store.update(resource, namespace, name, made, "status")
    except ApiError:
        return
    table(resource, [made], store.clock.now(), meta={})
    Discovery(Catalogue(store), None).groups()
    Catalogue(store).resources()
    if resource is DEPLOYMENTS:
        scale_of(resource, made)
    store.delete(resource, namespace, name)


@pytest.mark.parametrize(
    ("resource", "change", "field"),
    [
        (PODS, {"spec": {"containers": "none"}}, "spec.containers"),
        (PODS, {"metadata": {"name": "p", "labels": {"a": 1}}}, "metadata.labels"),
        (DEPLOYMENTS, {"spec": {"replicas": "2"}}, "spec.replicas"),
        (CONFIGMAPS, {"data": {"a": 1}}, "data"),
    ],
)
def test_wrong_type_is_refused_with_its_place(resource: Resource, change: Object, field: str):
    body = {"metadata": {"name": "x"}} | change
    with pytest.raises(BadRequest, match=f"cannot be handled as a {resource.kind}.*`{field}"):
        Store(SystemClock()).create(resource, "default", body)
