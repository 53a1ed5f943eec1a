"""The stand-in's evaluator against the real Prometheus: same samples, same expressions."""

import json
import math
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.prometheus.answers import failure, success
from sandbox.prometheus.evaluate import evaluate, parse
from sandbox.prometheus.samples import Samples, labels_of
from sandbox.prometheus.values import EvaluationError
from tests.integration.demo.real_prometheus import running_prometheus

pytestmark = [
    pytest.mark.prometheus,
    pytest.mark.skipif(shutil.which("promtool") is None, reason="needs prometheus and promtool"),
]

BASE_MS = (int(time.time()) - 4 * 3600) // 3600 * 3600 * 1000
SPAN_S = 1800
KODO = Path(__file__).parents[3] / "manifests/examples/recording-rules/kodo-backlog.yaml"


def _samples() -> Samples:
    """Half an hour of an NSQ: gauges, counters with resets, gaps, NaN and infinities."""
    random = Random(7)
    samples = Samples()
    for nsqd in ("nsqd", "nsqd2", "nsqd3"):
        for topic in ("df_metric_a", "df_object", "df_logging", "df_rum"):
            where = {
                "job": "nsq-exporter", "instance": nsqd, "topic": topic, "channel": "kodo-x",
                "paused": "false",
            }  # fmt: skip
            depth, count = random.randrange(50, 900), 10_000_000
            at = random.randrange(15_000)
            while at < SPAN_S * 1000:
                depth = max(0, depth + random.randrange(-60, 70))
                count = random.randrange(50_000, 90_000) if random.random() < 0.01 else count
                count += random.randrange(0, 400)
                value = float(depth)
                if topic == "df_rum" and random.random() < 0.1:
                    value = random.choice([math.nan, math.inf, -math.inf])
                samples.append(_named("nsq_channel_depth", where), BASE_MS + at, value)
                samples.append(_named("nsq_channel_message_count", where), BASE_MS + at, count)
                gap = 420_000 if random.random() < 0.01 else 15_000 + random.randrange(-200, 200)
                at += gap
        for step in range(0, SPAN_S, 15):
            up = 0.0 if nsqd == "nsqd2" and 900 < step < 1200 else 1.0
            labels = labels_of({"__name__": "up", "job": "nsq-exporter", "instance": nsqd})
            samples.append(labels, BASE_MS + step * 1000 + 7, up)
    return samples


def _named(name: str, labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return labels_of({"__name__": name, **labels})


def _open_metrics(samples: Samples) -> str:
    lines = []
    for series in samples:
        labels = ",".join(f'{k}="{v}"' for k, v in series.labels if k != "__name__")
        for at, value in zip(series.times, series.values, strict=True):
            assert value is not None
            text = repr(value).replace("inf", "Inf").replace("nan", "NaN")
            lines.append(f"{series.pairs['__name__']}{{{labels}}} {text} {at / 1000:.3f}")
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Samples]]:
    """A real Prometheus and our samples, filled alike."""
    folder = tmp_path_factory.mktemp("tsdb")
    samples = _samples()
    (folder / "input.om").write_text(_open_metrics(samples))
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "input.om", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / "prometheus.yml").write_text("global: {}\n")
    data = folder / "data"
    # The retention of the demo would drop blocks of hours ago at the first compaction, not before.
    with running_prometheus(folder / "prometheus.yml", data) as url:
        yield url, samples


def _ask_real(url: str, expression: str, at_ms: int) -> Any:
    query = urllib.parse.urlencode({"query": expression, "time": f"{at_ms / 1000:.3f}"})
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=5) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)


def _ask_ours(samples: Samples, expression: str, at_ms: int) -> Any:
    try:
        return json.loads(success(evaluate(parse(expression), samples, at_ms), at_ms))
    except EvaluationError as error:
        return json.loads(failure("execution", str(error)))


def _assert_equal(both: tuple[str, Samples], expression: str, at_ms: int) -> int:
    """Both answer alike; returns how many elements the answer has."""
    url, samples = both
    real = _ask_real(url, expression, at_ms)
    ours = _ask_ours(samples, expression, at_ms)
    assert ours["status"] == real["status"], (expression, ours, real)
    if ours["status"] == "error":
        assert real["errorType"] == "execution", real
        return 0
    assert ours["data"]["resultType"] == real["data"]["resultType"]
    left, right = _by_labels(ours["data"]), _by_labels(real["data"])
    assert left.keys() == right.keys(), expression
    for key, (moment, value) in left.items():
        assert moment == right[key][0]
        assert _near(float(value), float(right[key][1])), (expression, key, value, right[key])
    return len(left)


