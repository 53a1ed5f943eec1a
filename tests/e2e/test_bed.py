"""The test bed itself: what every other test here relies on."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube.client.configuration import load_credentials
from kube.client.errors import Forbidden
from kube.client.requests import Resource, list_of, raw_get
from kube.client.transport import ApiClient
from kube.vocab.times import parse_rfc3339
from tests.controlplane.assets import Assets
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, KubectlFailed
from tests.controlplane.kubelets import READY_AFTER_SECONDS, STATE, TERMINATES_AFTER_SECONDS
from tests.controlplane.processes import ProcessFailed, running
from tests.controlplane.waiting import eventually

Json = dict[str, Any]


def deployment(name: str, replicas: int, **annotations: str) -> Json:
    pod = {
        "metadata": {"labels": {"app": name}, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": "example.test/main:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": pod,
        },
    }


def apply(kubectl: Kubectl, *objects: Json) -> None:
    content = {"apiVersion": "v1", "kind": "List", "items": objects}
    kubectl("apply", "-f", "-", stdin=json.dumps(content))


def pods(kubectl: Kubectl, app: str) -> list[Json]:
    found = json.loads(kubectl("get", "pods", "-l", f"app={app}", "-o", "json"))
    items: list[Json] = found["items"]
    return items


def ready(pod: Json) -> Json:
    conditions = pod["status"].get("conditions", [])
    return next((each for each in conditions if each["type"] == "Ready"), {"status": "absent"})


def all_ready(found: list[Json], wanted: int) -> bool:
    return len(found) == wanted and all(ready(pod)["status"] == "True" for pod in found)


@pytest.fixture(scope="module")
def spare(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster for what other tests should not suffer from."""
    with ControlPlane(assets, tmp_path_factory.mktemp("spare")) as running_spare:
        yield running_spare


def test_cluster_is_ready_within_30_seconds_and_leaves_no_process(assets: Assets, tmp_path: Path):
    started = time.monotonic()
    with ControlPlane(assets, tmp_path / "cluster") as other:
        took = time.monotonic() - started
        pids = other.pids
        assert set(pids) == {
            *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
        }
        assert all(running(pid) for pid in pids.values())
        version = json.loads(other.kubectl("version", "-o", "json"))
    assert took < 30
    assert version["serverVersion"]["gitVersion"] == version["clientVersion"]["gitVersion"]
    assert not any(running(pid) for pid in pids.values())


def test_deployment_becomes_ready_after_the_delay_its_pods_ask_for(kubectl: Kubectl):
    apply(kubectl, deployment("web", 5, **{READY_AFTER_SECONDS: "4"}))
    eventually(
        lambda: pods(kubectl, "web"),
        lambda found: len(found) == 5 and all(p["status"]["phase"] == "Running" for p in found),
    )
    waiting = [ready(pod)["status"] for pod in pods(kubectl, "web")]
    found = eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 5))
    kubectl("rollout", "status", "deployment/web", "--timeout=10s")
    delays = [
        parse_rfc3339(ready(pod)["lastTransitionTime"]) - parse_rfc3339(pod["status"]["startTime"])
        for pod in found
    ]
    assert waiting == ["False"] * 5
    # Both instants are whole seconds.
    assert all(4_000 <= delay <= 6_000 for delay in delays), delays


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
    apply(kubectl, deployment("web", 1, **{TERMINATES_AFTER_SECONDS: "3"}))
    (pod,) = eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 1))
    name = pod["metadata"]["name"]
    started = time.monotonic()
    kubectl("delete", "pod", name, "--wait=false")
    both = eventually(lambda: pods(kubectl, "web"), lambda found: len(found) == 2)
    terminating = [p["metadata"]["name"] for p in both if "deletionTimestamp" in p["metadata"]]
    eventually(lambda: pods(kubectl, "web"), lambda found: len(found) == 1)
    assert terminating == [name]
    assert time.monotonic() - started >= 2.5


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


def test_apiserver_restarts_with_other_flags_on_the_same_address(spare: ControlPlane):
    spare.rest.post("/api/v1/namespaces", {"metadata": {"name": "kept"}})
    spare.await_service_account("kept")
    before = spare.pids["kube-apiserver"]
    spare.restart_apiserver(["--goaway-chance=0.001", "--audit-log-maxsize=10"])
    kept = spare.kubectl.within("kept")
    apply(kept, deployment("web", 1))
    eventually(lambda: pods(kept, "web"), lambda found: all_ready(found, 1), within=60)
    assert spare.pids["kube-apiserver"] != before
    assert not running(before)
    spare.check()


def test_apiserver_that_cannot_start_is_reported_with_its_log(spare: ControlPlane):
    with pytest.raises(ProcessFailed, match="unknown flag: --no-such-flag"):
        spare.restart_apiserver(["--no-such-flag"])
    with pytest.raises(ProcessFailed, match="kube-apiserver ended with code 1"):
        spare.check()
    spare.restart_apiserver()
    spare.check()


def test_front_proxy_rotation_reaches_the_configmap_and_the_aggregator(spare: ControlPlane):
    path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
    former = spare.pki.front_proxy.pem.decode()
    spare.pki.rotate_front_proxy()
    published = eventually(
        lambda: spare.rest.get(path)["data"]["requestheader-client-ca-file"],
        lambda text: spare.pki.front_proxy.pem.decode() in text,
    )
    assert former in published
    assert spare.rest.get("/apis/metrics.k8s.io/v1beta1/nodes")["items"] == []


def test_real_hpa_scales_on_resource_metrics(
    cluster: ControlPlane, kubectl: Kubectl, namespace: str
):
    web = deployment("web", 1)
    requests = {"requests": {"cpu": "100m"}}
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = requests
    cluster.metrics.set_pods(namespace, "app=web", cpu="200m")
    apply(kubectl, web)
    kubectl("autoscale", "deployment/web", "--cpu=100%", "--min=1", "--max=4")
    eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 4), within=60)


def test_namespace_goes_away_with_its_pods(cluster: ControlPlane, kubectl: Kubectl, namespace: str):
    apply(kubectl, deployment("web", 2))
    eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 2))
    cluster.delete_namespace(namespace)
    listed = eventually(
        lambda: kubectl("get", "namespaces", "-o", "name").split(),
        lambda names: f"namespace/{namespace}" not in names,
        within=60,
    )
    assert "namespace/default" in listed


def test_no_process_survives_the_death_of_who_started_them(assets: Assets, tmp_path: Path):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tests.controlplane.assets import Assets\n"
        "from tests.controlplane.cluster import ControlPlane\n"
        "with ControlPlane(Assets(Path(sys.argv[1])), Path(sys.argv[2])) as cluster:\n"
        "    print(*cluster.pids.values(), flush=True)\n"
        "    time.sleep(600)\n"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", script, str(assets.folder), str(tmp_path)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pids = starter.stdout.readline().split()
        starter.kill()
    assert len(pids) == 5
    eventually(lambda: [pid for pid in pids if running(int(pid))], lambda left: not left, within=5)
