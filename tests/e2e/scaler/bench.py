"""A test's namespace, what its autoscalers read, and the scaler that looks after them."""

import json
import urllib.request
from pathlib import Path
from typing import Any, Final

from tests.controlplane.audit import AuditEvent
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.rest import Refused
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import all_ready, apply, pods
from tests.e2e.daemons import SCALER, Scaler, account
from tests.e2e.external_backend import ExternalMetrics
from tests.e2e.scaler.objects import METRIC

Json = dict[str, Any]

WITHIN: Final = 180.0
"""Seconds that a change may take on a busy machine."""
_WPAS: Final = "/apis/datadoghq.com/v1alpha1/namespaces/{}/watermarkpodautoscalers"


class Seat:
    """Where at most one scaler runs at a time, for all tests."""

    USUAL: Final = ("--evaluation-period=1s",)

    def __init__(self, cluster: ControlPlane, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._running: Scaler | None = None
        self._flags: tuple[str, ...] = ()

    @property
    def scaler(self) -> Scaler:
        """The one that runs."""
        assert self._running is not None
        return self._running

    def usual(self) -> None:
        """Have one with the usual flags."""
        if self._running is None or self._flags != self.USUAL:
            self.restart()

    def restart(self, *flags: str) -> None:
        """End the one that runs, in an orderly way; start one with other than the usual flags."""
        self.end()
        self._flags = flags or self.USUAL
        self._running = Scaler(self._cluster, self._folder, *self._flags)

    def end(self) -> None:
        """Have none."""
        if self._running is not None:
            running, self._running = self._running, None
            assert running.terminate() == 0, running.process.tail()

    def stop(self) -> None:
        """Kill it, if there is one."""
        if self._running is not None:
            self._running.stop()


class Bench:
    """Short words for what tests do and look at. Objects are those of the test's namespace."""

    def __init__(
        self, cluster: ControlPlane, namespace: str, external: ExternalMetrics, seat: Seat
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.kubectl: Kubectl = cluster.kubectl.within(namespace)
        self.external = external
        self.seat = seat

    def apply(self, *objects: Json) -> None:
        """`kubectl apply` them."""
        apply(self.kubectl, *objects)

    def run(self, workload: Json, ready: int | None = None) -> None:
        """Apply it and wait until all its pods are Ready."""
        self.apply(workload)
        self.await_ready(
            workload["spec"]["template"]["metadata"]["labels"]["app"],
            workload["spec"]["replicas"] if ready is None else ready,
        )

    def await_ready(self, app: str, count: int) -> None:
        """Wait until there are `count` pods labelled `app`, all Ready."""
        eventually(
            lambda: pods(self.kubectl, app), lambda found: all_ready(found, count), within=WITHIN
        )

    def show(self, value: float | str, metric: str = METRIC, **labels: str) -> None:
        """The value that External metric has from now on."""
        self.external.set(self.namespace, metric, value, **labels)

    def path(self, resource: str, name: str) -> str:
        """Path of an object; `resource` is like "apps/v1/deployments"."""
        version, _, plural = resource.rpartition("/")
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{root}/namespaces/{self.namespace}/{plural}/{name}"

    def replicas(self, name: str = "web", resource: str = "apps/v1/deployments") -> int:
        """The count that is asked of a target."""
        found = self.cluster.rest.get(f"{self.path(resource, name)}/scale")
        return int(found["spec"].get("replicas", 0))

    def await_replicas(
        self, count: int, name: str = "web", resource: str = "apps/v1/deployments"
    ) -> None:
        """Wait until that is `count`."""
        eventually(
            lambda: (self.replicas(name, resource), self.shown(name).get("decision")),
            lambda found: found[0] == count,
            within=WITHIN,
        )

    def wpa(self, name: str = "web") -> Json:
        """An autoscaler; empty where there is none."""
        try:
            found: Json = self.cluster.rest.get(f"{_WPAS.format(self.namespace)}/{name}")
        except Refused as error:
            if error.code != 404:
                raise
            return {}
        return found

    def status(self, name: str = "web") -> Json:
        """Its status."""
        found: Json = self.wpa(name).get("status", {})
        return found

    def condition(self, kind: str, name: str = "web") -> Json:
        """One of its conditions; empty where there is none."""
        conditions: list[Json] = self.status(name).get("conditions") or []
        return next((one for one in conditions if one["type"] == kind), {})

    def await_condition(self, kind: str, status: str, reason: str, name: str = "web") -> Json:
        """Wait for it; the condition."""
        return eventually(
            lambda: self.condition(kind, name),
            lambda found: (found.get("status"), found.get("reason")) == (status, reason),
            within=WITHIN,
        )

    def set_status(self, status: Json, name: str = "web") -> None:
        """Merge into an autoscaler's status."""
        patch = json.dumps({"status": status})
        self.kubectl("patch", "wpa", name, "--subresource=status", "--type=merge", "-p", patch)

    def events(self, reason: str, name: str = "web") -> list[Json]:
        """The events with this reason on an autoscaler."""
        found = self.cluster.rest.get(f"/api/v1/namespaces/{self.namespace}/events")
        return [
            event
            for event in found["items"]
            if event["reason"] == reason and event["involvedObject"]["name"] == name
        ]

    def shown(self, name: str = "web") -> Json:
        """What the scaler's page says of an autoscaler; empty where it says nothing."""
        page = json.loads(_get(self.seat.scaler.metrics_port, "/autoscalers"))
        wanted = (self.namespace, name)
        found = [one for one in page["autoscalers"] if (one["namespace"], one["name"]) == wanted]
        return dict(found[0]) if found else {}

    def await_rule(self, rule: str, name: str = "web") -> Json:
        """Wait until an evaluation ends by this rule; what the page says then."""
        return eventually(
            lambda: self.shown(name), lambda found: found.get("rule") == rule, within=WITHIN
        )

    def let_evaluate(self, times: int = 3, name: str = "web") -> None:
        """Wait for so many more evaluations, counted by their times in whole seconds."""
        for _ in range(times + 1):
            before = self.shown(name).get("at")
            eventually(
                lambda: self.shown(name).get("at"),
                lambda at, before=before: at != before,  # type: ignore[misc]
                within=WITHIN,
            )

    def series(self, metric: str, name: str = "web") -> float | None:
        """The value of one of the scaler's series about an autoscaler."""
        labels = (f'wpa_name="{name}"', f'wpa_namespace="{self.namespace}"')
        for line in _get(self.seat.scaler.metrics_port, "/metrics").splitlines():
            if line.startswith(f"{metric}{{") and all(label in line for label in labels):
                return float(line.rpartition(" ")[2])
        return None

    def asked(self, namespace: str | None = None) -> list[AuditEvent]:
        """What the scaler asked the API server about the test's namespace."""
        wanted = namespace or self.namespace
        return [
            event
            for event in self.cluster.audit_events(user=account(SCALER))
            if event.object_ref is not None and event.object_ref.namespace == wanted
        ]

    def scale_writes(self) -> list[int]:
        """The answers' codes of all writes to scales."""
        return [
            event.code
            for event in self.asked()
            if event.verb in ("update", "patch")
            and event.object_ref is not None
            and event.object_ref.subresource == "scale"
        ]

    def denied(self) -> list[str]:
        """What the scaler was not allowed to ask."""
        return [event.request_uri for event in self.asked() if not event.allowed]

    def is_well(self) -> None:
        """Fails where the scaler ended, crashed in an evaluation or wrote a traceback."""
        scaler = self.seat.scaler
        scaler.process.check()
        crashes = scaler.said("The evaluation failed unexpectedly")
        assert not crashes, crashes


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return str(answer.read().decode())
