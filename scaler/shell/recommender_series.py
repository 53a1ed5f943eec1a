"""`http_client_*`: calls to recommenders, with upstream's names and labels (wpa-behaviour §20)."""

from typing import Final

from cachetools import LRUCache
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

MOST_CLIENTS: Final = 10_000
"""Addresses with series; those that nobody asked for longest lose theirs."""


class RecommenderCalls:
    """Counts each HTTP request by its address, without user and password; a redirect is another."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ["client", "method", "code"]
        self._seconds = Histogram(
            "http_client_request_duration_seconds",
            "Time to the answer of a recommender.",
            labels,
            buckets=(0.1, 0.3, 0.6, 1, 3, 6, 9, 20),
            registry=registry,
        )
        self._requests = Counter(
            "http_client_requests_total",
            "Answered requests to recommenders.",
            labels,
            registry=registry,
        )
        self._errors = Counter(
            "http_client_requests_errors_total",
            "Requests to recommenders that got no answer.",
            ["client"],
            registry=registry,
        )
        self._inflight = Gauge(
            "http_client_requests_inflight",
            "Requests to recommenders that wait for their answer.",
            ["client"],
            registry=registry,
        )

        self._clients: LRUCache[str, None] = LRUCache(MOST_CLIENTS + 1)

    def started(self, client: str) -> None:
        """A request is on its way."""
        self._clients[client] = None
        if len(self._clients) > MOST_CLIENTS:
            self._forget(self._clients.popitem()[0])
        self._inflight.labels(client).inc()

    def answered(self, client: str, method: str, code: int, seconds: float) -> None:
        """It was answered."""
        self._inflight.labels(client).dec()
        self._seconds.labels(client, method.lower(), str(code)).observe(seconds)
        self._requests.labels(client, method.lower(), str(code)).inc()

    def _forget(self, client: str) -> None:
        for series in (self._seconds, self._requests, self._errors, self._inflight):
            series.remove_by_labels({"client": client})

    def failed(self, client: str) -> None:
        """It got no answer."""
        self._inflight.labels(client).dec()
        self._errors.labels(client).inc()
