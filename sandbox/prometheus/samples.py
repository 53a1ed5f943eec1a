"""Recent samples by series, and how Prometheus looks them up: lookback and stale markers."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from kube.vocab.times import Millis

LOOKBACK_MS: Final = 5 * 60 * 1000
RETENTION_MS: Final = 15 * 60 * 1000

Labels = tuple[tuple[str, str], ...]
"""Label names and values, sorted by name; `__name__` among them where a name is kept."""


def labels_of(pairs: Mapping[str, str]) -> Labels:
    """Canonical labels; an empty value is as good as no label."""
    return tuple(sorted((name, value) for name, value in pairs.items() if value))


class Series(Struct, kw_only=True):
    """One series: times ascending, and values; `None` marks that the series ended there."""

    labels: Labels
    pairs: dict[str, str]
    times: list[Millis]
    values: list[float | None]

    def at(self, time: Millis) -> float | None:
        """The value an instant selector sees at `time`; None where there is none."""
        index = bisect_right(self.times, time) - 1
        if index < 0 or self.times[index] < time - LOOKBACK_MS:
            return None
        return self.values[index]

    def between(self, start: Millis, end: Millis) -> list[tuple[Millis, float]]:
        """The samples from `start` to `end`, both included, stale markers left out."""
        low, high = bisect_right(self.times, start - 1), bisect_right(self.times, end)
        pairs = zip(self.times[low:high], self.values[low:high], strict=True)
        return [(time, value) for time, value in pairs if value is not None]


class Samples:
    """All series. Old samples go as new ones come."""

    def __init__(self) -> None:
        self._series: dict[Labels, Series] = {}

    def __iter__(self) -> Iterator[Series]:
        return iter(self._series.values())

    def append(self, labels: Labels, time: Millis, value: float | None) -> None:
        """Add a sample, or with None a stale marker. One not newer than the last is dropped."""
        series = self._series.get(labels)
        if series is None:
            if value is None:
                return
            series = Series(labels=labels, pairs=dict(labels), times=[], values=[])
            self._series[labels] = series
        if series.times and time <= series.times[-1]:
            return
        series.times.append(time)
        series.values.append(value)

    def replace(
        self, before: Iterable[Labels], now: Mapping[Labels, float], time: Millis
    ) -> frozenset[Labels]:
        """Write one source's samples of `time`; what it had `before` and has no more ends.

        Returns the labels to pass as `before` the next time.
        """
        for labels, value in now.items():
            self.append(labels, time, value)
        for labels in before:
            if labels not in now:
                self.append(labels, time, None)
        return frozenset(now)

    def forget_before(self, time: Millis) -> None:
        """Drop samples older than `time`, and the series that have none left."""
        for labels in list(self._series):
            series = self._series[labels]
            old = bisect_right(series.times, time)
            if old == len(series.times):
                del self._series[labels]
            elif old:
                del series.times[:old], series.values[:old]
