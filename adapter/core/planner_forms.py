"""The form of a query: its text with a placeholder for each label value that a request fixes.

Queries that one template renders for requests which differ in such values alone have one form.
"""

import re
import sys
from collections.abc import Callable
from typing import Final

from msgspec import structs

from adapter.core.promql import UnservableSelectorError
from adapter.core.question import Question
from adapter.core.template_tokens import TemplateError
from kube.vocab.selectors import Requirement, Selector

PLACEHOLDER: Final = re.compile(r"asked-([0-9]{1,4})-value", re.ASCII)
"""Reads like a label value, so that templates treat it as they treat the real ones."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9._/:@ -]+", re.ASCII)
"""Values that matchers have as they are. The empty one matches absence: it never varies."""


def with_form(
    question: Question,
    selector: Selector,
    namespace: str,
    render: Callable[[Selector, str], tuple[str, str]],
) -> Question:
    """`question` with its forms and values.

    `render(selector, namespace)` gives its `promql` and `times`. What depends on a value in another
    way than containing it has no form.
    """
    values: list[str] = []

    def placeholder(value: str) -> str:
        values.append(value)
        return f"asked-{len(values) - 1}-value"

    masked = Selector(
        tuple(
            Requirement(one.key, one.operator, (placeholder(one.values[0]),))
            if one.operator in ("=", "==") and _PLAIN.fullmatch(one.values[0])
            else one
            for one in selector.requirements
        )
    )
    somewhere = placeholder(namespace) if _PLAIN.fullmatch(namespace) else namespace
    try:
        form, times_form = render(masked, somewhere)
    except (TemplateError, UnservableSelectorError):
        return question
    fixed = _fixed(form, question.promql, values)
    if not fixed:
        return question
    if _fixed(times_form, question.times, values) != fixed:
        times_form = ""
    return structs.replace(
        question,
        # Many questions keep the same texts.
        form=sys.intern(form),
        times_form=sys.intern(times_form),
        values=tuple(fixed[number] for number in sorted(fixed)),
    )


def _fixed(form: str, text: str, values: list[str]) -> dict[int, str]:
    """Values by placeholder of `form`; none unless they turn it into exactly `text`."""
    if PLACEHOLDER.search(text):
        return {}
    fixed = {int(found): values[int(found)] for found in PLACEHOLDER.findall(form)}
    return fixed if PLACEHOLDER.sub(lambda found: fixed[int(found[1])], form) == text else {}
