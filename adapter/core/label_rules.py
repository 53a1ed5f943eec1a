"""From the keys and values of a label selector to Prometheus labels and their values.

Kubernetes and Prometheus allow different texts in both. Sources: external-metrics-api E-5
(`labelKeys`), E-6 (`params`).
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from adapter.core.file_format import Parameter
from adapter.core.problems import RuleError
from adapter.core.promql import UnservableSelectorError, is_label_name
from kube.vocab.selectors import Requirement, Selector

_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9_]|^[0-9]", re.ASCII)


class LabelRules(Struct, frozen=True):
    """How one rule reads selectors."""

    keys: Literal["error", "quote", "sanitize"] = "error"
    parameters: Mapping[str, Parameter] = {}

    @property
    def quoted(self) -> bool:
        """Whether keys that are no label names are sent quoted, as Prometheus 3 reads them."""
        return self.keys == "quote"

    def applied(self, selector: Selector) -> Selector:
        """`selector` in Prometheus' terms. Raises UnservableSelectorError."""
        if not self.parameters and self.keys != "sanitize":
            return selector
        return Selector(tuple(map(self._requirement, selector.requirements)))

    def _requirement(self, given: Requirement) -> Requirement:
        parameter = self.parameters.get(given.key)
        if parameter is None:
            if self.keys != "sanitize" or is_label_name(given.key):
                return given
            return Requirement(_NOT_ALLOWED.sub("_", given.key), given.operator, given.values)
        values = given.values
        if parameter.values is not None:
            values = tuple(_meaning(given.key, parameter.values, one) for one in values)
        return Requirement(parameter.label or given.key, given.operator, values)


def label_rules(
    keys: Literal["error", "quote", "sanitize"], params: Mapping[str, Parameter]
) -> LabelRules:
    """Check how a rule reads selectors. Raises RuleError."""
    for name, parameter in params.items():
        if not is_label_name(parameter.label or name):
            raise RuleError(
                f'"{parameter.label or name}" is not a Prometheus label name; name one in "label"',
                *("params", name),
            )
        if parameter.values is not None and not parameter.values:
            raise RuleError(
                "no value is listed, so nothing could be selected; list values or remove the key",
                *("params", name, "values"),
            )
    return LabelRules(keys, dict(params))


def _meaning(key: str, values: Mapping[str, str], given: str) -> str:
    meaning = values.get(given)
    if meaning is None:
        known = ", ".join(sorted(values))
        raise UnservableSelectorError(f'"{given}" is not a value of "{key}": it takes {known}')
    return meaning
