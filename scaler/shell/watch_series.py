"""The list-watches of autoscalers as series (V-14)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from kube.client.reflector_stats import ReflectorStats
from kube.vocab.times import SECOND
from scaler.core.own_gauges import PROGRAM

LABEL: Final = "watched_namespace"
"""Empty where one watch is on all namespaces."""


def watch_families(watches: Mapping[str, ReflectorStats]) -> Iterator[Metric]:
    """The families as of now; `watches` by namespace."""
    relists = CounterMetricFamily(
        f"{PROGRAM}_relists", "Lists that had to be made again, by reason.", labels=["reason"]
    )
    counts: Counter[str] = Counter()
    for stats in watches.values():
        counts.update(stats.relists)
    for reason, count in counts.items():
        relists.add_metric([reason], count)
    yield relists
    restarts = CounterMetricFamily(
        f"{PROGRAM}_watch_restarts",
        "Watches on autoscalers that ended without an error and went on from where they were.",
        labels=[LABEL],
    )
    heard = GaugeMetricFamily(
        f"{PROGRAM}_watch_heard_timestamp_seconds",
        "When the API server last said anything about autoscalers: a list, a change, a bookmark.",
        labels=[LABEL],
    )
    version = GaugeMetricFamily(
        f"{PROGRAM}_watch_resource_version",
        "The resourceVersion up to which autoscalers are known; it falls where the API server's "
        "storage was exchanged.",
        labels=[LABEL],
    )
    for namespace, stats in watches.items():
        restarts.add_metric([namespace], stats.watch_restarts)
        if stats.heard_at is not None:
            heard.add_metric([namespace], stats.heard_at / SECOND)
        if stats.version.isdecimal():
            version.add_metric([namespace], int(stats.version))
    yield from (restarts, heard, version)
