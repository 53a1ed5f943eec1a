"""An external metrics API behind the real aggregator, with the values that a test sets.

It takes the group's only APIService, and puts back whatever was there before.
"""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web
from msgspec import Struct

from kube.vocab.selectors import parse_selector
from kube.vocab.times import SECOND, SystemClock, format_rfc3339
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.rest import Refused
from tests.controlplane.serving import Serving
from tests.controlplane.waiting import eventually

GROUP: Final = "external.metrics.k8s.io"
API_VERSION: Final = f"{GROUP}/v1beta1"
API_SERVICE: Final = f"v1beta1.{GROUP}"
SERVICE: Final = "external-metrics"
NAMESPACE: Final = "kube-system"
_SERVICES: Final = "/apis/apiregistration.k8s.io/v1/apiservices"
HELD_AT_MOST: Final = 20.0

Json = dict[str, Any]
Name = tuple[str, str]
"""Namespace and metric."""


class Series(Struct, frozen=True):
    """One series: its labels, its value as a quantity, the age of its samples in seconds."""

    labels: dict[str, str]
    value: str
    age: int


class ExternalMetrics:
    """The server, on a thread and a loop of its own. Metrics are known per namespace."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._rest = cluster.rest
        self._clock = SystemClock()
        self._lock = Lock()
        self._series: dict[Name, list[Series]] = {}
        self._broken: set[str] = set()
        self._gates: dict[Name, tuple[Event, Event]] = {}
        self._asked: dict[Name, int] = {}
        self._before: Json | None = None
        names = (f"{SERVICE}.{NAMESPACE}.svc", "localhost")
        pair = cluster.pki.cluster.serving(cluster.pki.folder / SERVICE, *names)
        self._authority = cluster.pki.cluster.pem
        self._serving = Serving(self._application(), pair)

    def set(self, namespace: str, metric: str, value: float | str, **labels: str) -> None:
        """From now on the series of these labels has this value, in samples of now."""
        self.set_aged(namespace, metric, value, 0, **labels)

    def set_aged(
        self, namespace: str, metric: str, value: float | str, age: int, **labels: str
    ) -> None:
        """The same in samples that are `age` seconds old."""
        with self._lock:
            others = [s for s in self._series.get((namespace, metric), []) if s.labels != labels]
            self._series[namespace, metric] = [*others, Series(labels, str(value), age)]

    def remove(self, namespace: str, metric: str) -> None:
        """The metric is unknown in this namespace from now on."""
        with self._lock:
            del self._series[namespace, metric]

    @contextmanager
    def broken(self, namespace: str) -> Iterator[None]:
        """Meanwhile every question about this namespace fails."""
        self._broken.add(namespace)
        try:
            yield
        finally:
            self._broken.discard(namespace)

    @contextmanager
    def held(self, namespace: str, metric: str) -> Iterator[None]:
        """Wait for somebody to ask; who asks gets the values there are when the context ends."""
        asked, release = Event(), Event()
        with self._lock:
            self._gates[namespace, metric] = asked, release
        try:
            assert asked.wait(HELD_AT_MOST), f"nobody asked for {metric}"
            yield
        finally:
            with self._lock:
                del self._gates[namespace, metric]
            release.set()

    def asked(self, namespace: str, metric: str) -> int:
        """How often the metric was asked for."""
        return self._asked.get((namespace, metric), 0)

    def __enter__(self) -> Self:
        self._serving.start()
        self._before = self._registered()
        self._provide_service()
        self._register(self._own())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rest.delete(f"{_SERVICES}/{API_SERVICE}")
        if self._before is not None:
            self._rest.post(_SERVICES, _as_new(self._before))
        self._serving.stop()

    def _registered(self) -> Json | None:
        try:
            found: Json = self._rest.get(f"{_SERVICES}/{API_SERVICE}")
        except Refused as error:
            if error.code != 404:
                raise
            return None
        return found

    def _provide_service(self) -> None:
        service = {
            "metadata": {"name": SERVICE},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        }
        try:
            self._rest.post(f"/api/v1/namespaces/{NAMESPACE}/services", service)
        except Refused as error:
            if error.code != 409:
                raise

    def _own(self) -> Json:
        return {
            "metadata": {"name": API_SERVICE},
            "spec": {
                "group": GROUP,
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": base64.b64encode(self._authority).decode(),
                "service": {"name": SERVICE, "namespace": NAMESPACE, "port": self._serving.port},
            },
        }

    def _register(self, api_service: Json) -> None:
        if self._before is not None:
            self._rest.delete(f"{_SERVICES}/{API_SERVICE}")
        self._rest.post(_SERVICES, api_service)
        eventually(self._registered, lambda found: found is not None and _available(found))

    def _application(self) -> web.Application:
        app = web.Application()
        root = f"/apis/{API_VERSION}"
        app.router.add_get("/openapi/v2", self._openapi_v2)
        app.router.add_get("/openapi/v3", self._openapi_v3)
        app.router.add_get(root, self._resources)
        app.router.add_get(f"{root}/namespaces/{{namespace}}/{{metric}}", self._values)
        return app

    async def _openapi_v2(self, _: web.Request) -> web.Response:
        # Describes nothing; without an answer the API server's log fills with errors.
        info = {"title": SERVICE, "version": "v1beta1"}
        return web.json_response({"swagger": "2.0", "info": info, "paths": {}})

    async def _openapi_v3(self, _: web.Request) -> web.Response:
        return web.json_response({"paths": {}})

    async def _resources(self, _: web.Request) -> web.Response:
        # Nothing is listed here, as where an adapter has too many metrics to tell.
        body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": API_VERSION}
        return web.json_response(body | {"resources": []})

    async def _values(self, request: web.Request) -> web.Response:
        namespace, metric = request.match_info["namespace"], request.match_info["metric"]
        name = (namespace, metric)
        with self._lock:
            self._asked[name] = self._asked.get(name, 0) + 1
            gate = self._gates.get(name)
        if gate is not None:
            asked, release = gate
            asked.set()
            await asyncio.to_thread(release.wait, HELD_AT_MOST)
        if namespace in self._broken:
            return _failure(500, "InternalError", "the metrics store is out of order")
        with self._lock:
            series = self._series.get(name)
        if series is None:
            return _failure(404, "NotFound", f"no metric {metric} in namespace {namespace}")
        selector = parse_selector(request.query.get("labelSelector", ""))
        now = self._clock.now()
        items = [
            {
                "metricName": metric,
                "metricLabels": one.labels,
                "timestamp": format_rfc3339(now - one.age * SECOND),
                "value": one.value,
            }
            for one in series
            if selector.matches(one.labels)
        ]
        body = {"kind": "ExternalMetricValueList", "apiVersion": API_VERSION, "metadata": {}}
        return web.json_response(body | {"items": items})


def _available(api_service: Json) -> bool:
    conditions = api_service.get("status", {}).get("conditions", [])
    return any(one["type"] == "Available" and one["status"] == "True" for one in conditions)


def _as_new(api_service: Json) -> Json:
    """What to create again of an object that was deleted."""
    meta = api_service["metadata"]
    kept = {key: meta[key] for key in ("name", "labels", "annotations") if key in meta}
    return {"metadata": kept, "spec": api_service["spec"]}


def _failure(code: int, reason: str, message: str) -> web.Response:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }
    return web.json_response(status, status=code)
