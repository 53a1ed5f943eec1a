"""Two scalers of one namespace, one of which leads, until it is killed."""

import time
import urllib.request
from pathlib import Path
from random import Random
from typing import Any, Final

from kube.vocab.times import Millis, parse_rfc3339
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.processes import Process
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import all_ready, apply, pods
from tests.e2e.daemons import NAMESPACE, SCALER, Scaler
from tests.e2e.external_backend import ExternalMetrics
from tests.e2e.scaler.objects import METRIC, autoscaler, workload

Json = dict[str, Any]

FIRST: Final = 2
CYCLE: Final = ((570, 6), (120, 2))
"""Loads, and the counts that they lead to in several steps: up, and back to where it began."""
WINDOWS: Final[dict[str, Any]] = {
    "upscaleForbiddenWindowSeconds": 5,
    "downscaleForbiddenWindowSeconds": 6,
    "upscaleDelayAboveWatermarkSeconds": 2,
    "downscaleDelayBelowWatermarkSeconds": 3,
    "scaleUpLimitFactor": "50",
    "scaleDownLimitFactor": "50",
}
WITHIN: Final = 120.0
"""Seconds for what takes a few on a machine that is not busy."""
_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"


class Pair:
    """One namespace with a target `web`, its autoscaler, its load, and its scalers."""

    def __init__(
        self,
        cluster: ControlPlane,
        namespace: str,
        external: ExternalMetrics,
        folder: Path,
        random: Random,
        *,
        kills: int,
    ) -> None:
        """`kills` are to come, each when a count changes or a moment later."""
        self.namespace = namespace
        self.killed = 0
        self.cycles = 0
        self._cluster = cluster
        self._kubectl = cluster.kubectl.within(namespace)
        self._external = external
        self._folder = folder
        self._random = random
        self._kills = kills
        self._step = 0
        self._scalers: list[Scaler] = []
        self._watch: Process | None = None
        self._strike: float | None = None
        self._seen = 0

    # Setting up and ending

    def open(self, scalers: int) -> None:
        """Make the objects, watch the target, start the scalers."""
        self._may_lead()
        apply(self._kubectl, workload("Deployment", "web", FIRST))
        eventually(
            lambda: pods(self._kubectl, "web"),
            lambda found: all_ready(found, FIRST),
            within=WITHIN,
        )
        self._watch = self._watching()
        eventually(self.changes, within=WITHIN)
        self._show()
        apply(self._kubectl, autoscaler(maxReplicas=10, **WINDOWS))
        for _ in range(scalers):
            self._hire()

    def close(self) -> None:
        """Leave no process behind."""
        for one in self._scalers:
            one.stop()
        if self._watch is not None:
            self._watch.stop()

    def _hire(self) -> None:
        self._scalers.append(
            Scaler(
                self._cluster,
                self._folder / f"{self.namespace}-{self.killed}-{len(self._scalers)}",
                "--evaluation-period=2s",
                f"--watch-namespace={self.namespace}",
                f"--leader-election-namespace={self.namespace}",
            )
        )

    def _may_lead(self) -> None:
        """Give the scaler's account its rights on leases in this namespace, too."""
        shipped = self._cluster.rest.get(f"{_RBAC}/namespaces/{NAMESPACE}/roles")["items"]
        (role,) = (one for one in shipped if one["metadata"]["name"] == f"{SCALER}:leader-election")
        subject = {"kind": "ServiceAccount", "name": SCALER, "namespace": NAMESPACE}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "leases"}
        meta = {"metadata": {"name": "leases"}}
        root = f"{_RBAC}/namespaces/{self.namespace}"
        self._cluster.rest.post(f"{root}/roles", {**meta, "rules": role["rules"]})
        binding = {**meta, "roleRef": reference, "subjects": [subject]}
        self._cluster.rest.post(f"{root}/rolebindings", binding)

    def _watching(self) -> Process:
        """Each version of the target is a line with its count and who set it."""
        setter = "{.metadata.managedFields[?(@.subresource=='scale')].manager}"
        template = f"jsonpath={{.spec.replicas}} {setter}{{'\\n'}}"
        kubectl = self._kubectl
        return Process(
            "kubectl",
            [kubectl.program, f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={self.namespace}",
             "get", "deployment", "web", "--watch", "-o", template],
            self._folder / f"{self.namespace}-counts.log",
            environ={"HOME": str(kubectl.home)},
        )  # fmt: skip

    # Going on

    @property
    def over(self) -> bool:
        """Whether all kills were done, and the load is back where it began."""
        return self.killed >= self._kills and self.cycles > 0 and self._step == 0

    def go_on(self) -> None:
        """Kill if it is time, and change the load if the count is where it leads to."""
        if self.over:
            return
        changes = self.changes()
        if self.killed < self._kills:
            self._maybe_kill(changed=len(changes) > self._seen)
        self._seen = len(changes)
        if changes[-1][0] == CYCLE[self._step][1]:
            self._step = (self._step + 1) % len(CYCLE)
            self.cycles += self._step == 0
            if not self.over:
                self._show()

    def _maybe_kill(self, *, changed: bool) -> None:
        if self._strike is None:
            # About half of them as soon as a count changes: the status may not be written yet.
            wait = self._random.choice((WITHIN, self._random.uniform(0, 6)))
            self._strike = time.monotonic() + wait
        if not changed and time.monotonic() < self._strike:
            return
        leaders = [one for one in self._scalers if _leads(one)]
        if not leaders:
            return
        leaders[0].stop()
        self._scalers.remove(leaders[0])
        self.killed += 1
        self._strike = None
        self._hire()

    def _show(self) -> None:
        self._external.set(self.namespace, METRIC, CYCLE[self._step][0])

    # What came of it

    def changes(self) -> list[tuple[int, Millis]]:
        """The counts that the target was given, and when each was decided on, by its signature."""
        assert self._watch is not None
        self._watch.check()
        text = self._watch.log.read_text()
        found: list[tuple[int, Millis]] = []
        for line in text[: text.rfind("\n") + 1].splitlines():
            count, _, manager = line.partition(" ")
            at = parse_rfc3339(manager.partition("@")[2]) if "@" in manager else 0
            if not found or found[-1] != (int(count), at):
                found.append((int(count), at))
        return found

    def status(self) -> Json:
        """The autoscaler's status."""
        path = f"/apis/datadoghq.com/v1alpha1/namespaces/{self.namespace}"
        found: Json = self._cluster.rest.get(f"{path}/watermarkpodautoscalers/web")["status"]
        return found

    def last_scale(self) -> Millis:
        """When the target was scaled last, by that status."""
        return parse_rfc3339(self.status()["lastScaleTime"])

    def crashes(self) -> list[Json]:
        """Evaluations that failed unexpectedly, of those that are left."""
        return [
            line for one in self._scalers for line in one.said("The evaluation failed unexpectedly")
        ]


def _leads(scaler: Scaler) -> bool:
    url = f"http://127.0.0.1:{scaler.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=30) as answer:
        text = answer.read().decode()
    return "\nwpa_scaler_shards_held 1" in text
