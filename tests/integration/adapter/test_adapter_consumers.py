"""What autoscalers do with our bytes: the number of replicas, in good times and in bad."""

import pytest

from tests.integration.adapter.kit.consumers import Target, Watermarks, hpa, milli_value, wpa
from tests.integration.adapter.kit.misbehaviours import MISBEHAVIOURS, TIMEOUT
from tests.integration.adapter.kit.prometheus import vector
from tests.integration.adapter.kit.server import METRIC, adapter

pytestmark = pytest.mark.asyncio

VALUE = Target(100_000)
AVERAGE = Target(10_000, average=True)
MARKS = Watermarks(low=5_000, high=10_000)


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("1n", 1), ("1500u", 2), ("-1n", -1), ("1500m", 1500), ("10k", 10_000_000),
        ("9223372036854775807m", 2**63 - 1), ("9300T", -9146744073709551616),
        ("1E", 3875820019684212736), ("-5500m", -5500),
    ],
)  # fmt: skip
async def test_the_restated_consumer_reads_as_the_real_one_was_measured(text, milli):
    assert milli_value(text) == milli


@pytest.mark.parametrize(
    ("series", "by_value", "by_average", "by_watermarks"),
    [
        # From 10 replicas: a target of 100 in all, one of 10 each, and marks of 5 and 10 each.
        (["100"], 10, 10, 10),
        (["109"], 10, 10, 11),
        (["110"], 10, 10, 11),
        (["110.001"], 12, 12, 12),
        (["150"], 15, 15, 15),
        (["60", "90"], 15, 15, 15),
        (["49"], 5, 5, 9),
        (["50"], 5, 5, 10),
        (["0"], 1, 1, 10),
        (["-5"], 1, 1, 1),
        # Half a thousandth takes the count across the edge, less does not.
        (["110.0004"], 10, 10, 11),
        (["110.0005"], 12, 12, 12),
        (["1e18"], 100, 100, 100),
        (["-1e18"], 1, 1, 1),
        # Without a number everybody holds.
        (["NaN"], 10, 10, 10),
        (["+Inf"], 10, 10, 10),
        (["-Inf"], 10, 10, 10),
        ([], 10, 10, 10),
        (["NaN", "150"], 15, 15, 15),
    ],
)
async def test_replicas_by_what_prometheus_says(
    tmp_path, series, by_value, by_average, by_watermarks
):
    async with adapter(tmp_path) as it:
        it.prometheus.says(vector(*(({"queue": str(n)}, v) for n, v in enumerate(series))))
        got = await it.ask(METRIC, user="hpa")
        assert hpa(got, VALUE, 10) == by_value
        assert hpa(got, AVERAGE, 10) == by_average
        assert wpa(got, MARKS, 10) == by_watermarks


@pytest.mark.parametrize(
    "case",
    [one for one in MISBEHAVIOURS if one.failure is not None and one.failure != TIMEOUT],
    ids=lambda case: case.name,
)
async def test_no_failure_of_prometheus_moves_a_replica(tmp_path, case):
    async with adapter(tmp_path) as it:
        case.script(it.prometheus)
        got = await it.ask(METRIC, user="hpa")
        for replicas in (1, 10, 99):
            assert hpa(got, VALUE, replicas) == replicas
            assert hpa(got, AVERAGE, replicas) == replicas
            assert wpa(got, MARKS, replicas) == replicas


async def test_an_outage_first_stands_on_the_last_value_and_then_holds(tmp_path):
    """Never back to the minimum, and never on by a value that is too old."""
    async with adapter(tmp_path) as it:
        it.prometheus.says(vector(({}, "150")))
        replicas = hpa(await it.ask(METRIC, user="hpa"), VALUE, 10)
        assert replicas == 15
        it.prometheus.says(b"", 503)
        for seconds, wanted in ((6, 23), (20, 23), (60, 15), (600, 15)):
            it.clock.ahead += seconds
            got = await it.ask(METRIC, user="hpa")
            assert hpa(got, VALUE, replicas) == wanted
        it.prometheus.says(vector(({}, "20")))
        it.clock.ahead += 60
        assert hpa(await it.ask(METRIC, user="hpa"), VALUE, replicas) == 3
