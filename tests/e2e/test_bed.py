"""The test bed itself: pods, metrics and identities as every other test here relies on them."""

import json
import time

import pytest

from kube.client.configuration import load_credentials
from kube.client.errors import Forbidden
from kube.client.requests import Resource, list_of, raw_get
from kube.client.transport import ApiClient
from kube.vocab.times import parse_rfc3339
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, KubectlFailed
from tests.controlplane.kubelets import READY_AFTER_SECONDS, STATE, TERMINATES_AFTER_SECONDS
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import all_ready, apply, deployment, pods, ready


def test_deployment_becomes_ready_after_the_delay_its_pods_ask_for(kubectl: Kubectl):
    apply(kubectl, deployment("web", 5, **{READY_AFTER_SECONDS: "4"}))
    found = eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 5))
    kubectl("rollout", "status", "deployment/web", "--timeout=150s")
    delays = [
        parse_rfc3339(ready(pod)["lastTransitionTime"]) - parse_rfc3339(pod["status"]["startTime"])
        for pod in found
    ]
    # Never early; late on a busy machine.
    assert all(4_000 <= delay <= 10_000 for delay in delays), delays


def test_pods_are_unready_pending_unseen_or_failed_on_request(kubectl: Kubectl):
    for state in ("unseen", "pending"):
        apply(kubectl, deployment(state, 1, **{STATE: state}))
    apply(kubectl, deployment("web", 2))
    first, second = eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 2))

    name = first["metadata"]["name"]
    kubectl("annotate", "pod", name, f"{STATE}=unready")
    unready = eventually(
        lambda: {p["metadata"]["name"]: ready(p)["status"] for p in pods(kubectl, "web")},
        lambda states: states[name] == "False",
    )
    assert unready == {name: "False", second["metadata"]["name"]: "True"}
    kubectl("annotate", "pod", name, f"{STATE}-")
    eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 2))

    kubectl("annotate", "pod", name, f"{STATE}=failed")
    replaced = eventually(
        lambda: sorted(pod["status"]["phase"] for pod in pods(kubectl, "web")),
        lambda phases: phases == ["Failed", "Running", "Running"],
    )
    assert replaced

    (pending,) = eventually(
        lambda: pods(kubectl, "pending"), lambda found: "startTime" in found[0]["status"]
    )
    assert (pending["status"]["phase"], ready(pending)["status"]) == ("Pending", "False")
    (unseen,) = pods(kubectl, "unseen")
    assert unseen["spec"]["nodeName"]
    assert "startTime" not in unseen["status"]


def test_deleted_pod_stays_for_the_time_it_asks_for(kubectl: Kubectl):
    apply(kubectl, deployment("web", 1, **{TERMINATES_AFTER_SECONDS: "12"}))
    (pod,) = eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 1))
    name = pod["metadata"]["name"]
    started = time.monotonic()
    kubectl("delete", "pod", name, "--wait=false")
    both = eventually(lambda: pods(kubectl, "web"), lambda found: len(found) == 2)
    terminating = [p["metadata"]["name"] for p in both if "deletionTimestamp" in p["metadata"]]
    eventually(lambda: pods(kubectl, "web"), lambda found: len(found) == 1)
    assert terminating == [name]
    assert time.monotonic() - started >= 11.5


@pytest.mark.asyncio
async def test_resource_metrics_come_through_the_aggregator(
    cluster: ControlPlane, kubectl: Kubectl, namespace: str, api: ApiClient
):
    apply(kubectl, deployment("busy", 2), deployment("idle", 1), deployment("unmeasured", 1))
    eventually(lambda: pods(kubectl, "unmeasured"), lambda found: all_ready(found, 1))
    eventually(lambda: pods(kubectl, "busy"), lambda found: all_ready(found, 2))
    cluster.metrics.set_pods(namespace, "app in (busy,idle)", cpu="10m")
    cluster.metrics.set_pods(namespace, "app=busy", cpu="750m", memory="128Mi")
    cluster.metrics.set_node("node-1", cpu="2", memory="3Gi")

    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"
    everything = json.loads(await api.send(raw_get(path)))
    busy = json.loads(await api.send(raw_get(path, (("labelSelector", "app=busy"),))))
    usage = [
        (item["metadata"]["labels"]["app"], item["containers"][0]["usage"])
        for item in everything["items"]
    ]
    assert sorted(usage, key=lambda pair: pair[0]) == [
        ("busy", {"cpu": "750m", "memory": "128Mi"}),
        ("busy", {"cpu": "750m", "memory": "128Mi"}),
        ("idle", {"cpu": "10m", "memory": "64Mi"}),
    ]
    assert [item["metadata"]["labels"]["app"] for item in busy["items"]] == ["busy", "busy"]
    assert "750m" in kubectl("top", "pods", "-l", "app=busy")
    assert "2000m" in kubectl("top", "nodes")


@pytest.mark.asyncio
async def test_service_account_is_refused_without_rbac_and_the_audit_log_shows_it(
    cluster: ControlPlane, kubectl: Kubectl, namespace: str
):
    kubectl("create", "serviceaccount", "robot")
    kubeconfig = cluster.service_account_kubeconfig(namespace, "robot")
    credentials = await load_credentials(str(kubeconfig), environ={})
    request = list_of(Resource("apps", "v1", "deployments"), namespace)
    async with ApiClient(credentials, user_agent="robot", qps=0) as client:
        with pytest.raises(Forbidden):
            await client.send(request)
        kubectl("create", "role", "reader", "--verb=list", "--resource=deployments.apps")
        robot = f"--serviceaccount={namespace}:robot"
        kubectl("create", "rolebinding", "reader", "--role=reader", robot)
        eventually(
            lambda: kubectl.as_user(kubeconfig)("auth", "can-i", "--list"),
            lambda rules: "deployments.apps" in rules,
        )
        await client.send(request)
    user = f"system:serviceaccount:{namespace}:robot"
    events = [event for event in cluster.audit_events(user=user) if event.verb == "list"]
    assert [(event.code, event.allowed) for event in events] == [(403, False), (200, True)]
    assert {event.object_ref.resource for event in events if event.object_ref} == {"deployments"}


def test_kubectl_failures_carry_code_and_message(kubectl: Kubectl):
    with pytest.raises(KubectlFailed, match=r'deployments\.apps "none" not found') as raised:
        kubectl("get", "deployment", "none")
    assert raised.value.code == 1


def test_real_hpa_scales_on_resource_metrics(
    cluster: ControlPlane, kubectl: Kubectl, namespace: str
):
    web = deployment("web", 1)
    requests = {"requests": {"cpu": "100m"}}
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = requests
    cluster.metrics.set_pods(namespace, "app=web", cpu="200m")
    apply(kubectl, web)
    kubectl("autoscale", "deployment/web", "--cpu=100%", "--min=1", "--max=4")
    eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 4))


def test_namespace_goes_away_with_its_pods(cluster: ControlPlane, kubectl: Kubectl, namespace: str):
    apply(kubectl, deployment("web", 2))
    eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 2))
    cluster.delete_namespace(namespace)
    listed = eventually(
        lambda: kubectl("get", "namespaces", "-o", "name").split(),
        lambda names: f"namespace/{namespace}" not in names,
    )
    assert "namespace/default" in listed
