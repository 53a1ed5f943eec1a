"""manifests/ applied with kubectl: everything comes up, nothing differs, nothing is left behind.

In a cluster of its own, as shipped: the pods are the stand-in kubelets', which run nothing, so the
APIService stays unavailable here.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.controlplane.assets import Assets
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.pki import Authority
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import Json, apply
from tests.e2e.callers import ROOT
from tests.e2e.daemons import (
    ADAPTER,
    API_SERVICE,
    MANIFESTS,
    NAMESPACE,
    SCALER,
    Adapter,
    available,
    await_available,
    change_api_service,
    rendered,
)

DEFAULT = str(MANIFESTS / "default")
CRD = "watermarkpodautoscalers.datadoghq.com"
NO_PROMETHEUS = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def empty(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster that the session's installation does not fill."""
    with ControlPlane(assets, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def gone(cluster: ControlPlane) -> bool:
    names = cluster.kubectl("get", "namespaces", "-o", "name").split()
    return f"namespace/{NAMESPACE}" not in names


def test_apply_brings_everything_up_again_changes_nothing_and_delete_leaves_nothing(
    empty: ControlPlane,
):
    kubectl = empty.kubectl
    before = everything(empty)
    first = kubectl("apply", "-k", DEFAULT).splitlines()
    try:
        assert first
        assert all(line.endswith(" created") for line in first), first
        kubectl("wait", f"crd/{CRD}", "--for=condition=Established", "--timeout=150s")
        # Pods pass the admission of a namespace that enforces the restricted standard.
        for name in (ADAPTER, SCALER):
            at_home = kubectl.within(NAMESPACE)
            at_home("rollout", "status", f"deployment/{name}", "--timeout=150s")
        eventually(
            lambda: get(
                empty, f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets/{ADAPTER}"
            ),
            lambda budget: budget["status"]["disruptionsAllowed"] == 1,
        )
        # Ends with an error where something differs.
        assert kubectl("diff", "-k", DEFAULT) == ""
        again = kubectl("apply", "-k", DEFAULT).splitlines()
        assert len(again) == len(first)
        # kubectl sends the selector of a budget every time and calls it configured.
        changed = [line for line in again if not line.endswith(" unchanged")]
        assert changed in ([], [f"poddisruptionbudget.policy/{ADAPTER} configured"])
    finally:
        kubectl("delete", "-k", DEFAULT, "--timeout=150s")
    eventually(lambda: gone(empty))
    eventually(lambda: everything(empty), lambda found: found == before)


def everything(cluster: ControlPlane) -> set[str]:
    """What lies outside namespaces, as far as the manifests could leave something."""
    kinds = "crd,apiservices,clusterroles,clusterrolebindings,namespaces"
    listed = cluster.kubectl("get", kinds, "-o", "name").split()
    return {
        *listed,
        *cluster.kubectl.within("kube-system")("get", "rolebindings", "-o", "name").split(),
    }


def get(cluster: ControlPlane, path: str) -> Json:
    found: Json = cluster.rest.get(path)
    return found


def stand_in(kind: str) -> Json:
    """cert-manager's CRD as far as an object of it can be stored."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.cert-manager.io"},
        "spec": {
            "group": "cert-manager.io",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


def test_with_cert_manager_the_aggregator_checks_the_adapters_certificate(
    empty: ControlPlane, tmp_path: Path
):
    kubectl = empty.kubectl
    apply(kubectl, stand_in("Issuer"), stand_in("Certificate"))
    for crd in ("issuers.cert-manager.io", "certificates.cert-manager.io"):
        kubectl("wait", f"crd/{crd}", "--for=condition=Established", "--timeout=150s")
    objects = rendered(empty, "with-cert-manager")
    apply(kubectl, *objects)
    try:
        (certificate,) = (
            one["spec"]
            for one in objects
            if (one["kind"], one["metadata"]["name"]) == ("Certificate", ADAPTER)
        )
        # What cert-manager would do now: issue it, and inject its authority into the APIService.
        authority = Authority(tmp_path / "ca.pem", "cert-manager")
        pair = authority.serving(tmp_path / "tls", *certificate["dnsNames"])
        adapter = Adapter(
            empty,
            tmp_path / "adapter",
            NO_PROMETHEUS,
            f"--tls-cert-file={pair.certificate}",
            f"--tls-private-key-file={pair.key}",
        )
        try:
            service = {"port": adapter.port}
            change_api_service(empty, {"service": service})
            eventually(lambda: available(empty), lambda one: "x509" in one.get("message", ""))
            bundle = base64.b64encode(authority.pem).decode()
            change_api_service(empty, {"caBundle": bundle})
            await_available(empty)
            spec = get(empty, f"/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}")["spec"]
            assert not spec.get("insecureSkipTLSVerify")
            assert json.loads(kubectl("get", "--raw", ROOT))["kind"] == "APIResourceList"
        finally:
            adapter.stop()
    finally:
        content = yaml.safe_dump_all(objects)
        kubectl("delete", "-f", "-", "--timeout=150s", stdin=content)
    eventually(lambda: gone(empty))
