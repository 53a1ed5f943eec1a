"""What a demo must have shown: the promises that CI checks in its report."""

from collections.abc import Iterator
from typing import Final

from sandbox.demo.report import Report, Sample

METRIC_CONSUMER: Final = "forethought-kodo/kodo-x-metric"
OTHER_CONSUMER: Final = "forethought-kodo/kodo-x-queue-only"
ROUNDING: Final = 1.0
"""Times in Kubernetes objects are whole seconds."""
MISSING_ALLOWED: Final = 0.1


def problems(report: Report) -> list[str]:
    """One sentence for each promise that was not kept."""
    missing = [
        f"{key} is not in the report"
        for key in (METRIC_CONSUMER, OTHER_CONSUMER)
        if not report.autoscalers.get(key)
    ]
    return missing or [*_burst(report), *_steady(report), *_values(report), *_cycles(report)]


def _burst(report: Report) -> Iterator[str]:
    """The consumer that got the burst: up soon after its delay, down again later."""
    samples = report.autoscalers[METRIC_CONSUMER]
    moves = report.moves.get(METRIC_CONSUMER, [])
    up = next((move for move in moves if move.after > move.before), None)
    if up is None:
        yield f"{METRIC_CONSUMER} never scaled up (stayed at {samples[-1].replicas})"
        return
    allowed = report.upscale_delay + 2 * report.period + ROUNDING
    if up.out_since is None:
        yield f"{METRIC_CONSUMER} scaled up at {up.t:g} s although its value was not above"
    elif up.t - up.out_since > allowed:
        yield (
            f"{METRIC_CONSUMER} scaled up {up.t - up.out_since:g} s after its value went above; "
            f"a delay of {report.upscale_delay:g} s and two periods allow {allowed:g} s"
        )
    elif up.t - up.out_since < report.upscale_delay - ROUNDING:
        yield (
            f"{METRIC_CONSUMER} scaled up {up.t - up.out_since:g} s after its value went above, "
            f"within the delay of {report.upscale_delay:g} s"
        )
    top = max(move.after for move in moves)
    later = [move for move in moves if move.t > up.t and move.after < move.before]
    if not later or samples[-1].replicas >= top:
        yield f"{METRIC_CONSUMER} did not come down from {top} replicas"


def _steady(report: Report) -> Iterator[str]:
    """The other consumer, with the same pod labels: in its band all the time, never moved."""
    samples = report.autoscalers[OTHER_CONSUMER]
    counts = sorted({sample.replicas for sample in samples})
    if len(counts) > 1 or report.moves.get(OTHER_CONSUMER):
        yield f"{OTHER_CONSUMER} moved (replicas seen: {', '.join(map(str, counts))})"
    marks = report.marks.get(OTHER_CONSUMER)
    if marks is None:
        yield f"{OTHER_CONSUMER} has no watermarks in the report"
        return
    for sample in samples:
        if sample.value is None or not sample.ready:
            continue
        if not marks.low <= sample.value / sample.ready <= marks.high:
            yield (
                f"{OTHER_CONSUMER} left its band at {sample.t:g} s ({sample.value:g} for "
                f"{sample.ready} replicas), so that its standing still proves nothing"
            )
            return


def _values(report: Report) -> Iterator[str]:
    for key, samples in report.autoscalers.items():
        missing = sum(sample.value is None for sample in samples)
        if missing > MISSING_ALLOWED * len(samples):
            yield f"{key} had no value in {missing} of {len(samples)} cycles"


def _cycles(report: Report) -> Iterator[str]:
    """One sample per period, give or take what a slow machine loses."""
    expected = report.seconds / report.period
    if report.cycles < 0.8 * expected:
        yield (
            f"only {report.cycles} cycles in {report.seconds:g} s "
            f"with a period of {report.period:g} s"
        )
    for key, samples in report.autoscalers.items():
        if not _ascending(samples):
            yield f"{key}: the times of its samples do not ascend"


def _ascending(samples: list[Sample]) -> bool:
    times = [sample.t for sample in samples]
    return times == sorted(set(times))
