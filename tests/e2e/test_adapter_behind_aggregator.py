"""The adapter behind the real aggregator: values, discovery, OpenAPI, namespaces."""

import json
import re
from typing import Any

from tests.controlplane.kubectl import Kubectl
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import apply, deployment
from tests.e2e.callers import ROOT, ask, metric_path
from tests.e2e.daemons import API_SERVICE, Installation, await_available, register

GROUP = "external.metrics.k8s.io"
V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def values(kubectl: Kubectl, path: str) -> list[tuple[str, str]]:
    items = json.loads(kubectl("get", "--raw", path))["items"]
    return sorted((item["metricLabels"]["queue"], item["value"]) for item in items)


def test_api_service_is_available_within_10_seconds_of_the_start(installation: Installation):
    assert installation.available_after <= 10


def test_kubectl_reads_the_list_and_a_metric(
    installation: Installation, kubectl: Kubectl, namespace: str
):
    gauges = installation.gauges
    gauges.set("queue_depth", 30, namespace=namespace, queue="a")
    gauges.set("queue_depth", 1.5, namespace=namespace, queue="b")
    gauges.set("queue_depth", 7, namespace="elsewhere", queue="a")
    eventually(
        lambda: values(kubectl, metric_path(namespace)),
        lambda found: found == [("a", "30"), ("b", "1500m")],
    )
    assert values(kubectl, metric_path(namespace, selector="queue%3Da")) == [("a", "30")]
    assert values(kubectl, metric_path(namespace, selector="queue+in+(b,c)")) == [("b", "1500m")]
    gauges.remove("queue_depth", namespace=namespace, queue="a")
    eventually(
        lambda: values(kubectl, metric_path(namespace)), lambda found: found == [("b", "1500m")]
    )
    listed = json.loads(kubectl("get", "--raw", ROOT))
    assert [(one["name"], one["verbs"]) for one in listed["resources"]] == [
        ("queue_age_seconds", ["get"]),
        ("queue_depth", ["get"]),
    ]


def test_discovery_v2_reaches_clients_and_is_fetched_again_by_etag(installation: Installation):
    cluster, adapter = installation.cluster, installation.adapter
    admin = cluster.pki.admin
    direct = ask(adapter.port, "/apis", pair=admin, headers={"Accept": V2})
    assert direct.headers["content-type"].replace(" ", "") == V2
    etag = direct.headers["etag"]
    again = ask(adapter.port, "/apis", pair=admin, headers={"Accept": V2, "If-None-Match": etag})
    assert (again.code, again.body) == (304, b"")

    def merged() -> Any:
        port = int(cluster.server.rpartition(":")[2])
        groups = ask(port, "/apis", pair=admin, headers={"Accept": V2}).json["items"]
        return [group for group in groups if group["metadata"]["name"] == GROUP]

    (group,) = eventually(merged, lambda found: found and found[0]["versions"][0]["resources"])
    (version,) = group["versions"]
    assert (version["version"], version["freshness"]) == ("v1beta1", "Current")
    assert [one["resource"] for one in version["resources"]] == ["queue_age_seconds", "queue_depth"]

    # The aggregator looks again once a minute, and at once when the APIService changes.
    before = not_modified(installation)
    cluster.kubectl("annotate", "apiservice", API_SERVICE, "--overwrite", f"looked-at={before}")
    eventually(lambda: not_modified(installation), lambda count: count > before)
    assert merged()[0]["versions"][0]["freshness"] == "Current"


def not_modified(installation: Installation) -> int:
    """How often the adapter answered that a document is still the same."""
    pages = ask(installation.adapter.port, "/metrics", pair=installation.cluster.pki.admin)
    pattern = r'^wpa_adapter_requests_total\{code="304",kind="page"\} (\S+)$'
    return sum(int(float(count)) for count in re.findall(pattern, pages.body.decode(), re.M))


def test_openapi_v2_and_v3_are_merged_without_an_error(installation: Installation):
    cluster = installation.cluster
    cluster.kubectl("delete", "apiservice", API_SERVICE)
    eventually(
        lambda: cluster.rest.get("/openapi/v3")["paths"],
        lambda paths: f"apis/{GROUP}/v1beta1" not in paths,
    )
    said_before = len(cluster.apiserver_log())
    register(cluster, installation.adapter.port)
    await_available(cluster)
    paths = eventually(
        lambda: cluster.rest.get("/openapi/v3")["paths"],
        lambda paths: f"apis/{GROUP}/v1beta1" in paths,
    )
    v3 = cluster.rest.get(paths[f"apis/{GROUP}/v1beta1"]["serverRelativeURL"])
    merged = eventually(
        lambda: cluster.rest.get("/openapi/v2"),
        lambda found: any(path.startswith(f"{ROOT}/") for path in found["paths"]),
    )
    kind = "io.k8s.metrics.pkg.apis.external_metrics.v1beta1.ExternalMetricValueList"
    assert kind in v3["components"]["schemas"]
    assert kind in merged["definitions"]
    said = cluster.apiserver_log()[said_before:].splitlines()
    # A line begins with its severity: I, W, E, F.
    assert [line for line in said if GROUP in line and line[0] in "EWF"] == []
    assert [line for line in said if "OpenAPI" in line and line[0] in "EF"] == []


def test_namespaces_go_away_and_resources_are_listed(
    installation: Installation, kubectl: Kubectl, namespace: str
):
    listed = kubectl("api-resources", f"--api-group={GROUP}", "-o", "name").split()
    assert listed == [f"queue_age_seconds.{GROUP}", f"queue_depth.{GROUP}"]
    assert "deployments.apps" in kubectl("api-resources", "-o", "name")
    apply(kubectl, deployment("web", 1))
    installation.cluster.delete_namespace(namespace)
    eventually(
        lambda: kubectl("get", "namespaces", "-o", "name").split(),
        lambda names: f"namespace/{namespace}" not in names,
    )
