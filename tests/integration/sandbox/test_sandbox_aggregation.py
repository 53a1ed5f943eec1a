"""APIServices really lead to another server, with the identity of who asks."""

from pathlib import Path

import aiohttp
import pytest

from sandbox.cluster import SandboxCluster
from tests.integration.sandbox.api import RBAC, Api, available, binding, role
from tests.integration.sandbox.backend import (
    APISERVICES,
    GROUP,
    NAME,
    ROOT,
    Backend,
    api_service,
    service,
    serving,
)

pytestmark = pytest.mark.asyncio

SERVICES = "/api/v1/namespaces/default/services"
METRIC = f"{ROOT}/namespaces/shop/queue_depth"
V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def registered(api: Api, backend: Backend) -> None:
    await api.created(SERVICES, service())
    await api.created(APISERVICES, api_service(backend.port, api.cluster.pki.ca_pem))
    await becomes(api, "True", "Passed")


async def becomes(api: Api, status: str, reason: str) -> str:
    """Wait for the Available condition; returns its message."""
    found = await api.until(
        f"{APISERVICES}/{NAME}", lambda body: (available(body) or ())[:2] == (status, reason)
    )
    condition = available(found)
    assert condition is not None
    return condition[2]


async def test_requests_reach_the_backend_with_the_callers_identity(
    api: Api, cluster: SandboxCluster
):
    token = await api.account("scaler")
    rule = {"verbs": ["list"], "apiGroups": [GROUP], "resources": ["queue_depth"]}
    await api.created(f"{RBAC}/clusterroles", role(rule, name="metrics"))
    await api.created(f"{RBAC}/clusterrolebindings", binding("ClusterRole", "metrics", "scaler"))
    async with serving(cluster.pki, cluster.pki.serving_pair("adapter", "default")) as backend:
        await registered(api, backend)
        forged = {
            "X-Remote-User": "system:admin",
            "x-remote-group": "system:masters",
            "X-Remote-Extra-Evil": "yes",
            "Accept": "application/json;q=0.9",
        }
        query = "labelSelector=topic%3Ddf_metric%2Ca+in+%28b%2Cc%29"
        answer = await api.get(f"{METRIC}?{query}", token=token, headers=forged)
        assert answer.code == 200
        assert answer.body["path"] == f"{METRIC}?{query}"
        seen = backend.last(METRIC)
        assert seen.headers.getall("X-Remote-User") == ["system:serviceaccount:default:scaler"]
        assert seen.headers.getall("X-Remote-Group") == [
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated",
        ]
        extra = {key for key in seen.headers if key.lower().startswith("x-remote-extra-")}
        assert extra == {"X-Remote-Extra-authentication.kubernetes.io%2Fcredential-id"}
        assert "Authorization" not in seen.headers
        assert seen.headers["Accept"] == "application/json;q=0.9"
        assert set(backend.peers) == {"front-proxy-client"}
        other = await api.get(f"{ROOT}/namespaces/shop/other", token=token)
        assert other.code == 403
        assert (await api.get(METRIC, token=None)).code == 403
        assert [r.path for r in backend.requests if r.path.endswith("other")] == []


async def test_whom_an_administrator_acts_as_is_who_the_backend_sees(
    api: Api, cluster: SandboxCluster
):
    async with serving(cluster.pki, cluster.pki.serving_pair("adapter", "default")) as backend:
        await registered(api, backend)
        headers = {"Impersonate-User": "anna", "Impersonate-Group": "system:masters"}
        assert (await api.get(METRIC, headers=headers)).code == 200
        seen = backend.last(METRIC).headers
        assert seen.getall("X-Remote-User") == ["anna"]
        assert seen.getall("X-Remote-Group") == ["system:masters", "system:authenticated"]
        assert [name for name in seen if name.lower().startswith("impersonate")] == []


async def test_the_probe_comes_as_the_aggregator(api: Api, cluster: SandboxCluster):
    async with serving(cluster.pki, cluster.pki.serving_pair("adapter", "default")) as backend:
        await registered(api, backend)
        probe = backend.last(ROOT)
        assert probe.headers.getall("X-Remote-User") == ["system:kube-aggregator"]
        assert probe.headers.getall("X-Remote-Group") == ["system:masters"]


async def test_answers_bodies_and_errors_pass_as_they_are(api: Api, cluster: SandboxCluster):
    async with serving(cluster.pki, cluster.pki.serving_pair("adapter", "default")) as backend:
        await registered(api, backend)
        pot = await api.get(f"{ROOT}/namespaces/shop/teapot")
        assert (pot.code, pot.text, pot.headers["X-Pot"]) == (418, "short and stout", "tea")
        stream = await api.get(f"{ROOT}/namespaces/shop/stream")
        assert stream.text == "one\ntwo\n"
        await api.post(f"{ROOT}/namespaces/shop/queue_depth", {"some": "body"})
        assert backend.bodies[-1] == b'{"some": "body"}'


async def test_the_group_is_found_by_discovery_with_the_backends_resources(
    api: Api, cluster: SandboxCluster
):
    async with serving(cluster.pki, cluster.pki.serving_pair("adapter", "default")) as backend:
        await registered(api, backend)
        groups = (await api.get("/apis")).body["groups"]
        assert [
            item["preferredVersion"]["version"] for item in groups if item["name"] == GROUP
        ] == ["v1beta1"]
        everything = await api.get("/apis", headers={"Accept": V2})
        (found,) = [item for item in everything.body["items"] if item["metadata"]["name"] == GROUP]
        (version,) = found["versions"]
        assert version["freshness"] == "Current"
        assert [item["resource"] for item in version["resources"]] == ["queue_depth"]
        listed = await api.get(ROOT)
        assert listed.body["resources"][0]["name"] == "queue_depth"


