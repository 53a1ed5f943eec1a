"""Events: scaling is always told, all else when the decision changes (§17, D18, D23)."""

import pytest

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.events import EventDraft, events
from scaler.core.metric_spec import Metric
from scaler.core.observed import Observed, PodCounts
from tests.oracle.worlds import NOW, good, held_for, look, metric, missing, plain_spec

SPEC = plain_spec()
NONE, SCALED, DRY = Applied(), Applied("scaled"), Applied("dry_run")
ABOVE, INSIDE, BELOW = good(2_000_000), good(500_000), good(50_000)


def tell(world, applied=NONE, before=None, *, spec=SPEC, quiet=False) -> list[EventDraft]:
    previous = None if before is None else decide(spec, before, NOW - 15_000)
    return events(spec, decide(spec, world, NOW), applied, previous, quiet=quiet)


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("before", [None, look(4, ABOVE)])
def test_scaling_is_always_told(before, quiet):
    assert tell(look(4, ABOVE), SCALED, before, quiet=quiet) == [
        EventDraft("Normal", "Scaling", "New size: 8; reason: backlog{map[]} above target", True)
    ]


@pytest.mark.parametrize(
    ("spec", "world", "reason"),
    [
        (SPEC, look(4, BELOW), "New size: 2; reason: All metrics below target"),
        (
            plain_spec(converge="high"),
            look(4, good(300_000)),
            "New size: 3; reason: Metric within watermarks, attempting to scale to converge "
            "towards watermark",
        ),
        (
            plain_spec(max_replicas=3),
            look(4),
            "New size: 3; reason: Current number of replicas above Spec.MaxReplicas",
        ),
        (
            plain_spec(min_replicas=5),
            look(4),
            "New size: 5; reason: Current number of replicas below Spec.MinReplicas",
        ),
    ],
)
def test_reasons_of_scaling(spec, world, reason):
    assert [event.message for event in tell(world, SCALED, spec=spec)] == [reason]


def test_a_refused_scale_is_a_warning():
    (event,) = tell(look(4, ABOVE), Applied("failed", "50% of the time"), look(4, ABOVE))
    assert (event.type, event.reason, event.always) == ("Warning", "FailedScale", True)
    assert event.message == (
        "New size: 8; reason: backlog{map[]} above target; error: 50% of the time"
    )


def test_not_scaling_is_told_once():
    (event,) = tell(look(4, INSIDE))
    assert event == EventDraft(
        "Normal",
        "NotScaling",
        "Decided not to scale Deployment/shop/web to 4 (last scale time was <nil> )",
    )
    assert tell(look(4, good(600_000)), before=look(4, INSIDE)) == []
    assert tell(look(4, INSIDE), quiet=True) == []


def test_not_scaling_names_the_computed_count_and_the_last_scale_time():
    spec = plain_spec(up_window=60)
    (event,) = tell(look(4, ABOVE, memory=held_for(0, since_scale=10)), spec=spec)
    assert event.message == (
        "Decided not to scale Deployment/shop/web to 8 "
        "(last scale time was 2027-01-15 07:59:50 +0000 UTC )"
    )


def test_dry_run_tells_nothing():
    assert tell(look(4, ABOVE), DRY, spec=plain_spec(dry_run=True)) == []


def test_a_failed_metric_is_a_pair_of_warnings_once():
    world = look(4, missing("error", "503"))
    text = (
        "unable to get external metric shop/backlog/&LabelSelector{MatchLabels:map[string]string{},"
        "MatchExpressions:[]LabelSelectorRequirement{},}: 503"
    )
    assert tell(world, before=look(4, INSIDE)) == [
        EventDraft("Warning", "FailedGetExternalMetric", text),
        EventDraft(
            "Warning",
            "FailedComputeMetricsReplicas",
            f"failed to compute replicas based on external metric backlog: {text}",
        ),
    ]
    assert tell(world, before=world) == []
    assert tell(look(4, missing("stale")), before=world) != []
    assert len(tell(world, before=look(4, INSIDE), quiet=True)) == 2


def test_a_failed_resource_metric_has_its_own_words():
    spec = plain_spec((Metric("Resource", "cpu", 800, 400),))
    first, second = tell(look(4, missing("error", "503")), spec=spec)
    assert first.reason == "FailedGetResourceMetric"
    assert second.message.startswith("failed to get resource metric cpu: ")


PARTLY = plain_spec((metric(1_000_000, 100_000, "one"), Metric("Resource", "cpu", 800, 400)))


def test_a_metric_that_goes_missing_beside_others_is_told_in_each_new_state():  # §17, D13
    world = look(4, INSIDE, missing("stale", "too old"))
    first, second = tell(world, before=look(4, INSIDE, good(600)), spec=PARTLY)
    assert (first.type, first.reason, first.always) == ("Warning", "FailedGetResourceMetric", False)
    assert first.message == (
        "unable to get resource metric shop/cpu/&LabelSelector{MatchLabels:map[string]string{},"
        "MatchExpressions:[]LabelSelectorRequirement{},}: too old"
    )
    assert second.reason == "NotScaling"
    assert tell(world, before=world, spec=PARTLY) == []
    refused = look(4, INSIDE, missing("forbidden"))
    assert [one.reason for one in tell(refused, before=world, spec=PARTLY, quiet=True)] == [
        "FailedGetResourceMetric"
    ]
    assert tell(look(4, INSIDE, good(600)), before=world, spec=PARTLY, quiet=True) == []


def test_a_missing_metric_is_told_beside_a_scaling_and_not_again_after_it():
    growing = look(4, ABOVE, missing())
    told = [one.reason for one in tell(growing, SCALED, look(4, INSIDE, good(600)), spec=PARTLY)]
    assert told == ["FailedGetResourceMetric", "Scaling"]
    again = tell(look(8, ABOVE, missing()), SCALED, growing, spec=PARTLY)
    assert [one.reason for one in again] == ["Scaling"]


def test_what_stays_missing_when_another_comes_back_is_told_if_it_was_not():
    none = look(4, missing(), missing())
    (first, _) = tell(none, before=look(4, INSIDE, good(600)), spec=PARTLY)
    assert first.reason == "FailedGetExternalMetric"
    back = tell(look(4, INSIDE, missing()), before=none, spec=PARTLY, quiet=True)
    assert [one.reason for one in back] == ["FailedGetResourceMetric"]
    assert tell(look(4, missing(), good(600)), before=none, spec=PARTLY, quiet=True) == []


def test_gates_are_told_as_upstream_does():
    first, second = tell(look(4, pods=PodCounts(4, 4, 0, 0)))
    assert (first.type, first.reason) == ("Warning", "FailedGetExternalMetric")
    assert "none is ready. Skipping recommendation" in first.message
    assert second.reason == "FailedComputeMetricsReplicas"


def test_an_unreadable_target():
    assert tell(Observed(scale_error="scale not found")) == [
        EventDraft("Warning", "FailedProcessWPA", "scale not found")
    ]
