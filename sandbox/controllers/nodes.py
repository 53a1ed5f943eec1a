"""Nodes of the sandbox: Ready from the start, with room for a number of pods. Pure."""

from collections.abc import Iterator
from typing import Final

from kube.vocab.times import Millis, format_rfc3339
from sandbox.apiserver.kinds.resources import Object

PODS_PER_NODE: Final = 1000
_KUBELET: Final = "v1.32.0+sandbox"


def new_nodes(count: int, now: Millis, max_pods: int | None = None) -> Iterator[Object]:
    """`count` nodes that together have room for `max_pods` pods, as evenly as possible."""
    for number in range(count):
        room = PODS_PER_NODE
        if max_pods is not None:
            room = max_pods // count + (number < max_pods % count)
        yield _node(f"node-{number + 1}", room, now)


def _node(name: str, pods: int, now: Millis) -> Object:
    resources = {"cpu": "64", "memory": "256Gi", "pods": str(pods)}
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastTransitionTime": format_rfc3339(now),
        "lastHeartbeatTime": format_rfc3339(now),
    }
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "capacity": dict(resources),
            "allocatable": resources,
            "conditions": [ready],
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {"kubeletVersion": _KUBELET, "operatingSystem": "linux"},
        },
    }
