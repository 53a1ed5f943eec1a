"""Row 003: as many module instances as there are bases, whatever happens to the bases."""

import pytest
from msgspec import structs

from sandbox.apiserver.kinds.resources import PODS, Object
from sandbox.controllers.pods import phase
from scaler.core.decision import decide
from tests.oracle.worlds import NOW, given_spec, good, look, ready_pods
from tests.scenarios.bases import METRIC, cordon, make_bases, observed_by
from tests.scenarios.kubelet import Habits
from tests.scenarios.scenario import Pods, Scenario, load
from tests.scenarios.stage import Stage, staged

PEERS = load("R003-A").autoscaler["spec"]


def peers(bases: int, instances: int, until: int = 300) -> Scenario:
    """So many bases, so many instances of the module."""
    return structs.replace(
        load("R003-A"),
        pods=Pods(initial=instances, start_after_s=2, ready_after_s=10),
        series={METRIC: [(0, bases)]},
        until=until,
    )


def test_the_count_of_bases_is_met_exactly_whatever_is_ready():  # R003-B, P-03
    spec = given_spec(**PEERS)
    for bases in range(1, 201):
        for ready in range(1, 201):
            seen = look(ready, good(bases * 1000), pods=ready_pods(ready))
            (proposal,) = decide(spec, seen, NOW).proposals
            assert proposal
            assert proposal.replicas == bases


@pytest.mark.parametrize(
    ("tolerance", "bases", "asked"),
    [
        ("1m", 999, 1000),
        ("1m", 1000, 1000),
        ("0", 1000, 1001),
        ("0", 100_000, 100_001),
        (None, 9, 10),
        (None, 10, 10),
    ],
)
def test_the_tolerance_hides_a_base_from_its_own_limit_on(tolerance, bases, asked):  # P-04
    spec = given_spec(**PEERS | {"tolerance": tolerance, "maxReplicas": 10**6})
    seen = look(bases, good((bases + 1) * 1000), pods=ready_pods(bases))
    assert decide(spec, seen, NOW).asked == asked


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_bases_of_another_version_do_not_count(tmp_path):  # R003-D, P-08
    def prepare(stage: Stage) -> None:
        make_bases(stage, "1.0.0", "1.1.0", "1.0.0", "1.1.0", "1.0.0")
        observed_by(stage)

    async with staged(tmp_path, peers(0, 1), prepare) as stage:
        await stage.play()
        assert stage.curve() == [(0, 2), (15, 3)]


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("gate", [0, 80])
async def test_instances_without_a_place_ask_for_no_more(tmp_path, gate):  # R003-E, P-10
    """Five bases in three zones, one instance per zone: three run, two wait."""
    scenario = peers(5, 1)
    pods = structs.replace(scenario.pods, max_schedulable=3)
    override = {"minAvailableReplicaPercentage": gate, "scaleUpLimitFactor": 500}
    scenario = structs.replace(scenario, pods=pods, override=override)
    async with staged(tmp_path, scenario) as stage:
        await stage.play()
        assert stage.curve() == [(0, 5)]
        phases = sorted(phase(pod) for pod in stage.pods())
        assert phases == ["Pending", "Pending", "Running", "Running", "Running"]
        active = stage.condition("ScalingActive")
        assert active["status"] == ("False" if gate else "True")
        assert ("60 % of the pods are unready" in active["message"]) == bool(gate)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_drained_base_costs_its_own_instance_and_no_other(tmp_path):  # R003-F, P-09
    def prepare(stage: Stage) -> None:
        make_bases(stage, *["1.0.0"] * 5)
        observed_by(stage)

    async with staged(tmp_path, peers(5, 5), prepare) as stage:
        await stage.at(60)
        others = {
            pod["metadata"]["uid"]: pod["spec"]["nodeName"]
            for pod in stage.pods()
            if pod["spec"]["nodeName"] != "vnode.1.test"
        }
        assert len(others) == 4
        cordon(stage, "vnode.1.test")
        await stage.at(120)
        assert stage.curve() == [], "the cordoned base still runs its module"
        assert len(stage.pods()) == 5
        (evicted,) = [pod for pod in stage.pods() if pod["spec"].get("nodeName") == "vnode.1.test"]
        stage.world.store.delete(PODS, stage.namespace, evicted["metadata"]["name"])
        await stage.at(135)
        assert stage.curve() == [(135, 4)]
        await stage.play()
        assert stage.curve() == [(135, 4)]
        left = {pod["metadata"]["uid"]: pod["spec"]["nodeName"] for pod in stage.pods()}
        assert left == others


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("override", "counted"),
    [({}, {120: 2, 135: 4}), ({"readinessDelaySeconds": 60}, {120: 2, 165: 2, 180: 4})],
    ids=["at-once", "after-a-minute"],
)
async def test_pods_that_tell_no_times_count_by_readiness_and_creation(tmp_path, override, counted):
    """R003-G, P-07: with a readiness delay, it is the creation that counts from."""

    def prepare(stage: Stage) -> None:
        stage.kubelet.habits = Habits(2, 10, start_time=False, transition_times=False)

    scenario = peers(4, 2)
    scenario = structs.replace(
        scenario, override=override, series={METRIC: [(0, 2), (120, 4)]}, until=240
    )
    async with staged(tmp_path, scenario, prepare) as stage:
        for second, count in counted.items():
            await stage.at(second)
            assert (await stage.page())["countedPods"] == count
        assert [key for pod in stage.pods() for key in _times(pod)] == []
        await stage.play()
        assert stage.curve() == [(120, 4)]


