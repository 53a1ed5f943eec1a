"""Row 004: the promises of the autoscaler's manual that no unit test shows already."""

import json
from typing import Any

import pytest
from msgspec import structs

from kube.client.requests import Patch, patch_of
from kube.vocab.times import SECOND, format_rfc3339
from sandbox.apiserver.kinds.schema_validate import validate
from tests.integration.scaler.world import AUTOSCALERS
from tests.oracle.worlds import external, given_spec, resource
from tests.scenarios.scenario import load
from tests.scenarios.stage import PERIOD, staged
from tests.unit.manifests.manifest_files import crd_schema

MANUAL = load("R004-A").autoscaler


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("900k", 900_000_000),
        ("300Mi", 300 * 2**20 * 1000),
        ("400m", 400),
        ("35", 35_000),
        ("2M", 2 * 10**9),
        ("3G", 3 * 10**12),
        ("1T", 10**15),
        ("5P", 5 * 10**18),
        ("1E", 10**21),
        (12, 12_000),
    ],
)
def test_marks_are_quantities_of_every_form(text, milli):  # W-A08
    entry = external(highWatermark=text, lowWatermark="1m")
    wpa: dict[str, Any] = {**MANUAL, "spec": {**MANUAL["spec"], "metrics": [entry]}}
    assert validate(crd_schema(), wpa) == []
    assert given_spec(metrics=[entry]).metrics[0].high == milli


def test_both_kinds_of_metrics_are_accepted():  # W-A09
    memory = resource(name="memory", highWatermark="300Mi", lowWatermark="50Mi")
    wpa = {**MANUAL, "spec": {**MANUAL["spec"], "metrics": [memory, external()]}}
    assert validate(crd_schema(), wpa) == []
    first, second = given_spec(metrics=[memory, external()]).metrics
    assert (first.kind, first.name, first.low) == ("Resource", "memory", 50 * 2**20 * 1000)
    assert second.kind == "External"


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_dry_run_shows_what_it_would_write(tmp_path):  # W-S01, W-S02, D18
    async with staged(tmp_path, load("R004-A-dry-run")) as stage:
        shown: list[tuple[int, int]] = []
        for second in range(0, stage.scenario.until + 1, PERIOD):
            await stage.at(second)
            desired = stage.status()["desiredReplicas"]
            if not shown or shown[-1][1] != desired:
                shown.append((second, desired))
        assert shown == [(0, 6), (60, 8), (75, 7), (105, 6), (510, 5)]
        assert stage.curve() == []
        assert stage.status()["currentReplicas"] == 6
        assert stage.condition("DryRun")["status"] == "True"
        page = await stage.scrape()
        assert page.value("wpa_controller_dry_run", wpa_name=stage.name) == 1


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_series_follow_the_example(tmp_path):  # W-B01, W-C02, W-V05, W-M01 to W-M08
    expected = {
        # value, proposal, effective, within bounds, capped up, capped down, wait up, wait down
        75: (420, 9, 8, 0, 0, 0, 15, 45),
        120: (350, 9, 9, 1, 0, 0, 0, 30),
        510: (100, 6, 7, 0, 0, 1, 0, 0),
    }
    async with staged(tmp_path, load("R004-A")) as stage:
        for second, numbers in expected.items():
            await stage.at(second)
            page = await stage.scrape()

            def value(name: str, **labels: str) -> float:
                full = f"wpa_controller_{name}"
                return page.value(full, wpa_name=stage.name, **labels)  # noqa: B023 - called here

            found = (
                value("value", metric_name="custom.request_duration.max"),
                value("replicas_scaling_proposal"),
                value("replicas_scaling_effective"),
                *(
                    value("restricted_scaling", reason=reason)
                    for reason in ("within_bounds", "upscale_capping", "downscale_capping")
                ),
                *(
                    round(value("transition_countdown", transition=direction))
                    for direction in ("upscale", "downscale")
                ),
            )
            assert found == numbers, second
        await stage.play()
        page = await stage.scrape()
        totals = [
            page.value(f"wpa_controller_{way}_replicas_total", wpa_name=stage.name)
            for way in ("upscale", "downscale")
        ]
        assert totals == [3, 5]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_capped_growth_shows_in_a_series(tmp_path):  # W-V05
    async with staged(tmp_path, load("R000-A-metric")) as stage:
        await stage.at(90)
        page = await stage.scrape()
        capped = page.value(
            "wpa_controller_restricted_scaling", wpa_name=stage.name, reason="upscale_capping"
        )
        proposal = page.value("wpa_controller_replicas_scaling_proposal", wpa_name=stage.name)
        assert (capped, proposal, stage.status()["desiredReplicas"]) == (1, 9, 4)
        limited = stage.condition("ScalingLimited")
        assert (limited["status"], limited["reason"]) == ("True", "ScaleUpLimit")


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_delay_in_progress_shows_since_when(tmp_path):  # W-D02
    async with staged(tmp_path, load("R004-A")) as stage:
        for second, kind, since in (
            (45, "AboveHighWatermark", 30),
            (300, "BelowLowWatermark", 210),
        ):
            await stage.at(second)
            condition = stage.condition(kind)
            assert condition["status"] == "True"
            moment = format_rfc3339(stage.start + since * SECOND)
            assert condition["lastTransitionTime"] == moment


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_marks_come_first_then_limits_then_windows_and_delays(tmp_path):  # W-P01
    scenario = load("R004-A")
    override = {"maxReplicas": 8, "scaleUpLimitFactor": 20}
    expected = {
        # 8 asked for; 20 % of 6 is one more; the delay is not over.
        45: ["above_watermark", "scale_up_limit", "upscale_delay"],
        60: ["above_watermark", "scale_up_limit"],
        # 8 of 7 asked for, which the bound allows too; inside the forbidden window.
        75: ["above_watermark", "upscale_window"],
        510: ["below_watermark", "scale_down_limit"],
    }
    async with staged(tmp_path, structs.replace(scenario, override=override)) as stage:
        for second, rules in expected.items():
            await stage.at(second)
            assert [step["rule"] for step in (await stage.page())["steps"]] == rules, second


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_manuals_patch_pauses_an_object_and_switches_it_back(tmp_path):  # W-F02
    async with staged(tmp_path, load("R004-A")) as stage:

        async def dry_run(value: bool) -> None:
            steps = [{"op": "add", "path": "/spec/dryRun", "value": value}]
            body = json.dumps(steps).encode()
            request = patch_of(AUTOSCALERS, stage.namespace, stage.name, body, Patch.JSON)
            await stage.world.admin.send(request)

        await stage.at(0)
        await dry_run(True)
        await stage.at(60)
        stage.set_replicas(5)
        await stage.at(90)
        assert stage.curve() == [(60, 5)]
        await dry_run(False)
        await stage.at(105)
        # 0.420 is above; 5 become 6 as soon as it is live again.
        assert stage.curve() == [(60, 5), (90, 6)]
