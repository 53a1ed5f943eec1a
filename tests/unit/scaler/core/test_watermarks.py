"""One reading between two marks: the worked examples, exact on the edges (D1, D2, D3, D7, D11)."""

from typing import Any

import pytest

from scaler.core.metric_spec import Metric
from scaler.core.observed import Reading
from scaler.core.watermarks import Proposal, propose
from tests.oracle.worlds import good, metric, plain_spec


def ask(value: int, current: int, counted: int, high: int, low: int, **fields: Any) -> Proposal:
    """The proposal for `value`; all numbers in thousandths but the counts."""
    spec = plain_spec((metric(high, low),), **({"tolerance": 100} | fields))
    return propose(spec, spec.metrics[0], good(value), current, counted)


@pytest.mark.parametrize(
    ("given", "fields", "region", "replicas"),
    [
        # wpa-behaviour §26; value, current, counted, high, low
        ((8600, 4, 4, 4000, 2000), {"tolerance": 20}, "above", 9),  # 3
        ((200, 20, 20, 4000, 2000), {"tolerance": 20}, "below", 2),  # 4
        ((370_000, 5, 5, 100_000, 75_000), {"tolerance": 10, "average": True}, "below", 4),  # 5
        ((4799, 4, 4, 4000, 1000), {"tolerance": 200}, "inside", 4),  # 6
        ((4800, 4, 4, 4000, 1000), {"tolerance": 200}, "inside", 4),
        ((4801, 4, 4, 4000, 1000), {"tolerance": 200}, "above", 5),
        ((45_000, 3, 1, 40_000, 10), {"tolerance": 20}, "above", 3),  # 7
        ((900, 10, 7, 700, 10), {}, "above", 10),  # 8
        ((21_000, 3, 3, 3000, 10), {"modulo": 5}, "above", 25),  # 9
        ((860, 7, 7, 2000, 1000), {"modulo": 5}, "below", 7),  # 10
        ((80_000, 3, 3, 120_001, 10), {"converge": "high", "max_replicas": 10}, "inside", 2),  # 11
        ((80_000, 3, 3, 119_999, 10), {"converge": "high", "max_replicas": 10}, "inside", 3),  # 12
        ((27_000, 3, 3, 90_000, 20_000), {"converge": "low"}, "inside", 4),  # 13
        # 23 and 24 without their float errors (D2)
        ((250_000, 7, 7, 10_000, 10), {"average": True}, "above", 25),
        ((30_000, 7, 7, 99_000, 10_000), {"average": True}, "below", 3),
        ((15_000, 11, 11, 1000, 500), {"average": True}, "above", 15),
        # 30: no wrapping
        ((10**17, 2, 2, 10**17, 10), {"tolerance": 100}, "inside", 2),
        ((2 * 10**17, 2, 2, 10**17, 10), {"tolerance": 100}, "above", 4),
        # scenarios §5.1
        ((900_000, 4, 4, 200_000, 10), {"average": True}, "above", 5),  # W-A03
        ((85_000, 10, 10, 80_000, 60_000), {"tolerance": 10}, "above", 11),  # W-A04
        ((85_000, 10, 10, 80_000, 60_000), {}, "inside", 10),
        ((9_999, 10, 10, 100_000, 10_000), {"tolerance": 0}, "below", 9),  # W-A05
        ((10_001, 10, 10, 10_000, 10), {"tolerance": 0}, "above", 11),
        ((10_000, 10, 10, 10_000, 10_000), {"tolerance": 0}, "inside", 10),
        ((404, 6, 6, 400, 150), {"tolerance": 10}, "inside", 6),  # W-A06
        ((405, 6, 6, 400, 150), {"tolerance": 10}, "above", 7),
        ((149, 6, 6, 400, 150), {"tolerance": 10}, "inside", 6),
        ((148, 6, 6, 400, 150), {"tolerance": 10}, "below", 5),
        ((33_959, 8, 8, 40_000, 35_000), {"tolerance": 10}, "below", 7),  # W-A07
        ((7000, 3, 3, 3000, 10), {"modulo": 3}, "above", 9),  # W-A13: 7 becomes 9
        ((70_000, 10, 10, 80_000, 60_000), {"converge": "high"}, "inside", 9),  # W-A14
        ((73_000, 10, 10, 80_000, 60_000), {"converge": "high"}, "inside", 10),
        ((67_000, 10, 10, 80_000, 60_000), {"converge": "low"}, "inside", 11),
        ((65_000, 10, 10, 80_000, 60_000), {"converge": "low"}, "inside", 10),
    ],
)
def test_worked_examples(given, fields, region, replicas):
    proposal = ask(*given, **fields)
    assert (proposal.region, proposal.replicas) == (region, replicas)


@pytest.mark.parametrize(
    ("value", "region"),
    [
        # The band of example 1 is rational here: above 4081.02, below 3920.98 (D1).
        (4081, "inside"), (4082, "above"), (3921, "inside"), (3920, "below"),
    ],
)  # fmt: skip
def test_the_band_is_not_cut_to_whole_thousandths(value, region):
    assert ask(value, 5, 5, 4001, 4001, tolerance=20).region == region


