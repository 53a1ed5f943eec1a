"""Recording rules of the stand-in."""

from collections.abc import Iterable

from kube.vocab.times import Millis
from sandbox.prometheus.configuration import ReadyRule
from sandbox.prometheus.evaluate import evaluate
from sandbox.prometheus.samples import Labels, Samples, labels_of
from sandbox.prometheus.values import NAME, EvaluationError, Value


class Recorder:
    """Evaluates rules in order and writes their results as series.

    A series that a rule no longer yields ends with a stale marker: a guard such as
    `and on () (count(up == 1) == 3)` must make the recorded value vanish at once.
    """

    def __init__(self, rules: Iterable[ReadyRule], samples: Samples) -> None:
        self._rules = list(rules)
        self._samples = samples
        self._seen: dict[int, frozenset[Labels]] = {}
        self.errors: dict[str, str] = {}

    def evaluate(self, now: Millis) -> None:
        """Evaluate all rules at `now`. A rule that fails keeps its last samples and is named in
        `errors` until it works again.
        """
        for index, ready in enumerate(self._rules):
            rule = ready.rule
            try:
                value = evaluate(ready.tree, self._samples, now)
                results = _recorded(value, rule.record, rule.labels)
            except EvaluationError as error:
                self.errors[rule.record] = str(error)
                continue
            self.errors.pop(rule.record, None)
            before = self._seen.get(index, frozenset())
            self._seen[index] = self._samples.replace(before, results, now)


def _recorded(value: Value, record: str, labels: dict[str, str]) -> dict[Labels, float]:
    if isinstance(value, float):
        return {labels_of({**labels, NAME: record}): value}
    results: dict[Labels, float] = {}
    for element in value:
        key = labels_of({**element.labels, **labels, NAME: record})
        if key in results:
            raise EvaluationError(f"{record}: vector contains metrics with the same labelset")
        results[key] = element.value
    return results
