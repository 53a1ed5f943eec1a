"""Nodes, and what their kubelets' stand-in (kwok, following stages.yaml) is told by annotations.

A pod without annotations runs and is Ready at once. The annotations go into a pod template, or on
a live pod, which follows within a second.
"""

from pathlib import Path
from typing import Any, Final, Literal

STAGES: Final = Path(__file__).with_name("stages.yaml")

READY_AFTER_SECONDS: Final = "test.watermark-autoscaler/ready-after-seconds"
"""Seconds from `status.startTime` to the first time Ready, "3"."""

TERMINATES_AFTER_SECONDS: Final = "test.watermark-autoscaler/terminates-after-seconds"
"""Seconds a deleted pod stays, "2"; without it, it goes at once."""

STATE: Final = "test.watermark-autoscaler/state"
"""Holds a pod in a State; without it, it goes on to Ready."""

State = Literal["unseen", "pending", "unready", "failed"]
"""unseen: scheduled, but no kubelet spoke: no startTime. pending: startTime, containers waiting.
unready: Running, not Ready. failed: phase Failed, for good.
"""

NODES: Final = tuple(f"node-{number}" for number in (1, 2, 3))


def node(name: str) -> dict[str, Any]:
    """A Node large enough for any test."""
    size = {"cpu": "64", "memory": "256Gi", "pods": "1000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {
            "capacity": size,
            "allocatable": size,
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                **dict.fromkeys(
                    (
                        *("bootID", "machineID", "systemUUID", "kernelVersion", "osImage"),
                        *("containerRuntimeVersion", "kubeletVersion", "kubeProxyVersion"),
                    ),
                    "",
                ),
            },
        },
    }
