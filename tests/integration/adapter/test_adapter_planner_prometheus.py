"""Asked together, every question gets what it gets alone, to the last digit: a real Prometheus."""

import itertools
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from adapter.core.planner_answers import split
from adapter.core.planner_proof import shape_of
from adapter.core.planner_shape import Shape
from adapter.core.results import read_answer
from tests.integration.adapter.kit.awkward_samples import (
    NAMESPACES,
    QUEUES,
    awkward_prometheus,
)
from tests.integration.adapter.kit.real_prometheus import NEEDS_PROMETHEUS

pytestmark = [
    *NEEDS_PROMETHEUS,
    pytest.mark.timeout(300),
]

FIXED = ('queue="{}",namespace="{}"', 'queue="{}"', 'namespace="{}"')
MORE = st.sampled_from(["", ',pod!=""', ',pod=~"p[0-3]"', ',zone="z1"', ',zone="",lonely=""'])
LABELS = st.lists(
    st.sampled_from(["queue", "namespace", "pod", "zone"]), max_size=3, unique=True
).map(",".join)
NUMBERS = st.sampled_from(["0", "1", "0.1", "-3", "1e3", "time()", "(2 - pi())", "0x1f"])
SHIFT = st.sampled_from(["", "", "", " offset 1m", " offset -30s", " @ end()"])
AGGREGATIONS = ["sum", "sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]
FUNCTIONS = ["abs", "ceil", "sgn", "sqrt", "ln", "exp", "timestamp", "hour", "round"]
OVER_TIME = """avg_over_time changes count_over_time delta deriv idelta increase irate
    last_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time
    stdvar_over_time sum_over_time""".split()  # noqa: SIM905


@st.composite
def selectors(draw):
    metric = draw(st.sampled_from(["depth", "done_total", "lag"]))
    return f"{metric}{{§{draw(MORE)}}}"


@st.composite
def series(draw):
    shift = draw(SHIFT)
    if draw(st.booleans()):
        return draw(selectors()) + shift
    length = draw(st.sampled_from(["2s", "2m", "30m", "2h"]))
    picked = f"{draw(selectors())}[{length}]{shift}"
    function = draw(st.sampled_from([*OVER_TIME, "quantile_over_time", "predict_linear"]))
    if function == "quantile_over_time":
        return f"{function}(0.9, {picked})"
    return f"{function}({picked}, 60)" if function == "predict_linear" else f"{function}({picked})"


@st.composite
def aggregations(draw, inner):
    grouping = draw(st.sampled_from(["", "by", "by", "by", "without"]))
    labels = f" {grouping} ({draw(LABELS)})" if grouping else ""
    if draw(st.integers(0, 9)) == 0:
        return f"quantile{labels} (0.75, {draw(inner)})"
    return f"{draw(st.sampled_from(AGGREGATIONS))}{labels} ({draw(inner)})"


@st.composite
def operations(draw, inner):
    left, right = f"({draw(inner)})", f"({draw(inner)})"
    sign = draw(st.sampled_from(["+", "-", "*", "/", "%", "^", ">", "<= bool", "==", "!="]))
    match draw(st.integers(0, 4)):
        case 0:
            return f"{left} {sign} {draw(NUMBERS)}"
        case 1:
            return f"{draw(NUMBERS)} {sign} {right}"
        case 2:
            matching = draw(st.sampled_from(["", " on ({})", " ignoring ({})"]))
            operator = draw(st.sampled_from(["and", "or", "unless"]))
            return f"{left} {operator}{matching.format(draw(LABELS))} {right}"
        case 3:
            side = draw(st.sampled_from(["", " group_left ()", " group_right (zone)"]))
            matching = draw(st.sampled_from([" on ({})", " ignoring ({})"]))
            return f"{left} {sign}{matching.format(draw(LABELS))}{side} {right}"
        case _:
            return f"{left} {sign} {right}"


def larger(inner):
    return st.one_of(
        aggregations(inner),
        aggregations(inner),
        operations(inner),
        st.builds(lambda f, e: f"{f}({e})", st.sampled_from(FUNCTIONS), inner),
        inner.map(lambda e: f"-({e})"),
    )


EXPRESSIONS = st.recursive(series(), larger, max_leaves=4)
GUARDS = st.sampled_from(["", "", "", " or vector(0)", " or on() vector(-1.5)"])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory) -> Iterator[tuple[httpx.Client, list[float]]]:
    folder = tmp_path_factory.mktemp("awkward")
    with awkward_prometheus(folder, seed=1) as (url, instants), httpx.Client(base_url=url) as http:
        yield http, instants


