"""Certificates that the adapter makes itself, checked by the real aggregator."""

import base64
from pathlib import Path

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import Json, apply
from tests.e2e.callers import metric_path, value_of
from tests.e2e.daemons import (
    ADAPTER,
    API_SERVICE,
    NAMESPACE,
    Adapter,
    Installation,
    account,
    await_available,
    register,
    rendered,
)
from tests.e2e.permissions import Permission, granted, used

LAYER = "with-managed-certificates"
SECRET = "wpa-adapter-managed-cert"
FLAG = f"--tls-managed-secret={NAMESPACE}/{SECRET}"


def spec_of(cluster: ControlPlane) -> Json:
    found = cluster.rest.get(f"/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}")["spec"]
    assert isinstance(found, dict)
    return found


def authorities(cluster: ControlPlane) -> int:
    bundle = base64.b64decode(spec_of(cluster).get("caBundle", ""))
    return bundle.count(b"BEGIN CERTIFICATE")


def test_the_api_server_checks_what_the_adapter_made(
    spare_installation: Installation, tmp_path: Path
):
    it, cluster = spare_installation, spare_installation.cluster
    it.gauges.set("queue_depth", 5, namespace="default", queue="a")
    before = granted(cluster, NAMESPACE, ADAPTER)
    objects = rendered(cluster, LAYER)
    apply(cluster.kubectl, *(one for one in objects if one["kind"] != "APIService"))
    managed = granted(cluster, NAMESPACE, ADAPTER) - before
    assert managed == {
        *(Permission("", "secrets", verb) for verb in ("get", "create", "patch")),
        *(Permission("apiregistration.k8s.io", "apiservices", verb) for verb in ("get", "patch")),
    }
    register(cluster, it.adapter.port, LAYER)

    # As GitOps might have it: the Secret is there and empty.
    cluster.kubectl("-n", NAMESPACE, "create", "secret", "generic", SECRET)
    first = Adapter(cluster, tmp_path / "first", it.prometheus.url, FLAG)
    try:
        register(cluster, first.port, LAYER)
        serves(it, first)
    finally:
        first.stop()

    # Lost, and with another replica in place of the first.
    former = spec_of(cluster)["caBundle"]
    cluster.kubectl("-n", NAMESPACE, "delete", "secret", SECRET)
    second = Adapter(cluster, tmp_path / "second", it.prometheus.url, FLAG)
    try:
        register(cluster, second.port, LAYER)
        eventually(lambda: spec_of(cluster)["caBundle"], lambda found: found != former)
        serves(it, second)
    finally:
        second.stop()
    events = cluster.audit_events(account(ADAPTER))
    assert managed <= used(events)


def serves(it: Installation, adapter: Adapter) -> None:
    """The API server checks the certificate, and values come through."""
    cluster = it.cluster
    eventually(lambda: authorities(cluster), lambda count: count == 1)
    await_available(cluster)
    assert not spec_of(cluster).get("insecureSkipTLSVerify")
    assert eventually(lambda: value_of(cluster, metric_path("default")), lambda found: found == "5")
    assert adapter.said("serving certificates cannot be managed") == []
