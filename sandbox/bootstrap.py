"""What a sandbox contains before anybody has written to it."""

import json

from sandbox.apiserver.access.bootstrap_rbac import AUTHENTICATION_CONFIGMAP, bootstrap_objects
from sandbox.apiserver.kinds.resources import CONFIGMAPS, NODES, Object
from sandbox.apiserver.storage.store import Store
from sandbox.controllers.nodes import new_nodes
from sandbox.pki import FRONT_PROXY_NAME, Pki


def bootstrap(store: Store, pki: Pki, *, nodes: int, max_pods: int | None) -> None:
    """Fill a new store: access rules, the trust of extension API servers, nodes."""
    for resource, namespace, obj in bootstrap_objects():
        store.create(resource, namespace, obj)
    store.create(CONFIGMAPS, "kube-system", authentication_configmap(pki))
    for node in new_nodes(nodes, store.clock.now(), max_pods):
        store.create(NODES, "", node)


def authentication_configmap(pki: Pki) -> Object:
    """Where extension API servers learn whom to trust (external-metrics-api §9.1)."""
    return {
        "metadata": {"name": AUTHENTICATION_CONFIGMAP, "namespace": "kube-system"},
        "data": {
            "client-ca-file": pki.ca_pem.decode(),
            "requestheader-client-ca-file": pki.front_proxy_ca_pem.decode(),
            "requestheader-allowed-names": json.dumps([FRONT_PROXY_NAME]),
            "requestheader-username-headers": json.dumps(["X-Remote-User"]),
            "requestheader-group-headers": json.dumps(["X-Remote-Group"]),
            "requestheader-extra-headers-prefix": json.dumps(["X-Remote-Extra-"]),
        },
    }
