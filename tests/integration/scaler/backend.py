"""An external metrics API: an extension server behind the API server's real aggregation."""

import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from kube.vocab.selectors import parse_selector
from kube.vocab.times import SECOND, Clock, Millis, format_rfc3339
from sandbox.pki import KeyPair

SERVICE, NAMESPACE = "metrics", "monitoring"
GROUP = "external.metrics.k8s.io"
_ROOT = f"/apis/{GROUP}/v1beta1"

Steps = Sequence[tuple[float, float | str | None]]
"""A step function: from that second on, this value; None is no sample."""


class Series:
    """One series; `start` is second 0 of its steps, before which the first step holds."""

    def __init__(self, labels: dict[str, str], steps: Steps) -> None:
        self.labels = labels
        self.steps = steps
        self.start: Millis = 0
        self.age = 0
        """How old its samples are, in seconds."""

    def at(self, now: Millis) -> float | str | None:
        value = self.steps[0][1]
        for second, step in self.steps:
            # A sample of this very second is there already.
            if (now - self.start) / SECOND >= second - 0.001:
                value = step
        return value


class MetricsBackend:
    """Serves `series` by metric name. `answer` replaces what it says, for faults, unless it is None
    or says None.
    """

    def __init__(self, clock: Clock) -> None:
        self.series: dict[str, list[Series]] = {}
        self.answer: Callable[[web.Request], web.Response | None] | None = None
        self.asked: list[str] = []
        self.users: set[str] = set()
        self._clock = clock

    def show(self, metric: str, value: float | str | None, **labels: str) -> Series:
        """A constant series, in place of one with the same labels."""
        return self.follow(metric, [(0, value)], **labels)

    def follow(self, metric: str, steps: Steps, **labels: str) -> Series:
        """A series of steps, in place of one with the same labels."""
        kept = [one for one in self.series.get(metric, []) if one.labels != labels]
        series = Series(labels, steps)
        self.series[metric] = [*kept, series]
        return series

    @asynccontextmanager
    async def serving(self, pair: KeyPair, clients: str) -> AsyncIterator[int]:
        """Serve with `pair` to bearers of certificates from `clients`; yields the port."""
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
        tls.load_cert_chain(pair.certificate, pair.key)
        tls.verify_mode = ssl.CERT_REQUIRED
        app = web.Application()
        app.router.add_get(_ROOT, self._discovery)
        app.router.add_get(_ROOT + "/namespaces/{namespace}/{metric}", self._values)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    async def _discovery(self, _request: web.Request) -> web.Response:
        resources = [
            {"name": name, "namespaced": True, "kind": "ExternalMetricValueList", "verbs": ["get"]}
            for name in sorted(self.series)
        ]
        body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1beta1"}
        return web.json_response(body | {"resources": resources})

    async def _values(self, request: web.Request) -> web.Response:
        metric = request.match_info["metric"]
        self.asked.append(metric)
        self.users.add(request.headers["X-Remote-User"])
        answer = self.answer(request) if self.answer is not None else None
        if answer is not None:
            return answer
        if metric not in self.series:
            message = f"the server could not find the metric {metric} for namespaces"
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                      "reason": "NotFound", "message": message}  # fmt: skip
            return web.json_response(status, status=404)
        selector = parse_selector(request.query.get("labelSelector", ""))
        items = [
            self._item(metric, series)
            for series in self.series[metric]
            if selector.matches(series.labels) and series.at(self._clock.now()) is not None
        ]
        body = {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/v1beta1"}
        return web.json_response(body | {"metadata": {}, "items": items})

    def _item(self, metric: str, series: Series) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "metricName": metric,
            "metricLabels": series.labels,
            "timestamp": format_rfc3339(now - series.age * SECOND),
            "value": str(series.at(now)),
        }
