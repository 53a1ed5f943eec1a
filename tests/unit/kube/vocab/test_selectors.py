"""The label selector grammar, its messages, its canonical text and its matching."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube.vocab.selectors import (
    LabelSelector,
    Requirement,
    Selector,
    SelectorError,
    parse_selector,
    selector_of,
)


@pytest.mark.parametrize(
    ("text", "key", "operator", "values"),
    [
        ("a=b", "a", "=", ("b",)), ("a==b", "a", "==", ("b",)), ("a!=b", "a", "!=", ("b",)),
        ("a=", "a", "=", ("",)), ("a!=", "a", "!=", ("",)), ("a==", "a", "==", ("",)),
        ("a in (b)", "a", "in", ("b",)), ("a in (c,b)", "a", "in", ("b", "c")),
        ("a in(b)", "a", "in", ("b",)), ("a in (b,b)", "a", "in", ("b",)),
        ("a notin (b)", "a", "notin", ("b",)), ("a notin (b,c)", "a", "notin", ("b", "c")),
        ("a in ()", "a", "in", ("",)), ("a in (,)", "a", "in", ("",)),
        ("a in (b,)", "a", "in", ("", "b")), ("a in (,b)", "a", "in", ("", "b")),
        ("a notin ()", "a", "notin", ("",)), ("a", "a", "exists", ()), ("!a", "a", "!", ()),
        ("! a", "a", "!", ()), ("a>1", "a", "gt", ("1",)), ("a<1", "a", "lt", ("1",)),
        ("a > 05", "a", "gt", ("05",)), (" a\t=\r\nb ", "a", "=", ("b",)),
        ("app.kubernetes.io/name=foo", "app.kubernetes.io/name", "=", ("foo",)),
        ("in=a", "in", "=", ("a",)), ("a=in", "a", "=", ("in",)), ("in", "in", "exists", ()),
        ("in in (in)", "in", "in", ("in",)), ("notin notin (notin)", "notin", "notin", ("notin",)),
        ("gt=lt", "gt", "=", ("lt",)), ("A_b.c-9=x", "A_b.c-9", "=", ("x",)),
    ],
)  # fmt: skip
def test_one_requirement(text, key, operator, values):
    assert parse_selector(text).requirements == (Requirement(key, operator, values),)


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_nothing_selects_everything(text):
    selector = parse_selector(text)
    assert selector.empty
    assert selector.matches({})
    assert str(selector) == ""


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("c=d,a=b", "a=b,c=d"), ("a=b,a=c", "a=b,a=c"), ("a=c,a=b", "a=c,a=b"), ("a==b", "a==b"),
        ("a  in ( c , b )", "a in (b,c)"), ("a notin(b)", "a notin (b)"), ("! a", "!a"),
        ("b,!a,c != d", "!a,b,c!=d"), ("a in ()", "a in ()"), ("a>5", "a>5"),
    ],
)  # fmt: skip
def test_canonical_text(text, canonical):
    assert str(parse_selector(text)) == canonical


_OPERATORS = "in, notin, =, ==, !=, gt, lt"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b", f"unable to parse requirement: found 'b', expected: {_OPERATORS}"),
        ("a!b", f"unable to parse requirement: found '!', expected: {_OPERATORS}"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a in (b) c", "found 'c', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("(a)", "found '(', expected: !, identifier, or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!!a", "unable to parse requirement: found '!', expected: identifier"),
        ("a in", "unable to parse requirement: found '' expected: '('"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a===b", "unable to parse requirement: found '=', expected: identifier"),
        ("a!==b", "unable to parse requirement: found '=', expected: identifier"),
        ("a=(b)", "unable to parse requirement: found '(', expected: identifier"),
    ],
)  # fmt: skip
def test_syntax_errors(text, message):
    with pytest.raises(SelectorError) as caught:
        parse_selector(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a>1.5", "for 'Gt', 'Lt' operators, the value must be an integer"),
        ("a>x", "for 'Gt', 'Lt' operators, the value must be an integer"),
        ("a>-5", 'values[0][a]: Invalid value: "-5"'),
        ("a<", "for 'Gt', 'Lt' operators, the value must be an integer"),
        ("a=b/c", 'unable to parse requirement: values[0][a]: Invalid value: "b/c": a valid label'),
        ('a="b"', "values[0][a]: Invalid value"), ("a=-b", "values[0][a]: Invalid value"),
        ("a=b:c", "values[0][a]: Invalid value"), ("a=é", "values[0][a]: Invalid value"),
        ("a in (b,c#)", "[a]: Invalid value"), (f"a={'x' * 64}", "no more than 63 characters"),
        ("-a", 'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist'),
        ("__name__=up", 'Invalid value: "__name__": name part must consist of'),
        ("a_=b", "name part must consist of"), ("/a", "prefix part must be non-empty"),
        ("a/=b", "name part must be non-empty"), ("A/b", "lowercase DNS subdomain"),
        ("a/b/c", "prefix part"), (f"{'k' * 64}=v", "no more than 63 characters"),
        (f"{'p' * 254}/k=v", "at most 253 characters"), ("a;b=c", "name part must consist of"),
    ],
)  # fmt: skip
def test_validation_errors(text, part):
    with pytest.raises(SelectorError) as caught:
        parse_selector(text)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("a=b", {"a": "b"}, True), ("a=b", {"a": "c"}, False), ("a=b", {}, False),
        ("a!=b", {"a": "b"}, False), ("a!=b", {"a": "c"}, True), ("a!=b", {}, True),
        ("a=", {}, False), ("a=", {"a": ""}, True), ("a!=", {}, True), ("a!=", {"a": ""}, False),
        ("a in (b,c)", {"a": "c"}, True), ("a in (b,c)", {}, False), ("a in ()", {}, False),
        ("a in ()", {"a": ""}, True), ("a notin (b)", {}, True), ("a notin (b)", {"a": "b"}, False),
        ("a", {"a": ""}, True), ("a", {}, False), ("!a", {}, True), ("!a", {"a": ""}, False),
        ("a>1", {"a": "2"}, True), ("a>1", {"a": "1"}, False), ("a>1", {"a": "x"}, False),
        ("a>1", {}, False), ("a<1", {"a": "-3"}, True), ("a<1", {"a": "10"}, False),
        ("a=b,c", {"a": "b"}, False), ("a=b,c", {"a": "b", "c": "d"}, True),
        ("a=b,a=c", {"a": "b"}, False),
    ],
)  # fmt: skip
def test_matching(text, labels, matches):
    assert parse_selector(text).matches(labels) is matches


def _wire(document: dict[str, object]) -> LabelSelector:
    return msgspec.convert(document, LabelSelector)


def test_object_form_becomes_text():
    selector = selector_of(
        _wire(
            {
                "matchLabels": {"z": "1", "b": ""},
                "matchExpressions": [
                    {"key": "a", "operator": "In", "values": ["y", "x"]},
                    {"key": "c", "operator": "NotIn", "values": ["x"]},
                    {"key": "d", "operator": "Exists"},
                    {"key": "e", "operator": "DoesNotExist", "values": []},
                ],
            }
        )
    )
    assert str(selector) == "a in (x,y),b=,c notin (x),d,!e,z=1"


def test_absent_and_empty_objects_select_everything():
    assert selector_of(None) == selector_of(_wire({})) == Selector()


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ({"key": "a", "operator": "Near"}, '"Near" is not a valid label selector operator'),
        ({"key": "a", "operator": "in", "values": ["b"]}, '"in" is not a valid label selector'),
        ({"key": "a", "operator": "In"}, "for 'in', 'notin' operators, values set"),
        ({"key": "a", "operator": "Exists", "values": ["b"]}, "must be empty"),
        ({"key": "-a", "operator": "Exists"}, "name part must consist of"),
        ({"key": "a", "operator": "In", "values": ["b c"]}, "Invalid value"),
    ],
)
def test_broken_object_forms(expression, part):
    with pytest.raises(SelectorError) as caught:
        selector_of(_wire({"matchExpressions": [expression]}))
    assert part in str(caught.value)


_words = st.from_regex(r"[a-z]([a-z0-9._-]{0,6}[a-z0-9])?", fullmatch=True)
_values = st.one_of(st.just(""), _words)
_requirements = st.one_of(
    st.builds(lambda k, o, v: f"{k}{o}{v}", _words, st.sampled_from(["=", "==", "!="]), _values),
    st.builds(
        lambda k, o, v: f"{k} {o} ({','.join(v)})",
        _words,
        st.sampled_from(["in", "notin"]),
        st.lists(_values, min_size=1, max_size=3),
    ),
    _words,
    _words.map("!{}".format),
)


@settings(max_examples=300)
@given(
    parts=st.lists(_requirements, max_size=4), labels=st.dictionaries(_words, _values, max_size=3)
)
def test_canonical_text_means_the_same(parts, labels):
    selector = parse_selector(",".join(parts))
    assert len(selector.requirements) == len(parts)
    again = parse_selector(str(selector))
    assert again == selector
    assert again.matches(labels) == selector.matches(labels)


@settings(max_examples=500)
@given(text=st.text(alphabet="ab in()=!,<>1-/ \tnot", max_size=14))
def test_any_text_is_a_selector_or_a_selector_error(text):
    try:
        selector = parse_selector(text)
    except SelectorError:
        return
    assert parse_selector(str(selector)) == selector
