"""Least privilege, both ways, from the audit log. Runs after all other tests: see conftest.py."""

from pathlib import Path

import pytest
from msgspec import structs

from tests.e2e.daemons import ADAPTER, NAMESPACE, SCALER, Installation, account
from tests.e2e.permissions import denials, granted, used

HERE = Path(__file__).parent
DAEMONS = (ADAPTER, SCALER)


@pytest.mark.parametrize("daemon", DAEMONS)
def test_no_request_of_a_daemon_was_ever_denied(installation: Installation, daemon: str):
    events = installation.cluster.audit_events(account(daemon))
    assert denials(events) == []
    permitted = granted(installation.cluster, NAMESPACE, daemon)
    assert permitted


@pytest.mark.parametrize("daemon", DAEMONS)
def test_every_permission_of_a_daemon_is_used_by_some_test(
    installation: Installation, request: pytest.FixtureRequest, daemon: str
):
    if not whole(request):
        pytest.skip("only all e2e tests of one process together use every permission")
    exercised = used(installation.cluster.audit_events(account(daemon)))
    # What is watched comes as a stream here, which is a watch; servers without that are asked to
    # list (unit/kube/client/test_client_streamed_lists.py shows both).
    exercised |= {structs.replace(one, verb="list") for one in exercised if one.verb == "watch"}
    permitted = granted(installation.cluster, NAMESPACE, daemon)
    unused = {one for one in permitted if not any(one.covers(other) for other in exercised)}
    assert sorted(unused) == []


def whole(request: pytest.FixtureRequest) -> bool:
    """Whether this process was asked to run every test here."""
    config = request.config
    distributed = hasattr(config, "workerinput")
    folders = [(config.invocation_params.dir / argument).resolve() for argument in config.args]
    everywhere = any(HERE.is_relative_to(folder) for folder in folders)
    return everywhere and not config.option.keyword and not distributed
