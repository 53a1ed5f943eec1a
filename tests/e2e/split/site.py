"""A target with an autoscaler, two scalers of which one leads, and what they say of it."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.rest import Refused
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import apply, deployment
from tests.e2e.daemons import SCALER, Daemon, Installation, Scaler, account
from tests.e2e.scaler.objects import autoscaler, external

Json = dict[str, Any]

NAMESPACE: Final = "moved"
TARGET: Final = "web"
METRIC: Final = "queue_depth"
LEASE: Final = "watermarkpodautoscaler-lock"
WITHIN: Final = 90.0
"""Seconds that the cluster's own part may take on a busy machine."""
VISIBLE: Final = 15.0
"""Seconds after which the scaler has to know what the API server knows."""


class Site:
    """The namespace, the daemons and the words to ask them."""

    def __init__(self, installation: Installation, scalers: tuple[Scaler, ...]) -> None:
        self.cluster: ControlPlane = installation.cluster
        self.kubectl: Kubectl = self.cluster.kubectl.within(NAMESPACE)
        self.adapter = installation.adapter
        self.scalers = scalers
        self._gauges = installation.gauges

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """All that has to live through it."""
        return (*self.scalers, self.adapter)

    def show(self, depth: float) -> None:
        """How much work waits from now on."""
        self._gauges.set(METRIC, depth, namespace=NAMESPACE, queue="a")

    # The cluster's view

    def pod_list(self) -> Json:
        """The pods of the namespace, as a consistent read has them."""
        found: Json = self.cluster.rest.get(f"/api/v1/namespaces/{NAMESPACE}/pods")
        return found

    def list_version(self) -> int:
        """The resourceVersion of that list."""
        return int(self.pod_list()["metadata"]["resourceVersion"])

    def versions(self) -> dict[str, str]:
        """Name to resourceVersion of each pod."""
        metas = [pod["metadata"] for pod in self.pod_list()["items"]]
        return {meta["name"]: meta["resourceVersion"] for meta in metas}

    def count(self) -> int:
        """The count that is asked of the target."""
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{TARGET}/scale"
        return int(self.cluster.rest.get(path)["spec"]["replicas"])

    def ready(self) -> tuple[int, int]:
        """How many pods there are, and how many of them are Ready."""
        conditions = [
            [(one["type"], one["status"]) for one in pod["status"].get("conditions", [])]
            for pod in self.pod_list()["items"]
        ]
        return len(conditions), sum(("Ready", "True") in one for one in conditions)

    def refusal(self) -> str:
        """Why a pod may not be written; empty if it may."""
        pod = {"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
        try:
            self.cluster.rest.post(f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", pod)
        except Refused as error:
            return str(error)
        return ""

    def scale_writes(self) -> list[int]:
        """The codes of the answers to the scalers' writes of a count, conflicts left out."""
        return [
            event.code
            for event in self.cluster.audit_events(user=account(SCALER))
            if event.verb in ("update", "patch")
            and event.object_ref is not None
            and event.object_ref.subresource == "scale"
            and event.code != 409
        ]

    def lease(self) -> Json:
        """What the scalers' lease says."""
        root = "/apis/coordination.k8s.io/v1/namespaces/watermark-autoscaler/leases"
        return dict(self.cluster.rest.get(f"{root}/{LEASE}")["spec"])

    # The scalers' view

    def shown(self) -> Json:
        """The page of whoever looks after the autoscaler; empty while nobody does."""
        pages = [page for page in map(_page, self.scalers) if page.get("rule")]
        assert len(pages) < 2, "two scalers look after one autoscaler"
        return pages[0] if pages else {}

    def known(self) -> tuple[int, int]:
        """How many pods there are and are Ready, as the scaler has it."""
        page = self.shown()
        return page.get("ownedPods") or 0, page.get("readyPods") or 0

    def let_evaluate(self, times: int) -> None:
        """Wait for so many more evaluations, counted by their times in whole seconds."""
        for _ in range(times):
            before = self.shown().get("at")
            eventually(
                lambda: self.shown().get("at"),
                lambda at, before=before: at not in (None, before),  # type: ignore[misc]
                within=WITHIN,
            )

    # Waiting

    def await_count(self, count: int) -> None:
        """Wait until that is asked of the target."""
        eventually(lambda: (self.count(), self.shown()), lambda f: f[0] == count, within=WITHIN)

    def await_ready(self, pods: int, ready: int | None = None) -> None:
        """Wait until the API server has these pods, then, not for long, until the scaler has."""
        wanted = (pods, pods if ready is None else ready)
        eventually(self.ready, lambda found: found == wanted, within=WITHIN)
        eventually(self.known, lambda found: found == wanted, within=VISIBLE)

    def are_well(self) -> None:
        """Fails where a daemon ended, was started again or failed unexpectedly."""
        for daemon in self.daemons:
            daemon.process.check()
        for scaler in self.scalers:
            assert len(scaler.said("Started")) == 1
            assert scaler.said("The evaluation failed unexpectedly") == []


@contextmanager
def settled(installation: Installation, folder: Path, pods: int, depth: float) -> Iterator[Site]:
    """A target of `pods` pods with that much work, within its marks of 50 and 100 per pod, while
    the context is open.
    """
    cluster = installation.cluster
    cluster.rest.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    cluster.await_service_account(NAMESPACE)
    scalers: list[Scaler] = []
    try:
        for name in ("one", "other"):
            scalers.append(Scaler(cluster, folder / name, "--evaluation-period=1s"))
        site = Site(installation, tuple(scalers))
        site.show(depth)
        metric = external(METRIC)
        apply(site.kubectl, deployment(TARGET, pods), autoscaler(TARGET, metric, target=TARGET))
        eventually(site.known, lambda found: found == (pods, pods), within=WITHIN)
        eventually(
            lambda: site.shown().get("rule"),
            lambda rule: rule == "within_watermarks",
            within=WITHIN,
        )
        yield site
    finally:
        for scaler in scalers:
            scaler.stop()


def _page(scaler: Scaler) -> Json:
    url = f"http://127.0.0.1:{scaler.metrics_port}/autoscalers"
    with urllib.request.urlopen(url, timeout=30) as answer:
        found: list[Json] = json.loads(answer.read())["autoscalers"]
    return found[0] if found else {}
