"""The product's CRD in the session's cluster, and copies of it in groups of a test's own."""

import json
from copy import deepcopy
from typing import Final

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.rest import Refused
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import Json, apply
from tests.e2e.daemons import rendered
from tests.e2e.scaler.upstream import as_upstream

PLURAL: Final = "watermarkpodautoscalers"
OURS: Final = "datadoghq.com"


def definition(cluster: ControlPlane) -> Json:
    """The CRD as the manifests ship it."""
    (found,) = (
        one for one in rendered(cluster, "crd") if one["kind"] == "CustomResourceDefinition"
    )
    return found


def install(cluster: ControlPlane) -> None:
    """Install it, unless it is there, and wait until its objects are taken."""
    apply(cluster.kubectl, definition(cluster))
    _await_served(cluster, OURS)


def status_of(error: Refused) -> Json:
    """The Status that a refusal came with."""
    found: Json = json.loads(error.body)
    return found


def causes_of(error: Refused) -> dict[str, list[str]]:
    """What a refusal says, by field."""
    found: dict[str, list[str]] = {}
    for cause in status_of(error)["details"]["causes"]:
        found.setdefault(cause["field"], []).append(cause["message"])
    return found


class OwnGroup:
    """The CRD in another group, first as lax as upstream's: nobody else's objects are touched."""

    def __init__(self, cluster: ControlPlane, kubectl: Kubectl) -> None:
        self.cluster = cluster
        self.kubectl = kubectl
        self.group = f"{kubectl.namespace}.example.com"
        self.resource = f"{PLURAL}.{self.group}"
        self._ours = deepcopy(definition(cluster))
        self._ours["metadata"]["name"] = self.resource
        self._ours["spec"]["group"] = self.group
        # kubectl remembers what it discovered: `wpa` must go on meaning the product's.
        del self._ours["spec"]["names"]["shortNames"]
        self._path = f"/apis/{self.group}/v1alpha1/namespaces/{kubectl.namespace}/{PLURAL}"

    def install_lax(self) -> None:
        apply(self.kubectl, as_upstream(self._ours))
        _await_served(self.cluster, self.group)

    def upgrade(self, probe: Json) -> None:
        """Put ours in its place; returns when it refuses `probe`."""
        apply(self.kubectl, self._ours)
        eventually(lambda: self._refuses(probe))

    def remove(self) -> None:
        self.kubectl("delete", "crd", self.resource, "--wait=false")

    def create(self, wpa: Json, query: str = "") -> Json:
        """Raises Refused."""
        body = wpa | {"apiVersion": f"{self.group}/v1alpha1"}
        made: Json = self.cluster.rest.post(self._path + query, body)
        return made

    def get(self, name: str) -> Json:
        found: Json = self.cluster.rest.get(f"{self._path}/{name}")
        return found

    def patch(self, name: str, change: Json, *flags: str) -> None:
        """Merge `change`. Raises KubectlFailed."""
        change_flags = ("--type=merge", "-p", json.dumps(change), *flags)
        self.kubectl("patch", self.resource, name, *change_flags)

    def _refuses(self, probe: Json) -> bool:
        try:
            self.create(probe, "?dryRun=All")
        except Refused as error:
            return error.code == 422
        return False


def _await_served(cluster: ControlPlane, group: str) -> None:
    def served() -> bool:
        try:
            cluster.rest.get(f"/apis/{group}/v1alpha1/{PLURAL}")
        except Refused:
            return False
        return True

    eventually(served)
