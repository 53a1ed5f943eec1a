"""Lifecycle control: each row of wpa-behaviour §19, byte for byte, and that it comes first."""

import pytest

from kube.vocab.conditions import Condition
from scaler.core.conditions import Applied
from scaler.core.counterfactual import counterfactual
from scaler.core.decision import decide
from scaler.core.events import EventDraft, events
from scaler.core.gates import needs_metrics
from scaler.core.gauges import LIFECYCLE_LABELS, gauges, lifecycle_values
from scaler.core.lifecycle import ANNOTATION, Lifecycle, Monitor, rest_of
from scaler.core.log_lines import log_lines
from scaler.core.metric_spec import InvalidSpec
from scaler.core.observed import Observed
from scaler.core.record import Record, pack, replay, unpack
from scaler.core.sentence import sentence
from scaler.core.spec import read_spec
from scaler.core.status import status_after
from scaler.core.wire import AutoscalerStatus
from tests.oracle.outcomes import EARLIER, conditions, told
from tests.oracle.worlds import NOW, autoscaler, good, held_for, look, plain_spec

WATCHED = plain_spec(lifecycle=Lifecycle(on=True))
ABOVE = good(2_000_000)
UNREADABLE = Monitor(error="403 Forbidden")

ROWS = [
    (
        UNREADABLE,
        "monitor_unreadable",
        (
            "True",
            "FailedGetDatadogMonitor",
            "monitor shop/web not found, blocking the WPA from proceeding",
        ),
        120,
    ),
    (
        Monitor(),
        "monitor_not_ok",
        (
            "True",
            "DatadogMonitorNotOK",
            "monitor shop/web state not found, blocking the WPA from proceeding",
        ),
        60,
    ),
    (
        Monitor("No Data"),
        "monitor_not_ok",
        (
            "True",
            "DatadogMonitorNotOK",
            "monitor shop/web is in No Data state, blocking the WPA from proceeding",
        ),
        60,
    ),
    (
        Monitor("OK"),
        "above_watermark",
        (
            "False",
            "DatadogMonitorOK",
            "monitor shop/web is in a OK state, allowing the WPA from proceeding",
        ),
        0,
    ),
]
BLOCKED = ROWS[:3]


@pytest.mark.parametrize(("monitor", "rule", "blocked", "rest"), ROWS)
def test_each_state_of_the_monitor(monitor, rule, blocked, rest):
    world = look(4, ABOVE, monitor=monitor)
    decision = decide(WATCHED, world, NOW)
    assert decision.rule == rule
    assert told(conditions(WATCHED, world)[0]["ScalingBlocked"]) == blocked
    assert rest_of(decision.monitor) == rest
    assert needs_metrics(WATCHED, world, NOW) is (rule == "above_watermark")


@pytest.mark.parametrize("state", ["ok", "Ok", "", "OK ", "Alert", "Warn"])
def test_only_ok_is_ok(state):
    assert decide(WATCHED, look(4, ABOVE, monitor=Monitor(state)), NOW).rule == "monitor_not_ok"


@pytest.mark.parametrize(("monitor", "rule", "blocked", "rest"), BLOCKED)
@pytest.mark.parametrize("world", [look(0), look(2000), look(4, ABOVE), Observed(scale_error="x")])
def test_a_block_comes_before_everything(monitor, rule, blocked, rest, world):
    """Bounds and the switch included; what the evaluation would have set keeps its state."""
    seen = Observed(world.scale, world.scale_error, monitor=monitor, memory=held_for(99))
    decision = decide(WATCHED, seen, NOW)
    assert (decision.rule, decision.scales, decision.memory) == (rule, False, seen.memory)
    stored = tuple(
        Condition(kind, "True", EARLIER, "r", "m")
        for kind in ("AbleToScale", "ScalingLimited", "DryRun", "AboveHighWatermark")
    )
    before = AutoscalerStatus(7, 9, EARLIER, 3, conditions=stored)
    found, last = conditions(WATCHED, seen, before=before)
    assert told(found["ScalingActive"]) == (
        "False",
        "FailedProcessWPA",
        "Error happened while processing the WPA",
    )
    assert last == ("ScalingBlocked", "True")
    assert all(found[entry.type] == entry for entry in stored)
    status = status_after(WATCHED, decision, Applied(), before)
    assert (status.current_replicas, status.desired_replicas) == (7, 9)
    assert (status.last_scale_time, status.scaling_events_count) == (EARLIER, 3)


def test_a_monitor_that_was_not_read_blocks_and_says_so():
    assert "was not read" in decide(WATCHED, look(4, ABOVE), NOW).binding.detail


