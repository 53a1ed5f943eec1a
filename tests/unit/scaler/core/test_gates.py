"""The rules before any metric, in D14's order, also while metrics are out."""

import pytest

from scaler.core.decision import decide
from scaler.core.gates import needs_metrics
from scaler.core.observed import Memory, Observed, PodCounts, Scale, Timer
from tests.oracle.worlds import NOW, good, look, missing, plain_spec, ready_pods

SPEC = plain_spec(min_replicas=3, max_replicas=8, up_factor=0, down_factor=0)
REMEMBERED = Memory(NOW - 1000, Timer(True, 5000), Timer(False, 6000), NOW - 15_000, NOW - 30_000)
NONE_READY = (
    "unable to get the number of ready pods across all namespaces for app=web: among the {} pods, "
    "none is ready. Skipping recommendation"
)


def world(spec_replicas, *readings, status=None, selector="app=web", **fields) -> Observed:
    given = {"pods": ready_pods(4), "memory": REMEMBERED}
    scale = Scale(spec_replicas, spec_replicas if status is None else status, selector)
    return Observed(scale=scale, readings=readings, **(given | fields))


@pytest.mark.parametrize("reading", [good(500_000), missing("error"), missing("stale")])
@pytest.mark.parametrize(
    ("count", "rule", "desired", "why"),
    [
        (0, "scaling_disabled", 0, ""),
        (9, "above_max_replicas", 8, "Current number of replicas above Spec.MaxReplicas"),
        (100, "above_max_replicas", 8, "Current number of replicas above Spec.MaxReplicas"),
        (2, "below_min_replicas", 3, "Current number of replicas below Spec.MinReplicas"),
    ],
)
def test_zero_and_bounds_come_before_metrics_windows_and_factors(
    reading, count, rule, desired, why
):
    decision = decide(SPEC, world(count, reading, pods=None, status=0, selector=""), NOW)
    assert (decision.rule, decision.desired, decision.why) == (rule, desired, why)
    assert decision.scales is (count != desired)
    assert decision.memory == REMEMBERED
    assert not decision.evaluated
    assert not decision.failed


def test_what_is_already_within_bounds_is_not_corrected():
    for count in (3, 8):
        decision = decide(SPEC, world(count, good(500_000)), NOW)
        assert decision.rule == "within_watermarks"


def test_the_order_of_the_gates():
    broken = {
        "status": 0,
        "selector": "",
        "pods": PodCounts(4, 4, 0, 0),
    }
    spec = plain_spec(min_replicas=3, max_replicas=8, min_available=50)
    rules = [decide(spec, world(5, missing(), **broken), NOW).rule]
    for repair in (
        {"status": 5},
        {"selector": "app=web"},
        {"pods": PodCounts(4, 4, 1, 1)},
        {"pods": PodCounts(4, 4, 2, 2)},
    ):
        broken |= repair
        rules.append(decide(spec, world(5, missing(), **broken), NOW).rule)
    assert rules == [
        "no_running_replicas",
        "invalid_selector",
        "none_ready",
        "not_enough_available",
        "metric_unavailable",
    ]


@pytest.mark.parametrize(
    ("fields", "rule", "detail"),
    [
        ({"status": 0}, "no_running_replicas", "the target has no running replicas yet"),
        ({"selector": ""}, "invalid_selector", "the scale target has no pod selector"),
        ({"selector": "  "}, "invalid_selector", "the scale target has no pod selector"),
        ({"selector_error": "bad selector"}, "invalid_selector", "bad selector"),
        ({"pods": None, "pods_error": "forbidden"}, "pods_unreadable", "forbidden"),
        (
            {"pods": PodCounts()},
            "no_pods",
            "no pods returned by selector while calculating replica count",
        ),
        ({"pods": PodCounts(listed=4, owned=4)}, "none_ready", NONE_READY.format(4)),
        (  # all Ready pods are too young (D4)
            {"pods": PodCounts(listed=4, owned=4, ready=4, warming=4)},
            "none_ready",
            NONE_READY.format(4),
        ),
        ({"pods": PodCounts(listed=2, foreign=2)}, "none_ready", NONE_READY.format(2)),
    ],
)
def test_what_holds_a_target(fields, rule, detail):
    decision = decide(SPEC, world(5, good(5_000_000), **fields), NOW)
    assert (decision.rule, decision.desired) == (rule, 5)
    assert decision.binding.detail == detail
    assert decision.memory == REMEMBERED
    assert not decision.scales


@pytest.mark.parametrize(
    ("ready", "owned", "least", "passes"),
    [
        (1, 3, 33, True), (1, 3, 34, False), (50, 100, 50, True), (49, 100, 50, False),
        (2, 4, 60, False), (3, 3, 100, True), (2, 3, 67, False), (2, 3, 66, True), (1, 9, 0, True),
    ],
)  # fmt: skip
def test_availability_blocks_below_the_percentage_only(ready, owned, least, passes):
    spec = plain_spec(min_available=least)
    pods = PodCounts(owned, owned, ready, ready)
    decision = decide(spec, look(5, good(500_000), pods=pods), NOW)
    assert (decision.rule != "not_enough_available") is passes


def test_the_availability_text_keeps_upstreams_figure():
    spec = plain_spec(min_available=34)
    decision = decide(spec, look(5, good(9_000_000), pods=PodCounts(3, 3, 1, 1)), NOW)
    assert decision.binding.detail == ("33 % of the pods are unready, will not autoscale shop/web")
    assert decision.failed


def test_the_readiness_delay_does_not_enter_the_availability():
    spec = plain_spec(min_available=100, up_delay=0)
    pods = PodCounts(listed=4, owned=4, ready=4, counted=1, warming=3)
    assert decide(spec, look(4, good(9_000_000), pods=pods), NOW).evaluated


def test_an_unreadable_target_is_held_at_nothing_known():
    decision = decide(SPEC, Observed(scale_error="scale not found", memory=REMEMBERED), NOW)
    assert (decision.rule, decision.binding.detail) == ("target_unreadable", "scale not found")
    assert not decision.scales
    assert decision.memory == REMEMBERED


def test_metrics_are_asked_for_only_where_they_have_a_say():
    assert needs_metrics(SPEC, world(5), NOW)
    assert not needs_metrics(SPEC, world(0), NOW)
    assert not needs_metrics(SPEC, world(9), NOW)
    assert not needs_metrics(SPEC, world(5, pods=None), NOW)
    assert not needs_metrics(SPEC, Observed(), NOW)
