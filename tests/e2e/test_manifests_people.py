"""What people get by the cluster's own roles view and edit, which ours are merged into."""

import pytest

from tests.controlplane.kubectl import Kubectl, KubectlFailed
from tests.controlplane.waiting import eventually

METRIC = "queue_depth.external.metrics.k8s.io"
AUTOSCALERS = "watermarkpodautoscalers.datadoghq.com"
"""Spelled out: tests of the CRD serve copies of it under the same short name."""


def may(kubectl: Kubectl, user: str, verb: str, resource: str, *flags: str) -> bool:
    try:
        kubectl("auth", "can-i", verb, resource, f"--as={user}", *flags)
    except KubectlFailed as error:
        # "no" is an exit code, too.
        if error.stdout.strip() == "no":
            return False
        raise
    return True


@pytest.mark.usefixtures("installation")
def test_role_view_reads_autoscalers_and_metrics_and_changes_nothing(kubectl: Kubectl):
    kubectl("create", "rolebinding", "jane", "--clusterrole=view", "--user=jane")
    eventually(lambda: may(kubectl, "jane", "list", AUTOSCALERS))
    eventually(lambda: may(kubectl, "jane", "list", METRIC))
    assert may(kubectl, "jane", "watch", AUTOSCALERS)
    assert not may(kubectl, "jane", "create", AUTOSCALERS)
    assert not may(kubectl, "jane", "patch", AUTOSCALERS)
    assert not may(kubectl, "john", "list", AUTOSCALERS)
    assert not may(kubectl, "john", "list", METRIC)


@pytest.mark.usefixtures("installation")
def test_role_edit_changes_autoscalers_but_not_their_status(kubectl: Kubectl):
    kubectl("create", "rolebinding", "jane", "--clusterrole=edit", "--user=jane")
    for verb in ("create", "patch", "update", "delete", "deletecollection", "get", "list"):
        eventually(lambda verb=verb: may(kubectl, "jane", verb, AUTOSCALERS))  # type: ignore[misc]
    assert not may(kubectl, "jane", "patch", AUTOSCALERS, "--subresource=status")
