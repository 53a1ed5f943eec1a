"""Queries about counters and histograms of the daemons."""

from typing import Final

from observability.grafana import Query

EVERY: Final = "[$__rate_interval]"


def quantiles(histogram: str, *by: str) -> tuple[Query, ...]:
    """Median and 99th percentile of a histogram."""
    group = ", ".join(("le", *by))
    name = "".join(f" {{{{{label}}}}}" for label in by)
    return tuple(
        Query(
            f"histogram_quantile({quantile}, sum by ({group}) (rate({histogram}_bucket{EVERY})))",
            f"{title}{name}",
        )
        for quantile, title in ((0.5, "median"), (0.99, "99 %"))
    )


def rates(counter: str, *by: str) -> Query:
    """How often per second, by labels."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return Query(f"sum by ({', '.join(by)}) (rate({counter}{EVERY}))", legend)


def rates_or_none(counter: str, *by: str) -> Query:
    """Where nothing ever happened there is no series: that is a rate of 0."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    none = f'label_replace(vector(0), "{by[-1]}", "none", "", "")'
    return Query(f"sum by ({', '.join(by)}) (rate({counter}{EVERY})) or {none}", legend)
