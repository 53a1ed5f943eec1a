"""The server under contract. Every test speaks to it through the fixture `api` alone, and runs
twice: against the sandbox, and (marked `e2e`) against a real control plane.

`@pytest.mark.differs("…")` marks what Kubernetes does and the sandbox does not, on purpose: the
words are a line of docs/sandbox-differences.md, and the test has to fail on the sandbox.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contract.apiserver.client import Api
from tests.contract.apiserver.objects import GADGET_DEFINITION, GROUP, PLURAL, VERSION
from tests.contract.apiserver.servers import Kubernetes, Sandbox

DIFFERENCES = Path(__file__).parents[3] / "docs" / "sandbox-differences.md"
KUBERNETES_TIMEOUT = 900.0
"""Seconds a test may take: the first one of a session also waits for the cluster."""


@pytest.fixture(
    params=[
        "sandbox",
        pytest.param(
            "kubernetes", marks=[pytest.mark.e2e, pytest.mark.timeout(KUBERNETES_TIMEOUT)]
        ),
    ]
)
def server(request: pytest.FixtureRequest) -> Sandbox | Kubernetes:
    if request.param == "kubernetes":
        return Kubernetes(request.getfixturevalue("cluster"))
    for mark in request.node.iter_markers("differs"):
        line = mark.args[0]
        assert line in DIFFERENCES.read_text(), f"not on the page of differences: {line}"
        request.applymarker(pytest.mark.xfail(reason=line, strict=True))
    return Sandbox()


@pytest_asyncio.fixture
async def api(server: Sandbox | Kubernetes) -> AsyncIterator[Api]:
    """A server with an empty namespace of its own for the test."""
    async with server.connect() as api:
        yield await _in_own_namespace(api)
        await api.delete(f"/api/v1/namespaces/{api.namespace}")


async def _in_own_namespace(api: Api) -> Api:
    made = await api.created("/api/v1/namespaces", {"metadata": {"generateName": "contract-"}})
    api.namespace = made["metadata"]["name"]
    return api


@pytest_asyncio.fixture
async def whole(server: Sandbox | Kubernetes, tmp_path: Path) -> AsyncIterator[Api]:
    """The same as administrator of a whole cluster, with access rules and aggregation."""
    async with server.connect_whole(tmp_path / "sandbox") as api:
        yield await _in_own_namespace(api)
        await api.delete(f"/api/v1/namespaces/{api.namespace}")


@pytest_asyncio.fixture
async def gadgets(api: Api) -> str:
    """The path of a custom resource that is installed."""
    await api.install(GADGET_DEFINITION)
    return api.path(PLURAL, group=GROUP, version=VERSION)
