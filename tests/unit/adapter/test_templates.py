"""Rule templates: what renders, what is refused and how it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.core.template_functions import Value, quoted
from adapter.core.template_tokens import TemplateError
from adapter.core.templates import compile_template

FIELDS = frozenset({"Series", "LabelMatchers", "LabelValuesByName", "GroupBy", "GroupBySlice"})
DATA: dict[str, Value] = {
    "Series": "m",
    "LabelMatchers": 'a="b"',
    "LabelValuesByName": {"b": "2|3", "a": "1"},
    "GroupBy": "",
    "GroupBySlice": ("x", "y"),
}


def render(text: str) -> str:
    return compile_template(text, FIELDS).render(DATA)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)", 'sum(m{a="b"}) by ()'),
        ('<<index .LabelValuesByName "b">>', "2|3"),
        ('<<index .LabelValuesByName "none">>', ""),
        ("<<index .GroupBySlice 1>>", "y"),
        ("<<range $k, $v := .LabelValuesByName>><<$k>>=<<$v>>;<<end>>", "a=1;b=2|3;"),
        ("<<range .GroupBySlice>><<.>><<$.Series>> <<end>>", "xm ym "),
        ("<<range $v := .GroupBySlice>><<$v>><<end>>", "xy"),
        ("<<range $i, $v := .GroupBySlice>><<$i>><<$v>><<end>>", "0x1y"),
        ("<<if .GroupBy>>x<<else>>y<<end>>", "y"),
        ("<<if .Series>>x<<end>>", "x"),
        ('<<if .GroupBy>>1<<else if eq .Series "m">>2<<else>>3<<end>>', "2"),
        ("<<if and .Series (not .GroupBy)>>x<<end>>", "x"),
        ('<<printf "%s:%q:%d:%v%%" .Series "a\\"b" 3 true>>', 'm:"a\\"b":3:true%'),
        ('<<.Series | printf "%s_total">>', "m_total"),
        ('<<(index .LabelValuesByName "a") | printf "<%s>">>', "<1>"),
        ('<<$x := index .LabelValuesByName "a">><<$x>><<$x>>', "11"),
        ("a <<- .Series ->> b", "amb"),
        ("a<</* why */>>b <<- /* trimmed */ ->> c", "abc"),
        ('<<`raw "text"`>>', 'raw "text"'),
        ("<<len .LabelValuesByName>>", "2"),
        ("<<range .LabelValuesByName>>x<<end>>", "xx"),
        ('<<if ne .Series "m">>x<<else>>y<<end>>', "y"),
        ("<<or .GroupBy .Series>>", "m"),
        ("<<.LabelValuesByName.a>><<.LabelValuesByName.none>>", "1"),
        ("<<$.LabelValuesByName.b>>", "2|3"),
        ('<<with .LabelValuesByName>><<.a>><<index . "b">><<end>>', "12|3"),
        ("<<with .Series>><<.>><<$.GroupBy>><<end>>", "m"),
        ("<<with .GroupBy>>x<<else>>y<<.Series>><<end>>", "ym"),
        ("<<with $x := .LabelValuesByName.a>><<$x>><<else>><<$x>>none<<end>>", "1"),
        ("<<if gt (len .LabelValuesByName) 1>>many<<else>>few<<end>>", "many"),
        ('<<if lt .Series "n">>x<<end>><<if le 1 1>>y<<end>><<if ge 0 1>>z<<end>>', "xy"),
        ("<<$x := 1>><<if .Series>><<$x := 2>><<$x>><<end>><<$x>>", "21"),
        ("<<$x := 1>><<if .Series>><<$x = 2>><<$x>><<end>><<$x>>", "22"),
        (
            '<<$sep := "">><<range $k, $v := .LabelValuesByName>><<$sep>><<$k>>="<<$v>>"'
            '<<$sep = ",">><<end>>',
            'a="1",b="2|3"',
        ),
        (
            "sum by (\n  <<- range $i, $l := .GroupBySlice ->> <<$l>>, <<- end ->>\n)",
            "sum by (x,y,)",
        ),
        ("plain {{not}} a >> template", "plain {{not}} a >> template"),
    ],
)
def test_what_renders(text, expected):
    assert render(text) == expected


def test_else_of_an_empty_loop():
    template = compile_template("<<range .GroupBySlice>>x<<else>>none<<end>>", FIELDS)
    assert template.render(DATA | {"GroupBySlice": ()}) == "none"


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("<<.Serie>>", "line 1, column 3", 'unknown field ".Serie"'),
        ("sum(\n  <<.Series>>{<<.Labels>>})", "line 2, column 17", 'unknown field ".Labels"'),
        ("<<if .Series>>x", "line 1, column 3", '"if" is never ended'),
        ("<<range .GroupBySlice>>x", "line 1, column 3", '"range" is never ended'),
        ("x<<end>>", "line 1, column 4", '"end" without a block'),
        ("<<if .Series>>a<<else>>b<<else>>c<<end>>", "line 1, column 27", 'a second "else"'),
        ("<<.Series", "line 1, column 1", "the action is never closed"),
        ('<<index .LabelValuesByName "a>>', "line 1, column 28", "unexpected character"),
        ("<<>>", "line 1, column 1", "the action is empty"),
        ("<<upper .Series>>", "line 1, column 3", 'unknown function "upper"'),
        ("<<block .Series>>x<<end>>", "line 1, column 3", '"block" is not supported'),
        ("<<with .Series>>x", "line 1, column 3", '"with" is never ended'),
        ("<<with .Series>><<.Series>><<end>>", "line 1, column 19", 'inside "range" and "with"'),
        ("<<with $x := .Series>><<end>><<$x>>", "line 1, column 32", 'unknown variable "$x"'),
        ("<<$x = 1>>", "line 1, column 3", 'unknown variable "$x"'),
        ("<<$x>>", "line 1, column 3", 'unknown variable "$x"'),
        ("<<if .Series>><<$x := .Series>><<end>><<$x>>", "line 1, column 41", "unknown variable"),
        ("<<range .GroupBySlice>><<.Series>><<end>>", "line 1, column 26", 'inside "range"'),
        ("<<.Series .GroupBy>>", "line 1, column 3", "a value is not a function"),
        ("<<(.Series>>", "line 1, column 3", "the parenthesis is never closed"),
        ("<<.Series | >>", "line 1, column 3", "a value is missing"),
        ("<<.Series ? 1>>", "line 1, column 11", "unexpected character '?'"),
        ("<<$>>", "line 1, column 3", '"$" alone has no text'),
    ],
)
def test_what_is_refused_with_its_position(text, position, problem):
    with pytest.raises(TemplateError) as caught:
        compile_template(text, FIELDS)
    said = str(caught.value)
    assert said.startswith(f"{position}: ")
    assert problem in said
    # Every refusal ends in a remedy.
    assert said.split("; ", 1)[1]


@pytest.mark.parametrize(
    "text",
    [
        "<<.LabelValuesByName>>",
        "<<index .GroupBySlice 7>>",
        "<<index .Series 1>>",
        '<<printf "%d" .Series>>',
        '<<printf "%s">>',
        '<<printf "%s" .Series .Series>>',
        '<<printf "%x" .Series>>',
        "<<range .Series>>x<<end>>",
        "<<.Series.name>>",
        "<<gt .Series 1>>",
        "<<lt 1>>",
    ],
)
def test_what_cannot_be_rendered(text):
    with pytest.raises(TemplateError):
        render(text)


@given(st.text().filter(lambda text: "<<" not in text))
def test_text_without_actions_is_itself(text):
    assert render(text) == text


# A "<" right before an action belongs to its delimiter: see the test after this one.
@given(st.text(), st.text().filter(lambda text: "<<" not in f"{text}<"))
def test_values_are_never_read_as_template(value, around):
    template = compile_template(f"{around}<<.Series>>{around}", FIELDS)
    assert template.render(DATA | {"Series": value}) == around + value + around


def test_the_leftmost_delimiter_opens_an_action_as_in_go():
    with pytest.raises(TemplateError, match="column 3: unexpected character '<'"):
        compile_template("<<<.Series>>", FIELDS)


@given(st.text())
def test_any_text_compiles_or_is_refused(text):
    try:
        compiled = compile_template(text, FIELDS)
    except TemplateError:
        return
    assert compiled.fields <= FIELDS


@given(st.text(alphabet='<>.-$|()/*` "SerisLabl:=endifrangelsewith\n', max_size=60))
def test_near_templates_compile_or_are_refused(text):
    try:
        compile_template(text, FIELDS).render(DATA)
    except TemplateError as error:
        remedy = error.remedy
    else:
        return
    assert remedy


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_quoting_is_undone_by_a_go_reader(text):
    # Go's escapes used here are a subset of Python's.
    body = quoted(text)
    assert "\n" not in body
    assert eval(body) == text
