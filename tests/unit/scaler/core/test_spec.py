"""What a specification says, with what is left out filled in."""

import pytest

from scaler.core.metric_spec import Metric
from scaler.core.spec import read_spec
from tests.oracle.worlds import autoscaler, external, given_spec, resource


def test_defaults():
    spec = given_spec()
    assert (spec.min_replicas, spec.max_replicas) == (1, 10)
    assert not spec.average
    assert (spec.tolerance, spec.up_factor, spec.down_factor) == (100, 50_000, 20_000)
    assert (spec.up_window, spec.down_window, spec.up_delay, spec.down_delay) == (60, 300, 0, 0)
    assert (spec.modulo, spec.converge, spec.min_available, spec.readiness_delay) == (1, None, 0, 0)
    assert (spec.dry_run, spec.tolerate_zero, spec.skip_owner_check) == (False, False, False)
    assert spec.max_sample_age is None
    assert spec.metrics == (Metric("External", "backlog", 1_000_000, 100_000),)


def test_what_is_given_is_taken():
    spec = given_spec(
        minReplicas=2,
        algorithm="average",
        tolerance="0.01",
        scaleUpLimitFactor=100,
        scaleDownLimitFactor="12.5",
        upscaleForbiddenWindowSeconds=30,
        downscaleForbiddenWindowSeconds=45,
        upscaleDelayAboveWatermarkSeconds=15,
        downscaleDelayBelowWatermarkSeconds=600,
        replicaScalingAbsoluteModulo=5,
        convergeTowardsWatermark="lowwatermark",
        dryRun=True,
        tolerateZero=True,
        minAvailableReplicaPercentage=60,
        readinessDelaySeconds=20,
    )
    assert (spec.min_replicas, spec.average, spec.tolerance) == (2, True, 10)
    assert (spec.up_factor, spec.down_factor) == (100_000, 12_500)
    assert (spec.up_window, spec.down_window, spec.up_delay, spec.down_delay) == (30, 45, 15, 600)
    assert (spec.modulo, spec.converge, spec.min_available) == (5, "low", 60)
    assert (spec.readiness_delay, spec.dry_run, spec.tolerate_zero) == (20, True, True)


@pytest.mark.parametrize(
    ("algorithm", "average"),
    [(None, False), ("", False), ("absolute", False), ("average", True), ("Average", False)],
)
def test_only_the_exact_word_selects_average(algorithm, average):
    assert given_spec(algorithm=algorithm).average is average


@pytest.mark.parametrize(
    ("text", "converge"),
    [("highwatermark", "high"), ("lowwatermark", "low"), ("HighWatermark", None), ("x", None)],
)
def test_convergence_is_case_sensitive(text, converge):
    assert given_spec(convergeTowardsWatermark=text).converge == converge


@pytest.mark.parametrize(
    ("given", "tolerance"),
    [(None, 100), (0, 0), ("0", 0), ("0.01", 10), ("1n", 1), ("0.0101", 11), (1, 1000)],
)
def test_a_tolerance_of_zero_is_zero_and_absent_is_ten_percent(given, tolerance):  # D9
    assert given_spec(tolerance=given).tolerance == tolerance


def test_a_factor_of_zero_is_kept_and_a_window_of_zero_is_the_default():
    spec = given_spec(
        scaleUpLimitFactor=0,
        scaleDownLimitFactor=0,
        upscaleForbiddenWindowSeconds=0,
        downscaleForbiddenWindowSeconds=0,
    )
    assert (spec.up_factor, spec.down_factor, spec.up_window, spec.down_window) == (0, 0, 60, 300)


@pytest.mark.parametrize(("given", "milli"), [("0.3", 300), ("1n", 1), ("10G", 10**13)])
def test_fractions_of_a_factor_are_not_zero(given, milli):
    assert given_spec(scaleUpLimitFactor=given).up_factor == milli


@pytest.mark.parametrize(
    ("marks", "high", "low"),
    [
        ({"highWatermark": "80", "lowWatermark": None}, 80_000, 80_000),
        ({"highWatermark": None, "lowWatermark": "35"}, 35_000, 35_000),
        ({"highWatermark": "400m", "lowWatermark": 0}, 400, 0),
        ({"highWatermark": "900k", "lowWatermark": "900k"}, 900_000_000, 900_000_000),
        ({"highWatermark": "300Mi", "lowWatermark": "-5"}, 300 * 2**20 * 1000, -5000),
    ],
)
def test_a_missing_mark_is_the_other_one(marks, high, low):
    (metric,) = given_spec(metrics=[external(**marks)]).metrics
    assert (metric.high, metric.low) == (high, low)


def test_only_the_block_that_the_type_names_is_used():
    both = external() | {"resource": {"name": "cpu"}}
    assert [metric.kind for metric in given_spec(metrics=[both, resource()]).metrics] == [
        "External",
        "Resource",
    ]


def test_an_absent_metric_selector_is_an_empty_one():  # D28, except rule 10
    for source in (external(), external(metricSelector={}), resource()):
        (metric,) = given_spec(metrics=[source]).metrics
        assert metric.selector.empty
        assert metric.display == f"{metric.name}{{map[]}}"


def test_metrics_are_shown_with_their_labels_in_key_order():
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [{"key": "c", "operator": "Exists"}],
    }
    (metric,) = given_spec(metrics=[external(metricSelector=selector)]).metrics
    assert metric.display == "backlog{map[a:1 b:2]}"
    assert str(metric.selector) == "a=1,b=2,c"


@pytest.mark.parametrize(
    ("text", "skips"), [("true", True), ("True", False), ("1", False), ("", False)]
)
def test_the_owner_check_is_skipped_for_exactly_true(text, skips):
    annotations = {"wpa.datadoghq.com/skip-owner-check": text}
    assert read_spec(autoscaler(annotations)).skip_owner_check is skips


def test_the_maximum_sample_age_of_an_object():  # D16
    annotations = {"wpa.datadoghq.com/max-sample-age": "90"}
    assert read_spec(autoscaler(annotations)).max_sample_age == 90
