"""CPU usage of a scenario's pods: `metrics.k8s.io` behind the API server's real aggregation.

A demand in cores is spread evenly over the pods that serve, each of which can use so much and no
more.
"""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from kube.vocab.selectors import parse_selector
from kube.vocab.times import format_rfc3339
from sandbox.apiserver.kinds.resources import APISERVICES, PODS
from tests.integration.scaler import backend
from tests.integration.scaler.backend import Series
from tests.integration.scaler.world import World
from tests.scenarios.kubelet import is_serving

GROUP = "metrics.k8s.io"
VERSION = f"{GROUP}/v1beta1"
_ROOT = f"/apis/{VERSION}"


class PodMetrics:
    """Answers for the pods in the store of `world`."""

    def __init__(self, world: World, demand: Series, limit: float) -> None:
        """`demand` in cores for all pods together, `limit` in cores for each."""
        self._world = world
        self._demand = demand
        self._limit = limit

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve as an extension of the world's API server."""
        pki = self._world.cluster.pki
        pair = pki.serving_pair(backend.SERVICE, backend.NAMESPACE)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(pki.front_proxy_ca))
        tls.load_cert_chain(pair.certificate, pair.key)
        tls.verify_mode = ssl.CERT_REQUIRED
        app = web.Application()
        app.router.add_get(_ROOT, self._discovery)
        app.router.add_get(_ROOT + "/namespaces/{namespace}/pods", self._pods)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            await self._register(int(runner.addresses[0][1]))
            yield
        finally:
            await runner.cleanup()

    async def _register(self, port: int) -> None:
        store, name = self._world.store, f"v1beta1.{GROUP}"
        spec = {
            "group": GROUP,
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "caBundle": base64.b64encode(self._world.cluster.pki.ca_pem).decode(),
            "service": {"name": backend.SERVICE, "namespace": backend.NAMESPACE, "port": port},
        }
        store.create(APISERVICES, "", {"metadata": {"name": name}, "spec": spec})

        def lives() -> bool:
            found = store.get(APISERVICES, "", name).get("status", {}).get("conditions", [])
            return any(one["type"] == "Available" and one["status"] == "True" for one in found)

        await self._world.eventually(lives)

    async def _discovery(self, _request: web.Request) -> web.Response:
        pods = {"name": "pods", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}
        body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION}
        return web.json_response(body | {"resources": [pods]})

    async def _pods(self, request: web.Request) -> web.Response:
        store, namespace = self._world.store, request.match_info["namespace"]
        selector = parse_selector(request.query.get("labelSelector", ""))
        serving = [pod for pod in store.view(PODS, namespace) if is_serving(pod)]
        items = [
            self._item(pod, len(serving))
            for pod in serving
            if selector.matches(pod["metadata"]["labels"])
        ]
        body = {"kind": "PodMetricsList", "apiVersion": VERSION, "metadata": {}, "items": items}
        return web.json_response(body)

    def _item(self, pod: dict[str, Any], serving: int) -> dict[str, Any]:
        now = self._world.clock.now()
        demand = self._demand.at(now)
        assert isinstance(demand, int | float)
        nanocores = int(min(self._limit, demand / serving) * 1e9)
        meta = {key: pod["metadata"][key] for key in ("name", "namespace", "labels")}
        return {
            "kind": "PodMetrics",
            "apiVersion": VERSION,
            "metadata": meta,
            "timestamp": format_rfc3339(now),
            "window": "15s",
            "containers": [{"name": "main", "usage": {"cpu": f"{nanocores}n", "memory": "64Mi"}}],
        }