def ask(http: httpx.Client, promql: str, at: float) -> bytes | None:
    """The document; None if the query is refused."""
    got = http.post("/api/v1/query", data={"query": promql, "time": f"{at:.3f}"})
    assert got.status_code in (200, 422), (promql, got.text)
    return got.content if got.status_code == 200 else None


def texts(body: bytes) -> dict[frozenset[tuple[str, str]], str]:
    """Values as written, by labels."""
    result = msgspec.json.decode(body)["data"]["result"]
    return {frozenset(one["metric"].items()): one["value"][1] for one in result}


def compare(http: httpx.Client, form: str, shape: Shape, asked, at: float) -> int:
    """Assert that all of `asked` get what they get alone; returns how many series that is."""
    together = ask(http, shape.promql(asked), at)
    alone = {values: ask(http, filled(form, values), at) for values in asked}
    if together is None:
        # The planner asks each by itself then. A refusal must come from one of those whose series
        # the patterns select, asked for or not.
        selected = itertools.product(*map(set, zip(*asked, strict=True)))
        assert any(ask(http, filled(form, values), at) is None for values in selected), form
        return 0
    found = split(shape, read_answer(together, 100_000), asked)
    count = 0
    everything = texts(together)
    for values, body in alone.items():
        assert body is not None, (form, shape.promql(asked))
        expected = read_answer(body, 100_000)
        assert found[values] == expected, (form, values, at)
        written = {
            frozenset(shape.shown(dict(labels)).items()): value
            for labels, value in everything.items()
            if shape.values_of(dict(labels)) == values
        }
        unguarded = texts(body).items() if not shape.guard else written.items()
        assert written.items() == unguarded
        assert written.items() <= texts(body).items()
        count += len(written)
    return count


def filled(form: str, values) -> str:
    for number, value in enumerate(values):
        form = form.replace(f"asked-{number}-value", value)
    return form


def form_of(expression: str, fixed: str) -> str:
    matchers = fixed.format("asked-0-value", "asked-1-value")
    return expression.replace("§", matchers)


def combinations(fixed: str) -> list[tuple[str, ...]]:
    if fixed == FIXED[0]:
        return list(itertools.product(QUEUES, (*NAMESPACES, "nowhere")))
    return [(one,) for one in ((*QUEUES, "none") if fixed == FIXED[1] else NAMESPACES)]


@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
@given(EXPRESSIONS, GUARDS, st.sampled_from(FIXED), st.data())
def test_random_queries(prometheus, expression, guard, fixed, data):
    http, instants = prometheus
    form = form_of(expression, fixed) + guard
    shape = shape_of(form)
    assume(isinstance(shape, Shape))
    assert isinstance(shape, Shape)
    options = combinations(fixed)
    asked = data.draw(st.lists(st.sampled_from(options), min_size=2, max_size=6, unique=True))
    found = compare(http, form, shape, asked, data.draw(st.sampled_from(instants)))
    event("with series" if found else "without series")


@pytest.mark.parametrize(
    "expression",
    [
        "depth{§}",
        "sum(depth{§})",
        "sum by (pod) (depth{§})",
        "max(depth{§}) by (queue)",
        "avg without (pod, queue) (depth{§})",
        "stddev(depth{§})",
        "sum(rate(done_total{§}[30m]))",
        "sum(rate(done_total{§}[2h] offset 10m)) / count(lag{§})",
        "sum(max_over_time(lag{§}[10m])) or vector(0)",
        "sum by (pod) (lag{§}) or vector(0)",
        "sum by (pod) (lag{§}) or on() vector(0)",
        "time() - max(timestamp(lag{§}))",
        "sum by (queue, pod) (depth{§}) / on (pod) sum by (queue, pod) (lag{§})",
        "sum by (queue, pod) (depth{§}) / ignoring (queue, zone) sum by (queue, pod) (lag{§})",
        "lag{§} * on (pod) group_left () sum by (pod) (depth{§})",
        "sum(depth{§} and on (pod) lag{§})",
        "clamp_min(sum(sum by (pod) (depth{§})), 1) > 2",
    ],
)
def test_queries_as_rules_have_them(prometheus, expression):
    http, instants = prometheus
    found = 0
    for fixed in FIXED:
        form = form_of(expression, fixed)
        shape = shape_of(form)
        assert isinstance(shape, Shape), shape
        found += sum(compare(http, form, shape, combinations(fixed), at) for at in instants)
    assert found > 0


def test_these_samples_tell_orders_apart(prometheus):
    """Adding them up backwards gives other floats: a wrong order would have been seen."""
    http, instants = prometheus
    differ = 0
    for queue in QUEUES:
        alone = texts(ask(http, f'depth{{queue="{queue}"}}', instants[0]) or b"")
        values = [float(text) for text in alone.values()]
        differ += sum(values) != sum(reversed(values))
    assert differ > 0
