"""Whole curves: when `spec.replicas` changes while backlogs and latencies rise and fall."""

from typing import Any

import pytest

from tests.oracle.curves import Scenario, Steps, run


def queue(name: str, low: int, high: int, factor: int) -> dict[str, Any]:
    """The autoscaler of a queue's consumers."""
    return {
        "metadata": {"namespace": "forethought-kodo", "name": name},
        "spec": {
            "algorithm": "average",
            "minReplicas": low,
            "maxReplicas": high,
            "tolerance": "0.01",
            "scaleUpLimitFactor": factor,
            "scaleDownLimitFactor": 30,
            "upscaleForbiddenWindowSeconds": 30,
            "downscaleForbiddenWindowSeconds": 60,
            "upscaleDelayAboveWatermarkSeconds": 30,
            "downscaleDelayBelowWatermarkSeconds": 300,
            "minAvailableReplicaPercentage": 50,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metricName": "backlog",
                        "metricSelector": {"matchLabels": {"consumer": name}},
                        "highWatermark": "1000",
                        "lowWatermark": "100",
                    },
                }
            ],
        },
    }


METRIC = queue("kodo-x-metric", 2, 8, 100)
QUEUE_ONLY = queue("kodo-x-queue-only", 3, 10, 50)
BURST: dict[str, Steps] = {"backlog": [(0, 400), (60, 9000), (240, 3000), (600, 200)]}

LATENCY = {
    "metadata": {"namespace": "datadog", "name": "example-watermarkpodautoscaler"},
    "spec": {
        "downscaleForbiddenWindowSeconds": 60,
        "downscaleDelayBelowWatermarkSeconds": 300,
        "upscaleForbiddenWindowSeconds": 30,
        "upscaleDelayAboveWatermarkSeconds": 30,
        "scaleDownLimitFactor": 30,
        "scaleUpLimitFactor": 50,
        "minReplicas": 4,
        "maxReplicas": 9,
        "scaleTargetRef": {"kind": "Deployment", "name": "some-app", "apiVersion": "apps/v1"},
        "metrics": [
            {
                "type": "External",
                "external": {
                    "highWatermark": "400m",
                    "lowWatermark": "150m",
                    "metricName": "custom.request_duration.max",
                    "metricSelector": {"matchLabels": {"service": "billing"}},
                },
            }
        ],
        "tolerance": "0.01",
    },
}


def latency(**changes: Any) -> Scenario:
    steps = [(0, "0.300"), (30, "0.500"), (75, "0.420"), (105, "0.350")]
    steps += [(210, "0.100"), (570, "0.120"), (630, "0.130")]
    return Scenario(
        LATENCY,
        {"custom.request_duration.max": steps},
        initial=6,
        until=900,
        start_after=1,
        ready_after=5,
        **changes,
    )


@pytest.mark.parametrize(
    ("scenario", "changes"),
    [
        pytest.param(
            Scenario(METRIC, BURST, initial=2, until=1230),
            [(90, 4), (120, 8), (900, 6), (960, 5), (1020, 4), (1080, 3), (1140, 2)],
            id="R000-A-metric",
        ),
        pytest.param(
            Scenario(QUEUE_ONLY, {"backlog": [(0, 900)]}, initial=3, until=1230),
            [],
            id="R000-A-other",
        ),
        pytest.param(
            Scenario(
                METRIC,
                BURST,
                initial=2,
                until=1230,
                override={"minAvailableReplicaPercentage": 60},
            ),
            [(90, 4), (135, 8), (900, 6), (960, 5), (1020, 4), (1080, 3), (1140, 2)],
            id="R000-B-gate",
        ),
        pytest.param(
            Scenario(QUEUE_ONLY, {"backlog": [(0, 6000)]}, initial=3, until=240, foreign=4),
            [(30, 4), (60, 6)],
            id="R000-C-shared-selector",
        ),
        pytest.param(latency(), [(60, 8), (90, 9), (510, 7), (570, 5), (630, 4)], id="R004-A"),
        pytest.param(latency(override={"dryRun": True}), [], id="R004-A-dry-run"),
        pytest.param(
            latency(scaled_by_hand=[(301, 12)]),
            [(60, 8), (90, 9), (301, 12), (315, 9), (510, 7), (570, 5), (630, 4)],
            id="R004-A-by-hand-above-the-bounds",
        ),
        pytest.param(
            latency(scaled_by_hand=[(150, 7)]),
            # 7 in band stays; at 510 s 4 is asked for, capped to 7 - 2; then one step to the bound.
            [(60, 8), (90, 9), (150, 7), (510, 5), (570, 4)],
            id="R004-A-by-hand-inside-the-bounds",
        ),
    ],
)
def test_curve(scenario, changes):
    assert run(scenario).changes == changes


def test_a_blocked_upscale_says_how_many_are_available():  # R000-B
    override = {"minAvailableReplicaPercentage": 60}
    found = run(Scenario(METRIC, BURST, initial=2, until=120, override=override))
    for second in (105, 120):
        assert found.decisions[second].rule == "not_enough_available"
        assert found.decisions[second].binding.detail.startswith("50 % ")


def test_dry_run_shows_what_would_be_written_now():  # D18
    statuses = run(latency(override={"dryRun": True})).statuses
    shown, last = [], None
    for second, status in statuses.items():
        if status.desired_replicas != last:
            last = status.desired_replicas
            shown.append((second, last))
    assert shown == [(0, 6), (60, 8), (75, 7), (105, 6), (510, 5)]
    assert {status.current_replicas for status in statuses.values()} == {6}
    assert {status.scaling_events_count for status in statuses.values()} == {0}


def test_an_outage_holds_and_starts_the_time_below_anew():  # R000-D
    steps = [(0, 400), (60, 9000), (240, 3000), (600, None), (720, 200)]
    found = run(Scenario(METRIC, {"backlog": steps}, initial=2, until=1300))
    assert found.changes == [
        (90, 4),
        (120, 8),
        (1020, 6),
        (1080, 5),
        (1140, 4),
        (1200, 3),
        (1260, 2),
    ]
    for second in range(600, 720, 15):
        active = found.statuses[second].condition("ScalingActive")
        assert active
        assert (active.status, active.reason) == ("False", "FailedGetExternalMetric")
    recovered = found.statuses[720].condition("ScalingActive")
    assert recovered
    assert recovered.is_true