def _by_labels(data: dict[str, Any]) -> dict[Any, Any]:
    if data["resultType"] == "scalar":
        return {(): data["result"]}
    return {tuple(sorted(e["metric"].items())): e["value"] for e in data["result"]}


def _near(left: float, right: float) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)


def _shipped_expressions() -> list[str]:
    groups = yaml.safe_load(KODO.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"] if "record" in rule]


@pytest.mark.parametrize("expression", _shipped_expressions())
def test_shipped_rules(both: tuple[str, Samples], expression: str) -> None:
    found = [
        _assert_equal(both, expression, BASE_MS + s * 1000 + 333) for s in range(130, 1800, 97)
    ]
    if "drain_seconds" not in expression and "kodo:nsq_backlog:sum" not in expression:
        assert max(found) == 1


@pytest.mark.parametrize(
    "expression",
    [
        "nsq_channel_depth",
        'nsq_channel_depth{instance!="nsqd", topic=~"df_metric_.+|.*rum"} > 100',
        '{__name__=~"nsq.*", channel!~".*-y", instance=""}',
        'sum without (instance, topic) (nsq_channel_depth{topic!="df_rum"}) / 3',
        "avg by (topic) (nsq_channel_depth)",
        "min(nsq_channel_depth) + max(nsq_channel_depth)",
        "count by (instance) (nsq_channel_depth > bool 200)",
        "-nsq_channel_depth{topic='df_object'} * 2 - 1",
        "1 - 3 / 0",
        "0 / 0",
        "1 > bool 2",
        "100 < nsq_channel_depth",
        "rate(nsq_channel_message_count[2m])",
        "sum(rate(nsq_channel_message_count[90s])) by (topic)",
        "rate(nsq_channel_message_count[20s])",
        "deriv(nsq_channel_depth{topic!='df_rum'}[3m])",
        'rate({__name__=~"nsq_channel_.+"}[2m])',
        "nsq_channel_depth and on (instance) (up == 1)",
        "nsq_channel_depth unless on (instance) up == 0",
        'up or on (instance) nsq_channel_depth{topic="df_rum"}',
        'nsq_channel_depth{topic="df_rum"} / on (instance) nsq_channel_depth{topic="df_object"}',
        'nsq_channel_depth{topic="df_rum"} > ignoring (topic) nsq_channel_depth{topic="df_object"}',
        "nsq_channel_depth - on (instance) up",
        "up - on (instance) nsq_channel_depth",
        "nsq_channel_depth == nsq_channel_message_count",
        "nsq_channel_depth != bool nsq_channel_message_count",
        "clamp_max(clamp_min(nsq_channel_depth, 100), 200)",
        "sum(nothing) or count(up)",
    ],
)
def test_each_kind_of_expression(both: tuple[str, Samples], expression: str) -> None:
    for second in (0, 7, 61, 333, 905, 1111, 1500, 1799, 2000, 2500):
        _assert_equal(both, expression, BASE_MS + second * 1000 + 501)


names = st.lists(
    st.sampled_from(["instance", "topic", "job", "paused", "absent"]), max_size=3, unique=True
).map(", ".join)
selectors = st.builds(
    "{}{{{}}}".format,
    st.sampled_from(["nsq_channel_depth", "nsq_channel_message_count", "up"]),
    st.lists(
        st.sampled_from(
            ['instance="nsqd"', 'instance!="nsqd"', 'topic=~"df_(object|rum)"', 'topic!~".+_r.*"',
             'job="nsq-exporter"', 'paused=~"|false"']
        ),
        max_size=2,
    ).map(",".join),
)  # fmt: skip
leaves = st.one_of(
    selectors,
    st.builds("rate({}[{}])".format, selectors, st.sampled_from(["45s", "2m", "10m"])),
    st.builds("deriv({}[{}])".format, selectors, st.sampled_from(["45s", "2m"])),
)
vectors = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            "{} {} ({}) ({})".format,
            st.sampled_from(["sum", "min", "max", "avg", "count"]),
            st.sampled_from(["by", "without"]),
            names,
            inner,
        ),
        st.builds(
            "({}) {} {}".format,
            inner,
            st.sampled_from(["+", "-", "*", "/", ">", "<=", "== bool", "!= bool"]),
            st.sampled_from(["0", "1", "250", "0.5"]),
        ),
        st.builds(
            "({}) {} {} ({}) ({})".format,
            inner,
            st.sampled_from(["and", "or", "unless", "+", "/", ">", "< bool"]),
            st.sampled_from(["on", "ignoring"]),
            names,
            inner,
        ),
        st.builds("-({})".format, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expression=vectors, second=st.integers(0, SPAN_S + 400))
def test_expressions_of_any_shape(both: tuple[str, Samples], expression: str, second: int) -> None:
    _assert_equal(both, expression, BASE_MS + second * 1000 + 249)
