"""What an expression evaluates to, and the ways it can fail."""

from collections.abc import Iterable

from msgspec import Struct

from sandbox.prometheus.samples import Labels, labels_of

NAME = "__name__"


class EvaluationError(Exception):
    """An expression without an answer; becomes an error of type "execution"."""


class Unsupported(EvaluationError):
    """Correct PromQL that the stand-in does not evaluate."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: not supported by the sandbox's stand-in for Prometheus; "
            "install the real prometheus and start the demo again"
        )


class Element(Struct, frozen=True):
    """One series of an instant vector."""

    labels: dict[str, str]
    value: float

    @property
    def key(self) -> Labels:
        """Its labels as something to compare and hash."""
        return labels_of(self.labels)

    def without_name(self, value: float) -> "Element":
        """The same series, no longer of that metric, with another value."""
        return Element({k: v for k, v in self.labels.items() if k != NAME}, value)


Vector = list[Element]
Value = float | Vector


def distinct(vector: Vector) -> Vector:
    """`vector`, or EvaluationError when two elements have the same labels."""
    if len({element.key for element in vector}) != len(vector):
        raise EvaluationError("vector cannot contain metrics with the same labelset")
    return vector


def group_key(labels: dict[str, str], names: Iterable[str], *, include: bool) -> Labels:
    """The labels that decide a group: those in `names`, or all but those and the metric name."""
    wanted = set(names)
    if include:
        return labels_of({k: v for k, v in labels.items() if k in wanted})
    return labels_of({k: v for k, v in labels.items() if k not in wanted and k != NAME})
