"""What goes wrong around the adapter has a condition that says so, and does not last."""

import base64
import re

import pytest
import trustme

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.waiting import eventually
from tests.e2e.callers import ask, metric_path, value_of
from tests.e2e.daemons import (
    API_SERVICE,
    Installation,
    available,
    await_available,
    change_api_service,
)
from tests.ports import free_ports

METRIC = metric_path("default")
RECOVERY = 180.0
"""Seconds; the availability controller waits up to 30 after several failures."""


def value(installation: Installation) -> str:
    return value_of(installation.cluster, METRIC)


def await_value(installation: Installation) -> None:
    eventually(lambda: value(installation), lambda found: found == "5", within=RECOVERY)


@pytest.fixture
def spare(spare_installation: Installation) -> Installation:
    """The module's installation, with one value of the metric."""
    spare_installation.gauges.set("queue_depth", 5, namespace="default", queue="a")
    await_value(spare_installation)
    return spare_installation


def probed(installation: Installation) -> int:
    """How many pages the adapter has served, probes of availability among them."""
    pages = ask(installation.adapter.port, "/metrics", pair=installation.cluster.pki.admin)
    pattern = r'^wpa_adapter_requests_total\{code="200",kind="page"\} (\S+)$'
    return sum(int(float(count)) for count in re.findall(pattern, pages.body.decode(), re.M))


def probe_now(cluster: ControlPlane, why: str) -> None:
    """The availability controller looks at once at an APIService that changes."""
    cluster.kubectl("annotate", "apiservice", API_SERVICE, "--overwrite", f"looked-at={why}")


def test_api_service_stays_available_while_prometheus_is_dead(spare: Installation):
    cluster = spare.cluster
    spare.prometheus.stop()
    try:
        # The last good value stands in for thirty seconds.
        assert value(spare) == "5"
        said = eventually(
            lambda: value(spare), lambda found: "unable to fetch" in found, within=RECOVERY
        )
        assert "unable to fetch metrics from Prometheus: unavailable" in said
        refusal = ask(spare.adapter.port, METRIC, pair=cluster.pki.admin)
        refusal.failure(503, "ServiceUnavailable")
        before = probed(spare)
        probe_now(cluster, "dead")
        # Five probes at a time, and this question itself.
        eventually(lambda: probed(spare), lambda count: count >= before + 5)
        assert available(cluster)["reason"] == "Passed"

        assert "queue_depth" in cluster.kubectl("api-resources", "-o", "name")
        cluster.rest.post("/api/v1/namespaces", {"metadata": {"name": "short-lived"}})
        cluster.await_service_account("short-lived")
        cluster.kubectl("delete", "namespace", "short-lived", "--timeout=150s")
        assert available(cluster)["status"] == "True"
    finally:
        spare.prometheus.start()
    await_value(spare)


def test_wrong_authority_in_the_api_service_is_named_in_its_condition(
    spare: Installation,
):
    cluster = spare.cluster
    wrong = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    change_api_service(cluster, {"insecureSkipTLSVerify": None, "caBundle": wrong})
    try:
        found = eventually(
            lambda: available(cluster), lambda one: one.get("reason") == "FailedDiscoveryCheck"
        )
        assert "x509" in found["message"]
        assert "unable to handle the request" in value(spare)
    finally:
        change_api_service(cluster, {"insecureSkipTLSVerify": True, "caBundle": None})
    await_available(cluster)
    await_value(spare)
    spare.adapter.process.check()


def test_dead_port_in_the_api_service_is_named_in_its_condition(spare: Installation):
    cluster = spare.cluster
    (dead,) = free_ports(1)
    change_api_service(cluster, {"service": {"port": dead}})
    try:
        found = eventually(
            lambda: available(cluster), lambda one: one.get("reason") == "FailedDiscoveryCheck"
        )
        assert f":{dead}" in found["message"]
        assert "connection refused" in found["message"]
        assert "unable to handle the request" in value(spare)
    finally:
        change_api_service(cluster, {"service": {"port": spare.adapter.port}})
    await_available(cluster)
    await_value(spare)
