"""The control plane's processes: they come up, restart, rotate keys, forget, and leave nothing."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kube.client.configuration import load_credentials
from kube.client.errors import Gone
from kube.client.requests import Request, Resource, create_of, list_of
from kube.client.transport import ApiClient
from kube.client.watches import watch_of
from tests.controlplane.assets import Assets
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.processes import ProcessFailed, running
from tests.controlplane.waiting import eventually, eventually_async
from tests.controlplane.workloads import all_ready, apply, deployment, pods


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


def test_apiserver_restarts_with_other_flags_on_the_same_address(spare: ControlPlane):
    spare.rest.post("/api/v1/namespaces", {"metadata": {"name": "kept"}})
    spare.await_service_account("kept")
    before = spare.pids["kube-apiserver"]
    spare.restart_apiserver(["--goaway-chance=0.001", "--audit-log-maxsize=10"])
    kept = spare.kubectl.within("kept")
    apply(kept, deployment("web", 1))
    eventually(lambda: pods(kept, "web"), lambda found: all_ready(found, 1))
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


@pytest.mark.asyncio
async def test_lists_before_a_compaction_and_watches_before_a_restart_are_gone(
    spare: ControlPlane,
):
    maps = Resource("", "v1", "configmaps")
    credentials = await load_credentials(str(spare.admin_kubeconfig), environ={})
    async with ApiClient(credentials, user_agent="e2e-tests", qps=0) as client:
        listed = json.loads(await client.send(list_of(maps, "default")))
        before = listed["metadata"]["resourceVersion"]
        exact = list_of(maps, "default", resource_version=before)
        exact = exact.with_query(resourceVersionMatch="Exact")
        await client.send(exact)
        await client.send(create_of(maps, "default", b'{"metadata": {"name": "later"}}'))
        assert spare.compact() > int(before)
        await eventually_async(lambda: answer(client, exact), lambda said: said == "Gone")

        spare.restart_apiserver()
        watch = watch_of(list_of(maps, "default"), before, timeout_seconds=30)
        async with client.stream(watch) as chunks:
            first = json.loads(await anext(chunks))
    assert (first["type"], first["object"]["code"]) == ("ERROR", 410)


async def answer(client: ApiClient, request: Request) -> str:
    try:
        await client.send(request)
    except Gone:
        return "Gone"
    return "answered"


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
    eventually(lambda: [pid for pid in pids if running(int(pid))], lambda left: not left)