async def test_a_dead_backend_is_503_in_plain_text_and_recovers(api: Api, cluster: SandboxCluster):
    pair = cluster.pki.serving_pair("adapter", "default")
    async with serving(cluster.pki, pair) as backend:
        await registered(api, backend)
        assert (await api.get(METRIC)).code == 200
        port = backend.port
    dead = await api.get(METRIC)
    assert dead.code == 503
    assert dead.headers["Content-Type"].startswith("text/plain")
    assert dead.text.startswith(("error trying to reach service: ", "service unavailable"))
    message = await becomes(api, "False", "FailedDiscoveryCheck")
    assert message.startswith("failing or missing response from https://localhost:")
    dead = await api.get(METRIC)
    assert (dead.code, dead.text) == (503, "service unavailable\n")
    stale = await api.get("/apis", headers={"Accept": V2})
    versions = [i["versions"] for i in stale.body["items"] if i["metadata"]["name"] == GROUP]
    assert versions[0][0]["freshness"] == "Stale"
    async with serving(cluster.pki, pair, port):
        await becomes(api, "True", "Passed")
        assert (await api.get(METRIC)).code == 200


async def test_a_backend_that_goes_between_two_checks_is_told_as_the_failed_connection(
    tmp_path: Path,
):
    async with (
        SandboxCluster(tmp_path / "sandbox", check_seconds=3600) as cluster,
        aiohttp.ClientSession() as session,
    ):
        api = Api(cluster, session)
        async with serving(cluster.pki, cluster.pki.serving_pair("adapter", "default")) as backend:
            await registered(api, backend)
        dead = await api.get(METRIC)
        assert dead.code == 503
        assert dead.headers["Content-Type"].startswith("text/plain")
        assert dead.text.startswith("error trying to reach service: ")


@pytest.mark.parametrize("insecure", [False, True])
async def test_a_certificate_of_another_name_or_authority_is_refused_unless_told_to_skip(
    api: Api, cluster: SandboxCluster, insecure: bool
):
    pair = cluster.pki.serving_pair("someone-else", "default")
    async with serving(cluster.pki, pair) as backend:
        await api.created(SERVICES, service())
        bundle = None if insecure else cluster.pki.ca_pem
        await api.created(APISERVICES, api_service(backend.port, bundle, insecure=insecure))
        if insecure:
            await becomes(api, "True", "Passed")
            assert (await api.get(METRIC)).code == 200
            return
        message = await becomes(api, "False", "FailedDiscoveryCheck")
        assert "adapter.default.svc" in message
        assert backend.requests == []


async def test_a_bundle_of_another_authority_does_not_verify(api: Api, cluster: SandboxCluster):
    async with serving(cluster.pki, cluster.pki.serving_pair("adapter", "default")) as backend:
        await api.created(SERVICES, service())
        wrong = cluster.pki.front_proxy_ca_pem
        await api.created(APISERVICES, api_service(backend.port, wrong))
        message = await becomes(api, "False", "FailedDiscoveryCheck")
        assert "verify" in message


async def test_services_that_lead_nowhere_are_told_apart(api: Api, cluster: SandboxCluster):
    await api.created(APISERVICES, api_service(1, cluster.pki.ca_pem))
    assert await becomes(api, "False", "ServiceNotFound") == (
        'service/adapter in "default" is not present'
    )
    assert (await api.get(METRIC)).code == 503
    await api.created(SERVICES, service(external=None))
    assert "give it type ExternalName" in await becomes(api, "False", "EndpointsNotFound")
    broken = api_service(1, b"no certificate")
    await api.call("DELETE", f"{APISERVICES}/{NAME}")
    await api.call("DELETE", f"{SERVICES}/adapter")
    await api.created(SERVICES, service())
    await api.created(APISERVICES, broken)
    assert "spec.caBundle holds no PEM" in await becomes(api, "False", "FailedDiscoveryCheck")


@pytest.mark.parametrize(
    ("external", "port"),
    [("localhost", 99_999_999), ("localhost", 0), ("no host!", 1), ("localhost:1/x", 1)],
)
async def test_addresses_that_are_none_are_told_and_stop_no_other_check(
    api: Api, cluster: SandboxCluster, external: str, port: int
):
    await api.created(SERVICES, service(external=external))
    await api.created(APISERVICES, api_service(port, cluster.pki.ca_pem))
    message = await becomes(api, "False", "ServiceAccessError")
    assert f"{external}:{port} is no address" in message
    await api.call("DELETE", f"{SERVICES}/adapter")
    await becomes(api, "False", "ServiceNotFound")


async def test_api_services_without_a_service_are_local(api: Api):
    local = {
        "metadata": {"name": "v1.apps"},
        "spec": {"group": "apps", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1},
    }
    await api.created(APISERVICES, local)
    await api.until(
        f"{APISERVICES}/v1.apps", lambda body: (available(body) or ("", ""))[1] == "Local"
    )
    assert (await api.get("/apis/apps/v1/deployments")).code == 200
