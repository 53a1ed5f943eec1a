"""Applying autoscalers: by two managers, again, and compared with what is stored."""

import json
from copy import deepcopy

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, KubectlFailed
from tests.controlplane.workloads import Json
from tests.e2e.crds import install
from tests.e2e.scaler.objects import API_VERSION, KIND, autoscaler, external, resource


@pytest.fixture(autouse=True)
def installed(cluster: ControlPlane) -> None:
    install(cluster)


def server_side(kubectl: Kubectl, manager: str, wpa: Json, *flags: str) -> str:
    return kubectl("apply", "--server-side", f"--field-manager={manager}", *flags, "-f", "-",
                   stdin=json.dumps(wpa))  # fmt: skip


def partial(**spec: object) -> Json:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "web"}, "spec": spec}


def stored(kubectl: Kubectl) -> Json:
    found: Json = json.loads(kubectl("get", "wpa", "web", "-o", "json", "--show-managed-fields"))
    return found


def test_two_managers_own_different_fields_of_one_autoscaler(kubectl: Kubectl):
    base = autoscaler()
    del base["spec"]["maxReplicas"]
    server_side(kubectl, "limits", base | partial(**base["spec"], maxReplicas=10))
    server_side(kubectl, "team", partial(dryRun=True))
    server_side(kubectl, "limits", base | partial(**base["spec"], maxReplicas=20))
    spec = stored(kubectl)["spec"]
    assert (spec["maxReplicas"], spec["dryRun"]) == (20, True)
    server_side(kubectl, "team", partial())
    assert stored(kubectl)["spec"]["dryRun"] is False


def test_metrics_are_owned_as_a_whole_and_the_conflict_says_so(kubectl: Kubectl):
    server_side(kubectl, "team", autoscaler())
    entry = stored(kubectl)["metadata"]["managedFields"][0]
    assert entry["fieldsV1"]["f:spec"]["f:metrics"] == {}
    more = partial(metrics=[external(), resource()])
    with pytest.raises(KubectlFailed) as failed:
        server_side(kubectl, "platform", more)
    assert 'conflict with "team"' in failed.value.stderr
    assert ".spec.metrics" in failed.value.stderr
    assert len(stored(kubectl)["spec"]["metrics"]) == 1
    server_side(kubectl, "platform", more, "--force-conflicts")
    assert len(stored(kubectl)["spec"]["metrics"]) == 2
    with pytest.raises(KubectlFailed, match='conflict with "platform"'):
        server_side(kubectl, "team", autoscaler())


def test_appliers_of_the_spec_never_meet_the_writer_of_the_status(kubectl: Kubectl):
    server_side(kubectl, "team", autoscaler())
    status = {"currentReplicas": 3, "desiredReplicas": 4}
    kubectl("patch", "wpa", "web", "--subresource=status", "--type=merge", "-p",
            json.dumps({"status": status}))  # fmt: skip
    server_side(kubectl, "team", autoscaler(maxReplicas=12))
    found = stored(kubectl)
    assert found["status"] == status
    assert (found["spec"]["maxReplicas"], found["metadata"]["generation"]) == (12, 2)


def test_a_rule_is_asked_of_the_merged_object(kubectl: Kubectl):
    server_side(kubectl, "team", autoscaler())
    with pytest.raises(KubectlFailed, match="minReplicas must not be greater than maxReplicas"):
        server_side(kubectl, "other", partial(minReplicas=11), "--force-conflicts")


@pytest.mark.parametrize("flags", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_nothing_differs_after_an_apply(kubectl: Kubectl, flags: tuple[str, ...]):
    wpa = autoscaler("web", external(high="1500m", low="0.5"), resource())
    minimal = deepcopy(wpa)
    for field in ("algorithm", "minReplicas", "scaleUpLimitFactor"):
        del minimal["spec"][field]  # filled in by the server
    minimal["metadata"]["name"] = "minimal"
    content = json.dumps({"apiVersion": "v1", "kind": "List", "items": [wpa, minimal]})
    kubectl("apply", *flags, "-f", "-", stdin=content)
    # kubectl ends with code 1 where something differs.
    assert kubectl("diff", *flags, "-f", "-", stdin=content) == ""
    kubectl("patch", "wpa", "web", "--subresource=status", "--type=merge", "-p",
            '{"status": {"currentReplicas": 1, "desiredReplicas": 1}}')  # fmt: skip
    assert kubectl("diff", *flags, "-f", "-", stdin=content) == ""
    again = kubectl("apply", *flags, "-f", "-", stdin=content).splitlines()
    assert len(again) == 2
    assert flags or all(line.endswith(" unchanged") for line in again)