def test_an_average_is_compared_without_dividing():
    # 3031 / 3 = 1010.333... is above 1010 although cut to whole thousandths it is not.
    proposal = ask(3031, 3, 3, 1000, 10, average=True, tolerance=10)
    assert (proposal.region, proposal.replicas, proposal.usage) == ("above", 4, 1010)
    assert ask(3030, 3, 3, 1000, 10, average=True, tolerance=10).region == "inside"


@pytest.mark.parametrize(
    ("value", "average", "usage"), [(7000, False, 7000), (7000, True, 2333), (-7000, True, -2333)]
)
def test_the_shown_usage_is_cut_towards_zero(value, average, usage):
    assert ask(value, 3, 3, 99_000, 10, average=average).usage == usage


@pytest.mark.parametrize(("current", "counted"), [(10, 9), (10, 12), (1, 1)])
def test_zero_proposes_the_current_count(current, counted):  # D11, examples 26 and 27
    proposal = ask(0, current, counted, 1000, 100)
    assert (proposal.region, proposal.replicas) == ("zero", current)


def test_a_tolerated_zero_is_a_value():
    proposal = ask(0, 10, 10, 1000, 100, tolerate_zero=True)
    assert (proposal.region, proposal.replicas) == ("below", 1)
    assert ask(0, 10, 10, 1000, 0, tolerate_zero=True).region == "inside"


def test_negative_values_are_below_and_leave_at_least_one():
    assert ask(-5000, 10, 10, 1000, 100).replicas == 1
    assert ask(-5000, 10, 10, 1000, 0).replicas == 1


def test_a_tolerance_of_one_leaves_nothing_below():
    assert ask(1, 10, 10, 1000, 500, tolerance=1000).region == "inside"
    assert ask(2001, 10, 10, 1000, 500, tolerance=1000).region == "above"


def test_directions_are_guarded_by_the_current_count():
    assert ask(2000, 10, 3, 1000, 100).replicas == 10
    assert ask(50, 3, 10, 1000, 100).replicas == 3


def test_counts_saturate():
    assert ask(10**30, 10, 10, 1, 1).replicas == 2**31 - 1
    assert ask(10**30, 10, 10, 1, 1, modulo=7).replicas == 2**31 - 1


@pytest.mark.parametrize(
    ("fields", "value", "replicas", "convergence"),
    [
        ({}, 500_000, 4, "off"),
        ({"converge": "high"}, 500_000, 3, "taken"),
        ({"converge": "high"}, 800_000, 4, "refused"),
        ({"converge": "high", "modulo": 2}, 500_000, 2, "taken"),
        # The forecast is never under minReplicas, so the step to 3 is refused.
        ({"converge": "high", "min_replicas": 4}, 500_000, 4, "refused"),
        ({"converge": "low"}, 500_000, 5, "taken"),
        ({"converge": "low"}, 100_000, 4, "refused"),
        ({"converge": "low", "modulo": 16}, 500_000, 20, "taken"),
        ({"converge": "low", "modulo": 17}, 500_000, 4, "refused"),
        # ... and never over maxReplicas.
        ({"converge": "low", "max_replicas": 4}, 500_000, 4, "refused"),
    ],
)
def test_convergence(fields, value, replicas, convergence):
    proposal = ask(value, 4, 4, 1_000_000, 100_000, **fields)
    assert (proposal.replicas, proposal.convergence) == (replicas, convergence)


def test_convergence_without_a_low_mark_stays():
    assert ask(500, 4, 4, 1000, 0, converge="low").convergence == "refused"


def usage(
    value: int, series: int, absent: int, current: int, high: int, low: int, **fields: Any
) -> Proposal:
    """The proposal of a Resource metric with `series` samples and `absent` pods without one."""
    cpu = Metric("Resource", "cpu", high, low)
    spec = plain_spec((cpu,), **({"tolerance": 0} | fields))
    reading = Reading("ok", value, series, missing=absent)
    return propose(spec, cpu, reading, current, series + absent)


@pytest.mark.parametrize("average", [False, True])
def test_a_resource_is_the_mean_of_the_counted_pods(average):  # D7, example 29
    proposal = usage(1500, 3, 0, 3, 600, 100, average=average)
    assert (proposal.region, proposal.replicas, proposal.usage) == ("inside", 3, 500)
    assert usage(2100, 3, 0, 3, 600, 100, average=average).replicas == 4


@pytest.mark.parametrize(
    ("value", "series", "absent", "region", "replicas"),
    [
        # Two of four pods without a sample, marks 600 and 200: idle for "above?" ...
        (2400, 2, 2, "inside", 4),
        (2404, 2, 2, "above", 5),
        # ... and at the high mark for "below?", so that they can only hold a downscale back.
        (100, 2, 2, "inside", 4),
        (100, 3, 1, "below", 3),
        (199, 3, 1, "below", 3),
        (200, 3, 1, "inside", 4),
    ],
)
def test_pods_without_a_sample_are_an_interval(value, series, absent, region, replicas):  # D7
    proposal = usage(value, series, absent, 4, 600, 200)
    assert (proposal.region, proposal.replicas) == (region, replicas)


def test_the_shown_usage_of_a_resource_is_the_mean_of_the_samples():
    assert usage(2400, 2, 2, 4, 600, 200).usage == 1200
