"""Series as the shipped recording rules yield them, from what exporters say at that moment."""

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from kube.vocab.times import SECOND, Millis
from sandbox.demo.shipped import manifests_folder
from sandbox.prometheus.evaluate import evaluate, parse
from sandbox.prometheus.samples import Labels, Samples, labels_of
from tests.integration.scaler.backend import Series

Scrape = Mapping[Labels, float]
"""Everything that all exporters say."""


class Recorded(Series):
    """The value of `expression` over what `scrape` says, given seconds since the start."""

    def __init__(
        self, labels: dict[str, str], expression: str, scrape: Callable[[float], Scrape]
    ) -> None:
        super().__init__(labels, [])
        self._tree = parse(expression)
        self._scrape = scrape

    def at(self, now: Millis) -> float | None:
        samples = Samples()
        for labels, value in self._scrape((now - self.start) / SECOND).items():
            samples.append(labels, now, value)
        found = evaluate(self._tree, samples, now)
        assert not isinstance(found, float)
        assert len(found) <= 1
        return found[0].value if found else None


def sample(name: str, **labels: str) -> Labels:
    """The labels of one sample."""
    return labels_of({"__name__": name, **labels})


def shipped_rule(file: str, record: str, **labels: str) -> str:
    """The expression of a rule in `manifests/examples/recording-rules`."""
    path = manifests_folder() / "examples" / "recording-rules" / file
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    (found,) = [
        rule["expr"]
        for group in document["groups"]
        for rule in group["rules"]
        if rule.get("record") == record and labels.items() <= (rule.get("labels") or {}).items()
    ]
    return str(found)
