"""Permissions: what the daemons need, and nothing more."""

import pytest

from scaler.shell.leadership import LEASE, lease_of
from tests.unit.manifests.manifest_files import MANIFESTS, objects_below

ROLES = {
    obj["metadata"]["name"]: obj
    for _, obj in objects_below(MANIFESTS)
    if obj["kind"] in ("ClusterRole", "Role")
}
BINDINGS = [
    obj
    for _, obj in objects_below(MANIFESTS)
    if obj["kind"] in ("ClusterRoleBinding", "RoleBinding")
]
OF_KUBERNETES = {"system:auth-delegator", "extension-apiserver-authentication-reader"}


def grants(role: str) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in ROLES[role]["rules"]
        for group in rule.get("apiGroups", [])
        for resource in rule.get("resources", [])
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("name", ROLES)
def test_no_wildcards_but_for_the_names_of_metrics(name):
    for rule in ROLES[name]["rules"]:
        assert "*" not in rule["verbs"]
        assert "*" not in rule.get("apiGroups", [])
        assert "*" not in rule.get("nonResourceURLs", [])
        if "*" in rule.get("resources", []):
            # Here the resource of a request is the metric's name.
            assert rule["apiGroups"] == ["external.metrics.k8s.io"]
            assert set(rule["verbs"]) <= {"get", "list"}


def test_the_scalers_permissions():
    autoscalers = "watermarkpodautoscalers"
    assert grants("wpa-scaler") == {
        ("datadoghq.com", autoscalers, "list"),
        ("datadoghq.com", autoscalers, "watch"),
        ("datadoghq.com", autoscalers, "patch"),
        ("datadoghq.com", f"{autoscalers}/status", "patch"),
        ("datadoghq.com", "datadogmonitors", "get"),
        *(
            ("apps", f"{kind}/scale", verb)
            for kind in ("deployments", "replicasets", "statefulsets")
            for verb in ("get", "update")
        ),
        *(("apps", kind, "get") for kind in ("deployments", "replicasets", "statefulsets")),
        ("", "pods", "list"),
        ("autoscaling", "horizontalpodautoscalers", "list"),
        ("apps", "deployments", "list"),
        ("external.metrics.k8s.io", "*", "list"),
        ("metrics.k8s.io", "pods", "list"),
        ("", "events", "create"),
        ("", "events", "patch"),
    }


def test_leases_only_at_home_and_only_ours():
    role = ROLES["wpa-scaler:leader-election"]
    assert role["kind"] == "Role"
    for rule in role["rules"]:
        assert rule["resources"] == ["leases"]
        if rule["verbs"] != ["create"]:
            assert rule["resourceNames"] == [LEASE, *(lease_of(shard) for shard in range(8))]


def test_the_adapter_has_only_what_an_aggregated_api_needs():
    bound = {
        binding["roleRef"]["name"]
        for binding in BINDINGS
        for subject in binding["subjects"]
        if subject["name"] == "wpa-adapter"
    }
    managed = {"wpa-adapter:managed-certificates", "wpa-adapter:ca-bundle"}
    assert bound == OF_KUBERNETES | managed
    layers = (MANIFESTS / "adapter", MANIFESTS / "default", MANIFESTS / "with-cert-manager")
    for layer in layers:
        assert not managed & {obj["metadata"]["name"] for _, obj in objects_below(layer)}


def test_the_adapter_may_touch_one_secret_and_one_api_service_where_it_makes_certificates():
    found = [
        (obj["kind"], rule["resources"], rule.get("resourceNames"), rule["verbs"])
        for _, obj in objects_below(MANIFESTS / "components" / "managed-certificates")
        for rule in obj.get("rules", [])
    ]
    assert found == [
        ("Role", ["secrets"], ["wpa-adapter-managed-cert"], ["get", "patch"]),
        ("Role", ["secrets"], None, ["create"]),
        ("ClusterRole", ["apiservices"], ["v1beta1.external.metrics.k8s.io"], ["get", "patch"]),
    ]


def test_people_and_the_hpa_can_read_external_metrics():
    reader = ROLES["external-metrics-reader"]
    assert reader["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    subjects = [
        (subject["namespace"], subject["name"])
        for binding in BINDINGS
        if binding["roleRef"]["name"] == "external-metrics-reader"
        for subject in binding["subjects"]
    ]
    assert subjects == [("kube-system", "horizontal-pod-autoscaler")]


def test_bindings_lead_from_accounts_that_exist_to_roles_that_exist():
    accounts = {
        (obj["metadata"]["namespace"], obj["metadata"]["name"])
        for _, obj in objects_below(MANIFESTS)
        if obj["kind"] == "ServiceAccount"
    }
    assert len(BINDINGS) >= 5
    for binding in BINDINGS:
        role = binding["roleRef"]["name"]
        assert role in OF_KUBERNETES or ROLES[role]["kind"] == binding["roleRef"]["kind"]
        for subject in binding["subjects"]:
            at = (subject["namespace"], subject["name"])
            assert at in accounts or at == ("kube-system", "horizontal-pod-autoscaler")
