"""Defaults, and every rule that refuses a specification, with upstream's text."""

from typing import Any

import pytest

from scaler.core.metric_spec import InvalidSpec, Metric
from scaler.core.spec import read_spec
from tests.oracle.worlds import autoscaler, given_spec


def external(**fields: Any) -> dict[str, Any]:
    block = {"metricName": "backlog", "highWatermark": "1000", "lowWatermark": "100"} | fields
    return {
        "type": "External",
        "external": {key: value for key, value in block.items() if value is not None},
    }


def resource(**fields: Any) -> dict[str, Any]:
    block = {"name": "cpu", "highWatermark": "800m", "lowWatermark": "400m"} | fields
    return {
        "type": "Resource",
        "resource": {key: value for key, value in block.items() if value is not None},
    }


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


MINIMUM = (
    "watermark pod autoscaler requires the minimum number of replicas to be configured and "
    "inferior to the maximum"
)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"scaleTargetRef": {"kind": "", "name": "web"}},
            "the Spec.ScaleTargetRef should be populated, currently Kind: and/or Name:web are not "
            "set properly",
        ),
        (
            {"scaleTargetRef": {"kind": "Deployment"}},
            "the Spec.ScaleTargetRef should be populated, currently Kind:Deployment and/or Name: "
            "are not set properly",
        ),
        (
            {"scaleTargetRef": None},
            "the Spec.ScaleTargetRef should be populated, currently Kind: and/or Name: are not set "
            "properly",
        ),
        ({"maxReplicas": None}, MINIMUM),
        ({"minReplicas": 5, "maxReplicas": 4}, MINIMUM),
        (
            {"tolerance": "1.5"},
            "tolerance should be set as a quantity between 0 and 1, currently set to : 1500m, "
            "which is 150%",
        ),
        (
            {"tolerance": "1.001"},
            "tolerance should be set as a quantity between 0 and 1, currently set to : 1001m, "
            "which is 100%",
        ),
        (
            {"tolerance": -1},
            "tolerance should be set as a quantity between 0 and 1, currently set to : -1, which "
            "is -100%",
        ),
        (
            {"scaleUpLimitFactor": "-1.6"},
            "scaleuplimitfactor should be set as a positive quantity, currently set to : -1600m, "
            "which could yield a -2% growth",
        ),
        (
            {"scaleDownLimitFactor": 100},
            "scaledownlimitfactor should be set as a quantity between 0 and 100 (exc.), currently "
            "set to : 100, which could yield a 100% decrease",
        ),
        (
            {"scaleDownLimitFactor": "102.5"},
            "scaledownlimitfactor should be set as a quantity between 0 and 100 (exc.), currently "
            "set to : 102500m, which could yield a 102% decrease",
        ),
        (
            {"scaleDownLimitFactor": "-20"},
            "scaledownlimitfactor should be set as a quantity between 0 and 100 (exc.), currently "
            "set to : -20, which could yield a -20% decrease",
        ),
        (
            {"recommender": {"url": "http://r"}},
            "recommender and metrics can't be set at the same time, please choose one",
        ),
        (
            {"metrics": [{"type": "External"}]},
            "metric.External is nil while metric.Type is 'External'",
        ),
        (
            {"metrics": [{"type": "Resource"}]},
            "metric.Resource is nil while metric.Type is 'Resource'",
        ),
        (
            {"metrics": [external(highWatermark=None, lowWatermark=None)]},
            "watermarks are not set correctly, removing the WPA shop/web from the Reconciler",
        ),
        (
            {"metrics": [external(highWatermark="1", lowWatermark="1001m")]},
            "low WaterMark of External metric backlog{map[]} has to be strictly inferior to the "
            "High Watermark",
        ),
        (
            {
                "metrics": [
                    external(
                        highWatermark="1",
                        lowWatermark="2",
                        metricSelector={"matchLabels": {"k2": "v2", "k": "v"}},
                    )
                ]
            },
            "low WaterMark of External metric backlog{map[k:v k2:v2]} has to be strictly inferior "
            "to the High Watermark",
        ),
        (
            {"metrics": [resource(highWatermark="1", lowWatermark="2")]},
            "low WaterMark of Resource metric cpu{map[]} has to be strictly inferior to the High "
            "Watermark",
        ),
        ({"metrics": [{"type": "Pods"}]}, "incorrect metric.Type: 'Pods'"),
        ({"metrics": [{"type": ""}]}, "incorrect metric.Type: ''"),
        ({"metrics": None}, "at least one metric or a recommender is required"),  # D10
        ({"metrics": []}, "at least one metric or a recommender is required"),
        (
            {"metrics": [external(highWatermark=0, lowWatermark=None)]},  # D33
            "the high watermark of External metric backlog has to be positive",
        ),
        (
            {"metrics": [external(highWatermark=None, lowWatermark="-3")]},
            "the high watermark of External metric backlog has to be positive",
        ),
        (
            {"metrics": [resource(highWatermark="-1", lowWatermark="-2")]},
            "the high watermark of Resource metric cpu has to be positive",
        ),
    ],
)
def test_refusals(fields, text):
    with pytest.raises(InvalidSpec) as caught:
        read_spec(autoscaler(**fields))
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "fields",
    [
        {"minReplicas": 4, "maxReplicas": 4},
        {"tolerance": 1},
        {"scaleDownLimitFactor": "99.999"},
        {"scaleUpLimitFactor": "1M"},
        {"metrics": None, "recommender": {"url": "http://r"}},
        {"metrics": [external(highWatermark="5", lowWatermark="5")]},
        {"minAvailableReplicaPercentage": -5},
    ],
)
def test_edges_that_are_valid(fields):
    assert read_spec(autoscaler(**fields)).name == "web"


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({"scaleTargetRef": None, "maxReplicas": 0, "tolerance": 5}, "the Spec.ScaleTargetRef"),
        ({"maxReplicas": 0, "tolerance": 5}, "watermark pod autoscaler requires"),
        ({"tolerance": 5, "scaleUpLimitFactor": -1}, "tolerance should be set"),
        ({"scaleUpLimitFactor": -1, "scaleDownLimitFactor": -1}, "scaleuplimitfactor should"),
        ({"scaleDownLimitFactor": -1, "recommender": {"url": "x"}}, "scaledownlimitfactor should"),
        ({"recommender": {"url": "x"}, "metrics": [{"type": "Odd"}]}, "recommender and metrics"),
        ({"metrics": [{"type": "External"}, {"type": "Odd"}]}, "metric.External is nil"),
        ({"metrics": [external(), {"type": "Odd"}]}, "incorrect metric.Type: 'Odd'"),
    ],
)
def test_the_first_rule_that_fails_is_told(fields, first):
    with pytest.raises(InvalidSpec) as caught:
        read_spec(autoscaler(**fields))
    assert str(caught.value).startswith(first)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tolerance": 0.01}, "spec.tolerance"),
        ({"scaleUpLimitFactor": "fast"}, "spec.scaleUpLimitFactor"),
        ({"scaleDownLimitFactor": "10%"}, "spec.scaleDownLimitFactor"),
        ({"metrics": [external(highWatermark="1K")]}, "high watermark of backlog"),
        ({"metrics": [external(lowWatermark=0.5)]}, "low watermark of backlog"),
        ({"metrics": [external(metricName="")]}, "has no name"),
        (
            {"metrics": [external(metricSelector={"matchLabels": {"-": "x"}})]},
            "metricSelector of metric backlog",
        ),
    ],
)
def test_what_older_objects_may_contain_is_refused_by_name(fields, named):  # D28
    with pytest.raises(InvalidSpec, match=named):
        read_spec(autoscaler(**fields))


@pytest.mark.parametrize(
    ("text", "skips"), [("true", True), ("True", False), ("1", False), ("", False)]
)
def test_the_owner_check_is_skipped_for_exactly_true(text, skips):
    annotations = {"wpa.datadoghq.com/skip-owner-check": text}
    assert read_spec(autoscaler(annotations)).skip_owner_check is skips


def test_the_maximum_sample_age_of_an_object():  # D16
    annotations = {"wpa.datadoghq.com/max-sample-age": "90"}
    assert read_spec(autoscaler(annotations)).max_sample_age == 90


@pytest.mark.parametrize("text", ["", "0", "-5", "2m", "1.5", "٣", " 5", "9" * 5000])
def test_a_maximum_sample_age_that_is_no_number_of_seconds(text):
    annotations = {"wpa.datadoghq.com/max-sample-age": text}
    with pytest.raises(InvalidSpec, match=r"wpa\.datadoghq\.com/max-sample-age"):
        read_spec(autoscaler(annotations))
