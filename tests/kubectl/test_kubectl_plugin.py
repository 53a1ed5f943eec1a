"""The plugin where kubectl finds it: on the PATH (W-O09)."""

import copy

import pytest
import pytest_asyncio

from tests.kubectl.conftest import Kubectl
from tests.kubectl.test_kubectl_autoscalers import AUTOSCALER
from tests.plugin import put_plugin

pytestmark = [pytest.mark.asyncio, pytest.mark.kubectl]


@pytest_asyncio.fixture
async def fleet(installed: Kubectl) -> Kubectl:
    """Autoscalers web and mail, of batches 1 and 2."""
    put_plugin(installed.plugins)
    for name, batch in (("web", "1"), ("mail", "2")):
        made = copy.deepcopy(AUTOSCALER)
        made["metadata"] = {"name": name, "labels": {"batch": batch}}
        await installed.done("apply", "-f", "-", stdin=made)
    return installed


async def test_a_batch_is_held_and_a_backup_releases_it(fleet: Kubectl):
    saved = await fleet.done("wpa", "dry-run", "list", "--all", "-o", "csv")
    assert saved == "default,mail,disabled\ndefault,web,disabled\n"
    file = fleet.plugins / "saved.csv"
    file.write_text(saved)
    changed = "WatermarkPodAutoscaler 'default/mail' dry-run option is now {}\n"
    held = await fleet.done("wpa", "dry-run", "enable", "-l", "batch=2")
    assert held == changed.format("true")
    path = "jsonpath={.items[*].spec.dryRun}"
    assert await fleet.done("get", "wpa", "-o", path) == "true false"
    released = await fleet.done("wpa", "dry-run", "revert", "-f", str(file))
    assert released == changed.format("false")


async def test_help_teaches_and_failure_shows_in_the_code(fleet: Kubectl):
    text = await fleet.done("wpa", "dry-run", "--help")
    assert "kubectl wpa dry-run revert -f saved.csv" in text
    outcome = await fleet.run("wpa", "dry-run", "enable", "gone")
    assert outcome == (1, "", "Error: WatermarkPodAutoscaler default/gone not found\n")
