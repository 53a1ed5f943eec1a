"""Row 001, what no curve alone shows: rolling updates, no stock, the readiness delay."""

import pytest
from msgspec import structs

from sandbox.apiserver.kinds.conditions import with_condition
from sandbox.apiserver.kinds.resources import DEPLOYMENTS, PODS, Object
from tests.scenarios.scenario import Pods, Scenario, load
from tests.scenarios.stage import Stage, staged


def rollout(**override: int) -> Scenario:
    """Five pods, 60 cores in total, steady."""
    scenario = load("R001-A")
    return structs.replace(
        scenario,
        pods=structs.replace(scenario.pods, initial=5),
        cpu_demand_cores=[(0, 60)],
        until=600,
        expect=[],
        override=override,
    )


async def surged(stage: Stage) -> None:
    """Wait until two pods more than wanted are Ready, and let the rollout pause there."""
    await stage.at(60)
    stage.restart(maxSurge=2, maxUnavailable=0)
    await stage.world.eventually(lambda: len(stage.pods()) == 7)
    stage.change_target(lambda found: found["spec"].update(paused=True))


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("delay", [300, 15])
async def test_more_pods_than_wanted_do_not_raise_the_count(tmp_path, delay):  # R001-C
    """Seven Ready pods at 8.57 cores ask for six, which is more than the five that are wanted.

    With the short delay, too, nothing but the count itself keeps it from following.
    """
    scenario = rollout(downscaleDelayBelowWatermarkSeconds=delay)
    async with staged(tmp_path, scenario) as stage:
        await surged(stage)
        await stage.at(150)
        page = await stage.page()
        assert (page["runningReplicas"], page["readyPods"]) == (7, 7)
        assert page["metrics"][0]["value"] == "8572m"
        below = stage.condition("BelowLowWatermark")
        assert below["status"] == "True"
        await stage.at(225)
        page = await stage.page()
        assert (page["runningReplicas"], page["countedPods"]) == (7, 7)
        assert page["metrics"][0]["proposal"] == 5
        stage.change_target(lambda found: found["spec"].update(paused=False))
        await stage.at(420)
        assert stage.condition("BelowLowWatermark")["status"] == "False"
        page = await stage.page()
        assert (page["runningReplicas"], page["metrics"][0]["value"]) == (5, "12")
        await stage.play()
        assert stage.curve() == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_rolling_update_changes_no_count(tmp_path):  # R001-C, E-05
    async with staged(tmp_path, rollout()) as stage:
        await stage.at(60)
        stage.restart(maxSurge=2, maxUnavailable=0)
        await stage.play()
        status = stage.world.store.get(DEPLOYMENTS, stage.namespace, stage.target)["status"]
        assert status["updatedReplicas"] == status["readyReplicas"] == 5
        assert stage.curve() == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_no_stock_is_told(tmp_path):  # R001-D, E-07
    async with staged(tmp_path, load("R001-D-no-stock")) as stage:
        await stage.at(150)
        assert stage.condition("ScalingActive")["status"] == "True"
        for second in (165, 1500):
            await stage.at(second)
            active = stage.condition("ScalingActive")
            assert active["status"] == "False"
            assert "33 % of the pods are unready, will not autoscale" in active["message"]
            page = await stage.scrape()
            assert page.value("wpa_controller_scaling_active", wpa_name=stage.name) == 0
            gate = {"rule": "not_enough_available", "wpa_name": stage.name}
            assert page.value("wpa_scaler_binding_rule", **gate) == 1
            for series, value in (
                ("ready_pods", 3),
                ("owned_pods", 9),
                ("min_available_ratio", 0.5),
            ):
                assert page.value(f"wpa_scaler_{series}", wpa_name=stage.name) == value, series
            shown = await stage.page()
            assert (shown["rule"], shown["readyPods"]) == ("not_enough_available", 3)
        told = stage.events("FailedGetResourceMetric")
        assert len(told) == 1
        assert "33 % of the pods" in told[0]


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("ready_after", "counted"),
    [
        # Ready early: from 60 s of running on.
        (35, {135: 3, 150: 4}),
        # Ready late (a second before the evaluation at 180 s): as soon as Ready.
        (89, {165: 3, 180: 4}),
    ],
)
async def test_a_pod_counts_once_it_has_run_long_enough(tmp_path, ready_after, counted):  # R001-E
    pods = Pods(initial=3, start_after_s=0, ready_after_s=ready_after)
    async with staged(tmp_path, structs.replace(load("R001-A"), pods=pods)) as stage:
        for second, count in counted.items():
            await stage.at(second)
            assert (await stage.page())["countedPods"] == count


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_pod_that_is_ready_again_counts_at_once(tmp_path):  # R001-E
    scenario = structs.replace(load("R001-A"), cpu_demand_cores=[(0, 30)])
    async with staged(tmp_path, scenario) as stage:
        pod = stage.pods()[0]
        counted = []
        for second, ready in ((15, True), (30, False), (45, True)):
            await stage.at(second - 5)
            _mark(stage, pod, ready)
            await stage.at(second)
            counted.append((await stage.page())["countedPods"])
        assert counted == [3, 2, 3]


def _mark(stage: Stage, pod: Object, ready: bool) -> None:
    name, now = pod["metadata"]["name"], stage.world.clock.now()
    status = stage.world.store.get(PODS, stage.namespace, name)["status"]
    status["conditions"] = with_condition(status["conditions"], "Ready", ready, "", "", now)
    body = {"metadata": {"name": name}, "status": status}
    stage.world.store.update(PODS, stage.namespace, name, body, "status")
