"""The scaler on the session's cluster: its shipped rights, its token, metrics that tests set."""

from collections.abc import Iterator

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.workloads import apply
from tests.e2e.daemons import rendered
from tests.e2e.external_backend import ExternalMetrics
from tests.e2e.scaler.bench import Bench, Seat


@pytest.fixture(scope="package")
def external(cluster: ControlPlane) -> Iterator[ExternalMetrics]:
    """The cluster's external metrics while this package's tests run: others have the adapter's."""
    with ExternalMetrics(cluster) as serving:
        yield serving


@pytest.fixture(scope="package")
def seat(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seat]:
    """The manifests of the scaler, and a place for it to run."""
    for layer in ("namespace", "crd", "scaler"):
        apply(cluster.kubectl, *rendered(cluster, layer))
    found = Seat(cluster, tmp_path_factory.mktemp("scaler"))
    yield found
    found.stop()


@pytest.fixture
def bench(
    cluster: ControlPlane, namespace: str, external: ExternalMetrics, seat: Seat
) -> Iterator[Bench]:
    """A namespace with a running scaler, which has to outlive the test."""
    seat.usual()
    found = Bench(cluster, namespace, external, seat)
    yield found
    found.is_well()


@pytest.fixture
def second(cluster: ControlPlane, bench: Bench) -> Iterator[Bench]:
    """Another namespace that the same scaler looks after."""
    name = f"{bench.namespace}-too"
    cluster.rest.post("/api/v1/namespaces", {"metadata": {"name": name}})
    cluster.await_service_account(name)
    yield Bench(cluster, name, bench.external, bench.seat)
    cluster.delete_namespace(name)
