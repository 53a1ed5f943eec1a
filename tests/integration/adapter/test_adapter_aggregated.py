"""Behind an API server that aggregates: its probes, its proxy, its RBAC, real kubectl."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from adapter import app
from adapter.core.upstream import Upstream
from adapter.settings import ApiServers, ServingFiles, Settings
from kube.client.configuration import load_credentials
from kube.client.errors import Forbidden, NotFound, ServerError
from kube.client.requests import raw_get
from kube.client.transport import ApiClient
from kube.service.settings import Address
from kube.vocab.times import SystemClock
from sandbox.cluster import SandboxCluster
from sandbox.demo import objects
from sandbox.demo.apply import apply, service_account_kubeconfig
from tests.integration.adapter.kit.prometheus import FakePrometheus, fake_prometheus, vector
from tests.integration.adapter.kit.server import METRIC, ROOT, RULES, until

pytestmark = pytest.mark.asyncio


class Site:
    """A cluster with the adapter behind its API server."""

    def __init__(
        self, cluster: SandboxCluster, admin: ApiClient, prometheus: FakePrometheus
    ) -> None:
        self.cluster = cluster
        self.admin = admin
        self.prometheus = prometheus

    async def get(self, path: str, client: ApiClient | None = None) -> Any:
        return json.loads(await (client or self.admin).send(raw_get(path)))

    async def available(self) -> str:
        path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
        conditions = (await self.get(path)).get("status", {}).get("conditions", [])
        return next((one["status"] for one in conditions if one["type"] == "Available"), "")


@contextlib.asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    (folder / "rules.yaml").write_text(RULES)
    authority = trustme.CA()
    leaf = authority.issue_cert(objects.ADAPTER_HOST, "localhost", "127.0.0.1")
    leaf.private_key_pem.write_to_path(folder / "tls.key")
    leaf.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    async with contextlib.AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            SandboxCluster(folder / "cluster", check_seconds=0.2)
        )
        admin = await stack.enter_async_context(
            ApiClient(await load_credentials(str(cluster.kubeconfig)), user_agent="test", qps=0)
        )
        await apply(admin, objects.identities())
        # The adapter has the rights that its manifests give it and no others.
        kubeconfig = await service_account_kubeconfig(
            admin,
            folder / "adapter.kubeconfig",
            namespace=objects.SYSTEM_NAMESPACE,
            name=objects.ADAPTER,
            url=cluster.url,
            ca_pem=cluster.ca.read_bytes(),
        )
        prometheus = await stack.enter_async_context(fake_prometheus())
        prometheus.says(vector(({"queue": "a"}, "9000")))
        settings = Settings(
            upstream=Upstream(prometheus.url),
            config_file=f"{folder}/rules.yaml",
            address=Address("", 0),
            serving=ServingFiles(f"{folder}/tls.crt", f"{folder}/tls.key"),
            api_servers=ApiServers(str(kubeconfig), str(kubeconfig)),
            cache_ttl=0.2,
            drain=0.2,
        )
        running = app.running(settings, SystemClock(), lambda: 0.0)
        server = await stack.enter_async_context(running)
        await apply(admin, objects.aggregation(server.address.port, authority.cert_pem.bytes()))
        found = Site(cluster, admin, prometheus)

        async def passed() -> bool:
            return await found.available() == "True"

        await until(passed)
        yield found


async def test_values_and_refusals_pass_through_the_proxy(tmp_path):
    async with site(tmp_path) as it:
        found = await it.get(f"{METRIC}?labelSelector=queue%3Da")
        assert [item["value"] for item in found["items"]] == ["9k"]
        assert it.prometheus.queries == [
            'sum(queue_depth{queue="a",namespace="default"}) by (queue)'
        ]
        names = [one["name"] for one in (await it.get(ROOT))["resources"]]
        assert names == ["backlog", "queue_depth"]
        with pytest.raises(NotFound, match="could not find the metric nope"):
            await it.get(f"{ROOT}/namespaces/default/nope")
        it.prometheus.says(b"", 500)
        await asyncio.sleep(0.3)
        with pytest.raises(ServerError, match="unable to fetch metrics from Prometheus"):
            await it.get(METRIC)
        # Prometheus away takes the values away, not the API.
        assert await it.available() == "True"


async def test_rights_are_those_of_the_caller(tmp_path):
    async with site(tmp_path) as it:
        for name, allowed in ((objects.SCALER, True), (objects.ADAPTER, False)):
            path = await service_account_kubeconfig(
                it.admin,
                tmp_path / f"{name}.caller",
                namespace=objects.SYSTEM_NAMESPACE,
                name=name,
                url=it.cluster.url,
                ca_pem=it.cluster.ca.read_bytes(),
            )
            credentials = await load_credentials(str(path))
            async with ApiClient(credentials, user_agent="test", qps=0) as client:
                if allowed:
                    assert (await it.get(METRIC, client))["items"][0]["value"] == "9k"
                else:
                    with pytest.raises(Forbidden, match=r"queue_depth\.external\.metrics\.k8s\.io"):
                        await it.get(METRIC, client)


@pytest.mark.kubectl
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl on PATH")
async def test_kubectl_reads_a_metric_and_the_discovery(tmp_path):
    async with site(tmp_path) as it:

        async def kubectl(*arguments: str) -> str:
            process = await asyncio.create_subprocess_exec(
                *("kubectl", "--kubeconfig", str(it.cluster.kubeconfig)),
                *("--cache-dir", str(tmp_path / "cache"), *arguments),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
            assert process.returncode == 0, err.decode()
            return out.decode()

        found = json.loads(await kubectl("get", "--raw", f"{METRIC}?labelSelector=queue%3Da"))
        assert found["items"][0]["value"] == "9k"
        listed = await kubectl("api-resources", "--api-group", "external.metrics.k8s.io")
        assert "queue_depth" in listed
