"""Splitting an answer: to each what it would have got alone."""

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.core.planner_answers import split
from adapter.core.planner_proof import shape_of
from adapter.core.planner_shape import Shape
from adapter.core.results import Answer, LeftOut, Sample, UpstreamError
from tests.unit.adapter.evaluated import AT, Evaluated, evaluate, labels

FIXED = 'queue="asked-0-value",namespace="asked-1-value"'


def shape(query: str) -> Shape:
    found = shape_of(query.replace("§", FIXED))
    assert isinstance(found, Shape)
    return found


def sample(milli: int, **pairs: str) -> Sample:
    return Sample(pairs, AT, milli)


def test_a_value_that_is_none_stays_with_its_question():
    whole = Answer(
        (sample(1, queue="a", namespace="n"),),
        (LeftOut({"queue": "b", "namespace": "n"}, "nan"),),
        warnings=1,
    )
    found = split(shape("sum(m{§})"), whole, [("a", "n"), ("b", "n"), ("c", "n")])
    assert found[("a", "n")] == Answer((sample(1),), warnings=1)
    assert found[("b", "n")] == Answer((), (LeftOut({}, "nan"),), warnings=1)
    assert found[("c", "n")] == Answer((), warnings=1)


@pytest.mark.parametrize(
    ("query", "own", "expected"),
    [
        ("sum(m{§}) or vector(0)", (), ["constant"]),
        ("sum(m{§}) or vector(0)", ({},), ["own"]),
        ("sum by (pod) (m{§}) or vector(0)", ({"pod": "p"},), ["own", "constant"]),
        ("sum by (pod) (m{§}) or vector(0)", ({"pod": "p"}, {}), ["own", "own"]),
        ("sum by (pod) (m{§}) or on() vector(0)", ({"pod": "p"},), ["own"]),
        ("sum by (pod) (m{§}) or on() vector(0)", (), ["constant"]),
        ("sum by (__name__) (m{§}) or vector(0)", ({"__name__": "m"},), ["own"]),
    ],
)
def test_the_constant_of_a_guard(query, own, expected):
    fixed = {"queue": "a", "namespace": "n"}
    series = tuple(Sample({**one, **fixed}, AT, 1) for one in own)
    found = split(shape(query), Answer((*series, sample(0))), [("a", "n")])[("a", "n")]
    assert ["own" if one.milli else "constant" for one in found.samples] == expected


def test_a_guard_holds_for_what_is_not_a_number_too():
    whole = Answer((sample(0),), (LeftOut({"queue": "a", "namespace": "n"}, "nan"),))
    found = split(shape("sum(m{§}) or vector(0)"), whole, [("a", "n")])
    assert found[("a", "n")] == Answer((), (LeftOut({}, "nan"),))


@pytest.mark.parametrize(
    ("query", "series"),
    [
        ("sum(m{§})", (sample(1),)),
        ("sum(m{§})", (sample(1, queue="a"),)),
        ("sum(m{§}) or vector(0)", (sample(1, queue="a", namespace="n"),)),
        ("sum(m{§}) or vector(0)", (sample(0), sample(1, queue="a"))),
    ],
)
def test_an_answer_that_cannot_be_is_refused(query, series):
    with pytest.raises(UpstreamError):
        split(shape(query), Answer(series), [("a", "n")])


words = st.sampled_from(["a", "a.b", "axb", "ab", "b"])
worlds = st.dictionaries(
    st.builds(lambda q, n, p: labels(queue=q, namespace=n, pod=p), words, words, words),
    st.integers(-1000, 1000),
    max_size=20,
)


@given(
    worlds,
    st.lists(st.tuples(words, words), min_size=1, max_size=6, unique=True),
    st.sampled_from(["m{§}", "sum(m{§})", "sum by (pod) (m{§})", "max by (queue) (m{§})"]),
)
def test_split_is_asking_alone(series, asked, query):
    data = Evaluated(series)

    def answer(promql: str) -> Answer:
        found = evaluate(promql_parser.parse(promql), data)
        return Answer(tuple(Sample(dict(one), AT, milli) for one, milli in found.items()))

    found = split(shape(query), answer(shape(query).promql(asked)), asked)
    for queue, namespace in asked:
        alone = answer(query.replace("§", f'queue="{queue}",namespace="{namespace}"'))
        assert found[queue, namespace] == alone
