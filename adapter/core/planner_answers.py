"""One answer to many questions, split into what each would have got alone."""

from collections.abc import Collection, Mapping

from adapter.core.planner_shape import Guard, Shape, Values
from adapter.core.results import Answer, LeftOut, Sample, UpstreamError

_Series = Sample | LeftOut


def split(shape: Shape, answer: Answer, asked: Collection[Values]) -> Mapping[Values, Answer]:
    """The answer of each of `asked`. Warnings of the whole count for each.

    Raises UpstreamError for series that this query cannot have.
    """
    own: dict[Values, list[_Series]] = {values: [] for values in asked}
    constants: list[_Series] = []
    received: list[_Series] = [*answer.samples, *answer.left_out]
    for series in received:
        values = shape.values_of(series.labels)
        if values is not None:
            # Patterns of several labels also select combinations that nobody asked for.
            if values in own:
                own[values].append(_with_labels(series, shape.shown(series.labels)))
        elif shape.guard and not series.labels:
            constants.append(series)
        else:
            raise UpstreamError("bad response", "a series without the labels it was grouped by")
    if shape.guard and not constants:
        raise UpstreamError("bad response", "a constant is missing")
    return {
        values: _answer(
            [*series, *(constants if _lets_pass(shape.guard, series) else ())], answer.warnings
        )
        for values, series in own.items()
    }


def _lets_pass(guard: Guard, series: list[_Series]) -> bool:
    if guard == "unlabelled":
        # Series are compared without their names.
        return all(one.labels.keys() - {"__name__"} for one in series)
    return not series


def _with_labels(series: _Series, labels: dict[str, str]) -> _Series:
    if labels == series.labels:
        return series
    if isinstance(series, Sample):
        return Sample(labels, series.at, series.milli)
    return LeftOut(labels, series.why)


def _answer(series: list[_Series], warnings: int) -> Answer:
    return Answer(
        tuple(one for one in series if isinstance(one, Sample)),
        tuple(one for one in series if isinstance(one, LeftOut)),
        warnings,
    )
