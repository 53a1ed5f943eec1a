"""A cluster per session, a namespace per test. Everything here is marked `e2e`."""

import re
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from kube.client.configuration import load_credentials
from kube.client.transport import ApiClient
from tests.controlplane.assets import Assets
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.e2e.daemons import Installation, installed

HERE = Path(__file__).parent
LAST = HERE / "test_manifests_permissions.py"
TIMEOUT = 900.0
"""Seconds a test may take: the first one of a session also waits for the cluster."""

_numbers = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark before `-m` chooses; put those last that look at what all others did."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("e2e")
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TIMEOUT))
    items.sort(key=lambda item: item.path == LAST)


@pytest.fixture(scope="session")
def installation(
    cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The product in the session's cluster, for all tests that use it."""
    with installed(cluster, tmp_path_factory.mktemp("installation")) as found:
        yield found


@pytest.fixture(scope="module")
def spare_installation(
    assets: Assets, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The product in a cluster of its own, for what other modules should not suffer from."""
    with (
        ControlPlane(assets, tmp_path_factory.mktemp("cluster")) as spare,
        installed(spare, tmp_path_factory.mktemp("installation")) as found,
    ):
        yield found


@pytest.fixture
def namespace(cluster: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new namespace named after the test. It is deleted afterwards, without waiting."""
    cluster.check()
    title = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).removeprefix("test-")
    name = f"{title[:50].strip('-')}-{next(_numbers)}"
    cluster.rest.post("/api/v1/namespaces", {"metadata": {"name": name}})
    cluster.await_service_account(name)
    yield name
    cluster.metrics.forget(name)
    cluster.delete_namespace(name)


@pytest.fixture
def kubectl(cluster: ControlPlane, namespace: str) -> Kubectl:
    """kubectl as administrator in the test's namespace."""
    return cluster.kubectl.within(namespace)


@pytest_asyncio.fixture
async def api(cluster: ControlPlane) -> AsyncIterator[ApiClient]:
    """Our own client as administrator, without pacing."""
    credentials = await load_credentials(str(cluster.admin_kubeconfig), environ={})
    async with ApiClient(credentials, user_agent="e2e-tests", qps=0) as client:
        yield client
