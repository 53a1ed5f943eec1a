"""Row 003, P-13: a batch update. Two versions of a module, each with an autoscaler of its own; what
an operator holds and releases is a batch, by label, with `kubectl wpa dry-run`.
"""

from collections.abc import Awaitable
from contextlib import redirect_stdout
from copy import deepcopy
from io import StringIO
from typing import Any

import pytest
from msgspec import structs

from kubectl_wpa.core import Choice, saved_states
from kubectl_wpa.dry_run import revert, show, switch
from tests.scenarios.bases import METRIC
from tests.scenarios.scenario import Pods, Scenario, load
from tests.scenarios.stage import Stage, staged

OLD, NEW = "1.0.0", "1.1.0"
OLD_MODULE = "test-module-old"
NEXT = Choice("default", labels="batch=next")
EVERYTHING = Choice("default")


def scenario() -> Scenario:
    """The new version: one base at first, four from second 60 on."""
    of_new = load("R003-A")
    autoscaler = deepcopy(of_new.autoscaler)
    autoscaler["metadata"]["labels"] = {"batch": "next"}
    _selector(autoscaler)["version"] = NEW
    pods = Pods(initial=1, start_after_s=2, ready_after_s=10)
    series: dict[str, Any] = {METRIC: [(0, 1), (60, 4)]}
    return structs.replace(of_new, autoscaler=autoscaler, pods=pods, series=series, until=420)


async def add_old_version(stage: Stage) -> None:
    """The old version: four bases at first, one from second 60 on; the three become new ones."""
    autoscaler = deepcopy(load("R003-A").autoscaler)
    autoscaler["metadata"] |= {"name": "biz1-peer-old", "labels": {"batch": "last"}}
    autoscaler["spec"]["scaleTargetRef"]["name"] = OLD_MODULE
    selector = _selector(autoscaler)
    series = stage.world.metrics.follow(METRIC, [(0, 4), (60, 1)], **selector)
    series.start = stage.start
    await stage.world.apply(autoscaler)


def _selector(autoscaler: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str]
    found = autoscaler["spec"]["metrics"][0]["external"]["metricSelector"]["matchLabels"]
    return found


async def said(command: Awaitable[None]) -> str:
    """What a command prints."""
    with redirect_stdout(StringIO()) as out:
        await command
    return out.getvalue()


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("release", ["disable", "revert"])
async def test_a_batch_is_held_while_the_old_version_drains(tmp_path, release):
    def prepare(stage: Stage) -> None:
        stage.deploy(OLD_MODULE, 4, {"start_after": "0s", "ready_after": "0s"})

    async with staged(tmp_path, scenario(), prepare) as stage:
        admin = stage.world.admin
        await add_old_version(stage)
        backup = await said(show(admin, EVERYTHING, as_csv=True))
        assert backup == "default,biz1-peer,disabled\ndefault,biz1-peer-old,disabled\n"
        title = "WatermarkPodAutoscaler 'default/biz1-peer' dry-run option is now"
        assert await said(switch(admin, NEXT, dry_run=True)) == f"{title} true\n"

        await stage.at(75)
        assert stage.status()["desiredReplicas"] == 2, "what it would write is shown"
        await stage.at(240)
        drained = [count for _, count in stage.world.curve(OLD_MODULE, stage.start)]
        assert drained == [2, 1], "the old version follows its own bases"
        assert stage.curve() == [], "the new one is held, however many bases there are"

        if release == "disable":
            told = await said(switch(admin, NEXT, dry_run=False))
        else:
            told = await said(revert(admin, list(saved_states(backup))))
        assert told == f"{title} false\n"
        await stage.play()
        assert [count for _, count in stage.curve()] == [2, 4]
        assert stage.curve()[0][0] <= 255, "released at once, not after a delay"
        after = [count for _, count in stage.world.curve(OLD_MODULE, stage.start)]
        assert after == drained
