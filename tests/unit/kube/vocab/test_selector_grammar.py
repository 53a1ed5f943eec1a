"""The parser accepts the grammar of external-metrics-api §3, all of it and nothing else.

The grammar stands here once more: productions over words as a regular expression, and what a word
may be as key, value and number.
"""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kube.vocab.selectors import SelectorError, parse_selector

# Possessive: words and blanks are as long as they can be, and are never tried shorter.
_BLANK = r"[ \t\r\n]*+"
_WORD = r"[^ \t\r\n(),!=<>]++"
_SET = rf"\({_BLANK}(?:{_WORD})?+{_BLANK}(?:,{_BLANK}(?:{_WORD})?+{_BLANK})*+\)"
_REQUIREMENT = re.compile(
    rf"(?P<absent>!){_BLANK}(?P<key1>{_WORD})"
    rf"|(?P<key>{_WORD}){_BLANK}(?:"
    rf"(?:in|notin)(?![^ \t\r\n(),!=<>]){_BLANK}(?P<set>{_SET})"
    rf"|(?:==|=|!=){_BLANK}(?P<value>(?:{_WORD})?+)"
    rf"|[<>]{_BLANK}(?P<number>{_WORD}))?"
)
_BLANKS = re.compile(_BLANK)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)
_PART = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)


def is_key(word: str) -> bool:
    prefix, slash, name = word.rpartition("/")
    parts = prefix.split(".") if slash else []
    return (
        _NAME.fullmatch(name) is not None
        and len(prefix) <= 253
        and all(_PART.fullmatch(part) for part in parts)
    )


def is_value(word: str) -> bool:
    return word == "" or _NAME.fullmatch(word) is not None


def is_selector(text: str) -> bool:
    """Whether the grammar makes `text`."""
    position = _skip(text, 0)
    if position == len(text):
        return True
    while True:
        found = _REQUIREMENT.match(text, position)
        if found is None or not _is_valid(found):
            return False
        position = _skip(text, found.end())
        if position == len(text):
            return True
        if text[position] != ",":
            return False
        position = _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    found = _BLANKS.match(text, position)
    assert found is not None
    return found.end()


def _is_valid(found: re.Match[str]) -> bool:
    if not is_key(found["key1"] or found["key"]):
        return False
    values = [one.strip(" \t\r\n") for one in (found["set"] or "()")[1:-1].split(",")]
    number = found["number"]
    return all(map(is_value, [*values, found["value"] or ""])) and (
        number is None or re.fullmatch(r"[0-9]{1,19}", number, re.ASCII) is not None
    )


_WORDS = [
    "a",
    "b.c",
    "in",
    "notin",
    "x.y/z",
    "X/y",
    "-a",
    "a-",
    "é",
    '"',
    "_",
    "1",
    "99",
    "/",
    "a/",
]
_SIGNS = ["=", "==", "!=", "!", "(", ")", ",", "<", ">", " ", "\t", " in (", ") ", "a=b", "a in (b"]
_texts = st.lists(st.sampled_from([*_WORDS, *_SIGNS]), max_size=8).map("".join)

_key = st.sampled_from(["a", "b.c", "in", "notin", "x.y/z", "A_1"])
_value = st.sampled_from(["", "a", "b.c", "in", "A_1-z", "x" * 63])
_blank = st.sampled_from(["", " ", "\t", "\r\n "])
_requirement = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["", "!", "! "]), _key),
    st.tuples(_key, _blank, st.sampled_from(["=", "==", "!="]), _blank, _value).map("".join),
    st.tuples(_key, _blank, st.sampled_from("<>"), _blank, st.sampled_from(["0", "05", "9"])).map(
        "".join
    ),
    st.builds(
        lambda key, operator, blank, values: f"{key} {operator}{blank}({','.join(values)})",
        _key,
        st.sampled_from(["in", "notin"]),
        _blank,
        st.lists(_value, min_size=1, max_size=3),
    ),
)


def accepted(text: str) -> bool:
    try:
        parse_selector(text)
    except SelectorError:
        return False
    return True


@settings(max_examples=2000)
@given(text=_texts | st.text(max_size=10))
@example("a= =b")
@example("a\u00a0=b")
@example("a=b\x0b")
@example("a=b\n")
@example("a>05")
@example("a in (,)")
@example("a in ( b , )")
@example("a in (b c)")
@example(f"a={'x' * 64}")
@example(f"{'p' * 254}/a")
def test_a_selector_is_what_the_grammar_says(text):
    assert accepted(text) == is_selector(text)


@settings(max_examples=500)
@given(parts=st.lists(_requirement, max_size=4), blank=_blank)
def test_whatever_the_grammar_makes_is_accepted_and_means_itself(parts, blank):
    text = f"{blank},{blank}".join(parts)
    assert is_selector(text)
    selector = parse_selector(text)
    assert parse_selector(str(selector)) == selector
    assert is_selector(str(selector))