def test_without_the_annotation_no_monitor_has_a_say():
    decision = decide(plain_spec(), look(4, ABOVE, monitor=Monitor("Alert")), NOW)
    assert (decision.rule, decision.monitor) == ("above_watermark", None)
    before = AutoscalerStatus(conditions=(Condition("ScalingBlocked", "True", EARLIER, "r", "m"),))
    found, _ = conditions(plain_spec(), look(4, ABOVE), before=before)
    assert told(found["ScalingBlocked"]) == ("True", "r", "m")  # §19: its last word stands


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_the_annotation_switches_it_on(text):
    assert read_spec(autoscaler({ANNOTATION: text})).lifecycle == Lifecycle(on=True)


@pytest.mark.parametrize("text", ["", "0", "f", "F", "FALSE", "false", "False"])
def test_the_annotation_leaves_it_off(text):
    assert read_spec(autoscaler({ANNOTATION: text})).lifecycle == Lifecycle()


@pytest.mark.parametrize(
    ("text", "shown"), [("yes", '"yes"'), (" true", '" true"'), ('"', r'"\""'), ("tRUE", '"tRUE"')]
)
def test_an_annotation_that_is_no_boolean_is_off_and_told(text, shown):
    spec = read_spec(autoscaler({ANNOTATION: text}, maxReplicas=100))
    world = look(4, ABOVE, monitor=Monitor("Alert"))
    assert decide(spec, world, NOW).scales
    found, _ = conditions(spec, world)
    assert told(found["ScalingBlocked"]) == (
        "False",
        "FailedGetDatadogMonitor",
        "Lifecycle Control is not correctly enabled: strconv.ParseBool: parsing "
        f"{shown}: invalid syntax",
    )


def test_an_invalid_specification_comes_before_the_monitor():  # §7
    with pytest.raises(InvalidSpec):
        read_spec(autoscaler({ANNOTATION: "true"}, maxReplicas=None))


def tell(world: Observed, before: Observed | None = None) -> list[EventDraft]:
    previous = None if before is None else decide(WATCHED, before, NOW - 15_000)
    return events(WATCHED, decide(WATCHED, world, NOW), Applied(), previous)


def test_an_unreadable_monitor_is_a_warning_once_and_another_state_is_none():
    unreadable = look(4, monitor=UNREADABLE)
    event = EventDraft("Warning", "FailedGetDatadogMonitor", "403 Forbidden")
    assert tell(unreadable) == [event]
    assert tell(unreadable, before=unreadable) == []
    assert tell(look(4, monitor=Monitor(error="404 Not Found")), before=unreadable) == []
    alert = look(4, monitor=Monitor("Alert"))
    assert tell(alert, before=unreadable) == []
    assert tell(unreadable, before=alert) == [event]
    assert [one.reason for one in tell(look(4, good(500_000), monitor=Monitor("OK")), alert)] == [
        "NotScaling"
    ]


def test_the_series():
    for monitor, *_ in BLOCKED:
        decision = decide(WATCHED, look(4, ABOVE, monitor=monitor), NOW)
        status = status_after(WATCHED, decision, Applied(), AutoscalerStatus())
        shown = {
            (one.name, one.label_value): one.value for one in gauges(WATCHED, decision, status)
        }
        assert shown["conditions", "scaling_blocked"] == 1
        assert shown["scaling_active", ""] == 0
        assert ("replicas_scaling_effective", "") not in shown
    labels = dict(zip(LIFECYCLE_LABELS, lifecycle_values(WATCHED), strict=True))
    assert labels == {
        "wpa_name": "web", "wpa_namespace": "shop", "lifecycle_status": "blocked",
        "monitor_name": "web", "monitor_namespace": "shop", "dry_run": "false",
    }  # fmt: skip


def test_it_is_told_in_a_sentence_and_a_log_line():
    world = look(4, ABOVE, monitor=UNREADABLE)
    decision = decide(WATCHED, world, NOW)
    text = "holds: monitor shop/web not found, blocking the WPA from proceeding: 403 Forbidden"
    assert sentence(WATCHED, decision, Applied()) == text
    (line,) = log_lines(WATCHED, decision, Applied(), changed=True)
    assert (line.level, line.message, line.fields["decision"]) == ("info", "Decided", text)


def test_a_record_of_it_is_decided_again_and_says_what_would_free_it():
    blocked = Observed(monitor=Monitor("Alert"))
    decision = decide(WATCHED, blocked, NOW)
    record = Record(NOW, 1, blocked, Applied(), decision.rule)
    (back,) = unpack(pack([record]))
    assert back == record
    assert replay(back, WATCHED) == decision
    other = counterfactual(WATCHED, blocked, decision)
    assert other.text == "would look at its target once monitor shop/web is OK"
    seen = look(4, ABOVE, monitor=Monitor("Alert"))
    other = counterfactual(WATCHED, seen, decide(WATCHED, seen, NOW))
    assert other.text == "would scale to 8 once monitor shop/web is OK"
