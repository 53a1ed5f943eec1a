"""The session's cluster, for every suite that has tests marked `e2e`.

Such tests are skipped where the control plane is neither built nor can be.
"""

import os
from collections.abc import Iterator

import pytest

from tests.controlplane.assets import Assets, Missing
from tests.controlplane.build import find_assets
from tests.controlplane.cluster import ControlPlane


def pytest_collection_finish(session: pytest.Session) -> None:
    """CI builds what is missing: here, because no test's time limit runs yet."""
    chosen = any(item.get_closest_marker("e2e") for item in session.items)
    if chosen and os.environ.get("CI") == "true" and not session.config.option.collectonly:
        find_assets(build=True)


@pytest.fixture(scope="session")
def assets() -> Assets:
    found = find_assets(build=False)
    if isinstance(found, Missing):
        pytest.skip(found.reason)
    return found


@pytest.fixture(scope="session")
def cluster(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The session's cluster; with xdist each worker has one."""
    with ControlPlane(assets, tmp_path_factory.mktemp("cluster")) as running:
        yield running