def _times(pod: Object) -> list[str]:
    status = pod["status"]
    found = [key for key in ("startTime",) if key in status]
    ready = [one for one in status["conditions"] if one["type"] == "Ready"]
    return found + [key for one in ready for key in one if key == "lastTransitionTime"]


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("end", ["Failed", "unready"])
async def test_ending_pods_of_the_old_version_leave_the_new_one_alone(tmp_path, end):
    """R003-I, P-13: both versions' pods are under one selector."""

    def prepare(stage: Stage) -> None:
        stage.deploy("test-module-old", 5, {"start_after": "0s", "ready_after": "0s"})

    scenario = structs.replace(peers(5, 5), override={"minAvailableReplicaPercentage": 80})
    async with staged(tmp_path, scenario, prepare) as stage:
        old = [pod for pod in stage.pods() if "test-module-old" in pod["metadata"]["name"]]
        assert len(old) == 5
        for number, pod in enumerate(old, 1):
            _end(stage, pod, end)
            await stage.at(number * 30)
            page = await stage.page()
            assert (page["ownedPods"], page["readyPods"], page["countedPods"]) == (5, 5, 5)
            assert page["rule"] == "within_watermarks"
        await stage.play()
        assert stage.curve() == []


def _end(stage: Stage, pod: Object, end: str) -> None:
    name = pod["metadata"]["name"]
    status = stage.world.store.get(PODS, stage.namespace, name)["status"]
    if end == "Failed":
        status["phase"] = "Failed"
    for condition in status["conditions"]:
        if condition["type"] == "Ready":
            condition["status"] = "False"
    body = {"metadata": {"name": name}, "status": status}
    stage.world.store.update(PODS, stage.namespace, name, body, "status")


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_rolling_update_of_the_module_changes_no_count(tmp_path):  # P-12
    async with staged(tmp_path, peers(5, 5, until=240)) as stage:
        await stage.at(30)
        before = {pod["metadata"]["uid"] for pod in stage.pods()}
        stage.restart(maxSurge="30%", maxUnavailable="30%")
        await stage.play()
        after = {pod["metadata"]["uid"] for pod in stage.pods()}
        assert len(after) == 5
        assert not before & after
        assert stage.curve() == []
