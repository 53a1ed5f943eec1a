"""Every rule that refuses a specification, with upstream's text where upstream has one."""

import pytest

from scaler.core.metric_spec import InvalidSpec
from scaler.core.spec import read_spec
from tests.oracle.worlds import autoscaler, external, resource

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
        (
            {"maxReplicas": 2**31},
            "spec.maxReplicas: 2147483648 is no 32-bit number; the largest is 2147483647",
        ),
        (
            {"minReplicas": 2**31, "maxReplicas": 2**40},
            "spec.minReplicas: 2147483648 is no 32-bit number; the largest is 2147483647",
        ),
        (
            {"minReplicas": -(2**63)},
            "spec.minReplicas: -9223372036854775808 is no 32-bit number; the largest is 2147483647",
        ),
        (
            {"scaleTargetRef": None, "readinessDelaySeconds": 2**31},
            "spec.readinessDelaySeconds: 2147483648 is no 32-bit number; the largest is 2147483647",
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


@pytest.mark.parametrize("text", ["", "0", "-5", "2m", "1.5", "٣", " 5", "9" * 5000])
def test_a_maximum_sample_age_that_is_no_number_of_seconds(text):
    annotations = {"wpa.datadoghq.com/max-sample-age": text}
    with pytest.raises(InvalidSpec, match=r"wpa\.datadoghq\.com/max-sample-age"):
        read_spec(autoscaler(annotations))


@pytest.mark.parametrize(
    ("tolerance", "percent"), [("1.011", 101), ("1.015", 102), ("1.025", 102), ("1.019", 102)]
)
def test_percentages_are_rounded_to_the_nearest_and_halves_to_even(tolerance, percent):
    with pytest.raises(InvalidSpec, match=f"which is {percent}%$"):
        read_spec(autoscaler(tolerance=tolerance))
