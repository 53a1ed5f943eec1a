"""What one rule allows and whom one subject means."""

import pytest

from sandbox.apiserver.access.identity import User, service_account
from sandbox.apiserver.access.rbac_rules import Attributes, rule_allows, subject_means

LIST_PODS = Attributes("list", resource="pods", namespace="shop")
GET_SCALE = Attributes("get", "apps", "deployments", "scale", "shop", "web")
GET_METRICS = Attributes("get", path="/metrics/cadvisor")


def rule(verbs: str, groups: str, resources: str, names: str = "") -> dict[str, list[str]]:
    """Comma-separated lists; "core" is the legacy group."""
    found = {
        "verbs": verbs.split(","),
        "apiGroups": ["" if group == "core" else group for group in groups.split(",")],
        "resources": resources.split(","),
    }
    return found | ({"resourceNames": names.split(",")} if names else {})


@pytest.mark.parametrize(
    ("listed", "wanted", "allowed"),
    [
        (rule("list", "core", "pods"), LIST_PODS, True),
        (rule("get", "core", "pods"), LIST_PODS, False),
        (rule("list", "apps", "pods"), LIST_PODS, False),
        (rule("list", "core", "secrets"), LIST_PODS, False),
        (rule("*", "*", "*"), LIST_PODS, True),
        (rule("*", "*", "*"), GET_SCALE, True),
        (rule("get", "apps", "deployments"), GET_SCALE, False),
        (rule("get", "apps", "deployments/scale"), GET_SCALE, True),
        (rule("get", "*", "*/scale"), GET_SCALE, True),
        (rule("get", "apps", "*/status"), GET_SCALE, False),
        (rule("get", "apps", "deployments/*"), GET_SCALE, False),
        (rule("get", "apps", "deployments/scale", "web"), GET_SCALE, True),
        (rule("get", "apps", "deployments/scale", "api"), GET_SCALE, False),
        (rule("list", "core", "pods", "web"), LIST_PODS, False),
        (rule("get", "*", "*"), GET_METRICS, False),
        ({"verbs": ["get"], "nonResourceURLs": ["/metrics/*"]}, GET_METRICS, True),
        ({"verbs": ["get"], "nonResourceURLs": ["/metrics"]}, GET_METRICS, False),
        ({"verbs": ["get"], "nonResourceURLs": ["*"]}, GET_METRICS, True),
        ({"verbs": ["*"], "nonResourceURLs": ["*"]}, LIST_PODS, False),
    ],
)
def test_a_rule_allows_what_it_lists_and_nothing_else(listed, wanted, allowed):
    assert rule_allows(listed, wanted) is allowed


SCALER = service_account("shop", "scaler")
ANNA = User("anna", groups=("ops", "system:authenticated"))


@pytest.mark.parametrize(
    ("subject", "user", "home", "means"),
    [
        ({"kind": "User", "name": "anna"}, ANNA, "", True),
        ({"kind": "User", "name": "ops"}, ANNA, "", False),
        ({"kind": "Group", "name": "ops"}, ANNA, "", True),
        ({"kind": "Group", "name": "system:serviceaccounts"}, SCALER, "", True),
        ({"kind": "Group", "name": "system:serviceaccounts:shop"}, SCALER, "", True),
        ({"kind": "Group", "name": "system:serviceaccounts:bank"}, SCALER, "", False),
        ({"kind": "Group", "name": "system:authenticated"}, SCALER, "", True),
        ({"kind": "ServiceAccount", "name": "scaler", "namespace": "shop"}, SCALER, "", True),
        ({"kind": "ServiceAccount", "name": "scaler", "namespace": "bank"}, SCALER, "", False),
        ({"kind": "ServiceAccount", "name": "scaler"}, SCALER, "shop", True),
        ({"kind": "ServiceAccount", "name": "scaler"}, SCALER, "", False),
        ({"kind": "User", "name": "system:serviceaccount:shop:scaler"}, SCALER, "", True),
        ({"kind": "Robot", "name": "anna"}, ANNA, "", False),
    ],
)
def test_a_subject_means_the_users_groups_and_accounts_that_it_names(subject, user, home, means):
    assert subject_means(subject, user, home) is means
