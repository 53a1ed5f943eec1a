"""Real sample times: the answer to a second query dates the samples of the first.

Prometheus dates every sample of an instant query with the evaluation time, which proves nothing
about its age (external-metrics-api E-8). Where a rule asks for the real times, a sample without one
is left out: unknown age must not look fresh (D16).
"""

from collections.abc import Mapping

from adapter.core.results import END_OF_TIME, Answer, LeftOut, Sample, UpstreamError

_Labels = frozenset[tuple[str, str]]


def dated(answer: Answer, times: Answer) -> Answer:
    """`answer` with the instants that `times` has as values, in epoch seconds.

    Series belong together by their labels apart from the name, which functions such as
    `timestamp()` drop; the oldest of several times counts. A single time without labels dates all
    series. No sample is dated later than its evaluation: a clock ahead must not make it fresher.
    Raises UpstreamError for values that are no instants.
    """
    instants = _instants(times)
    everybodys = instants.get(frozenset()) if len(instants) == 1 and not times.left_out else None
    samples: list[Sample] = []
    left_out = list(answer.left_out)
    for one in answer.samples:
        at = instants.get(_identity(one.labels), everybodys)
        if at is None:
            left_out.append(LeftOut(one.labels, "undated"))
        else:
            samples.append(Sample(one.labels, min(at, one.at), one.milli))
    return Answer(tuple(samples), tuple(left_out), answer.warnings + times.warnings)


def _instants(times: Answer) -> dict[_Labels, int]:
    found: dict[_Labels, int] = {}
    for one in times.samples:
        if not 0 <= one.milli < END_OF_TIME * 1000:
            raise UpstreamError("bad response", f"{one.milli / 1000} is not a sample time")
        key = _identity(one.labels)
        found[key] = min(one.milli, found.get(key, one.milli))
    return found


def _identity(labels: Mapping[str, str]) -> _Labels:
    return frozenset(pair for pair in labels.items() if pair[0] != "__name__")
