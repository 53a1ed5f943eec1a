"""A lean API server in a process of its own, over TLS: just what a scaler asks of one.

Run by `bench.footprint`. It writes a kubeconfig and prints its address once it listens. `/bench`
tells what was asked since the last time, and when each object's evaluation reached it; a POST to it
plays a restart of the API server that leaves nothing of the watches.
"""

import asyncio
import ssl
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import trustme
import yaml
from aiohttp import web

from bench.footprint import fleet
from bench.footprint.fleet import Fleet, Json
from kube.service.runtime import new_loop
from kube.vocab.times import Clock, SystemClock, format_rfc3339

_WPAS = "/apis/datadoghq.com/v1alpha1"
_WPA = f"{_WPAS}/namespaces/{{ns}}/watermarkpodautoscalers/{{name}}"
_APPS = "/apis/apps/v1"
_EXPIRED = b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n'
_RESOURCES = ("deployments", "Deployment"), ("replicasets", "ReplicaSet")


class Server:
    """The played cluster, and what was asked of it. The clock is that of the metrics' samples."""

    def __init__(self, size: Fleet, clock: Clock) -> None:
        self.size = size
        self.asked: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.reached: dict[str, list[float]] = {}
        self._version = 1000
        self._statuses: dict[tuple[str, str], Json] = {}
        self._watchers: list[asyncio.Queue[bytes]] = []
        self._chance = Random(0)
        self._clock = clock
        self._pods = msgspec.json.encode(
            {
                "kind": "PodList",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": "1"},
                "items": [fleet.pod(("@namespace@", "@name@"), n) for n in range(size.pods)],
            }
        )

    def app(self) -> web.Application:
        """The HTTP side."""
        app = web.Application(middlewares=[self._count])
        scales = f"{_APPS}/namespaces/{{ns}}/deployments/{{name}}/scale"
        metrics = "/apis/external.metrics.k8s.io/v1beta1/namespaces/{ns}/{name}"
        hpas = "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers"
        app.add_routes(
            [
                web.get("/bench", self._told),
                web.post("/bench", self._restarted),
                web.get("/apis/apps", self._group),
                web.get(_APPS, self._resources),
                web.get(f"{_WPAS}/watermarkpodautoscalers", self._autoscalers),
                web.patch(f"{_WPA}/status", self._patched),
                web.get(scales, self._scale),
                web.get(f"{_APPS}/namespaces/{{ns}}/deployments/{{name}}", self._deployment),
                web.get(f"{_APPS}/namespaces/{{ns}}/replicasets/{{name}}", self._replica_set),
                web.get("/api/v1/namespaces/{ns}/pods", self._listed_pods),
                web.get(metrics, self._value),
                web.get(hpas, self._nothing),
                web.get(f"{_APPS}/namespaces/{{ns}}/deployments", self._nothing),
                web.post("/api/v1/namespaces/{ns}/events", self._event),
            ]
        )
        return app

    @web.middleware
    async def _count(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        route = request.match_info.route.resource
        if route is None:
            self.unknown[f"{request.method} {request.path}"] += 1
        elif request.path != "/bench":
            self.asked[f"{request.method} {route.canonical}"] += 1
        return await handler(request)

    async def _told(self, _request: web.Request) -> web.Response:
        told = {"asked": self.asked, "unknown": self.unknown, "reached": self.reached}
        answer = _json(told)
        self.asked, self.unknown, self.reached = Counter(), Counter(), {}
        return answer

    async def _restarted(self, _request: web.Request) -> web.Response:
        """Every object has another version, and all watches have to begin anew."""
        self._version += 1_000_000
        for queue in self._watchers:
            queue.put_nowait(_EXPIRED)
        return web.Response()

    async def _group(self, _request: web.Request) -> web.Response:
        version = {"groupVersion": "apps/v1", "version": "v1"}
        return _json({"name": "apps", "versions": [version], "preferredVersion": version})

    async def _resources(self, _request: web.Request) -> web.Response:
        found = [{"name": name, "kind": kind, "namespaced": True} for name, kind in _RESOURCES]
        found.append({"name": "deployments/scale", "kind": "Scale", "namespaced": True})
        return _json({"groupVersion": "apps/v1", "resources": found})

    async def _autoscalers(self, request: web.Request) -> web.StreamResponse:
        if "sendInitialEvents" in request.query:
            return web.Response(status=422)
        if request.query.get("watch"):
            return await self._watch(request)
        places, start = self.size.places(), int(request.query.get("continue", "0"))
        end = start + int(request.query["limit"])
        meta = {"resourceVersion": str(self._version)}
        if end < len(places):
            meta["continue"] = str(end)
        items = [self._autoscaler(place) for place in places[start:end]]
        return _json({"metadata": meta, "items": items})

    def _autoscaler(self, place: tuple[str, str]) -> Json:
        return fleet.autoscaler(place, self._version, self._statuses.get(place))

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            line = b""
            while line != _EXPIRED:
                line = await queue.get()
                await response.write(line)
        finally:
            self._watchers.remove(queue)
        return response

    async def _patched(self, request: web.Request) -> web.Response:
        """Kept, and told to whoever watches, as a real server does."""
        place = _place(request)
        self._version += 1
        merged = self._statuses.get(place, {}) | msgspec.json.decode(await request.read())["status"]
        self._statuses[place] = merged
        body = msgspec.json.encode(self._autoscaler(place))
        for queue in self._watchers:
            queue.put_nowait(b'{"type":"MODIFIED","object":' + body + b"}\n")
        return web.Response(body=body, content_type="application/json")

    async def _scale(self, request: web.Request) -> web.Response:
        place = _place(request)
        now = asyncio.get_running_loop().time()
        self.reached.setdefault("/".join(place), []).append(now)
        return _json(fleet.scale(place, self.size.pods))

    async def _deployment(self, request: web.Request) -> web.Response:
        return _json(fleet.deployment(_place(request)))

    async def _replica_set(self, request: web.Request) -> web.Response:
        namespace, name = _place(request)
        return _json(fleet.replica_set((namespace, name.rpartition("-")[0])))

    async def _listed_pods(self, request: web.Request) -> web.Response:
        name = request.query["labelSelector"].removeprefix("app=")
        namespace = request.match_info["ns"]
        body = self._pods.replace(b"@namespace@", namespace.encode())
        body = body.replace(b"@name@", name.encode())
        return web.Response(body=body, content_type="application/json")

    async def _value(self, request: web.Request) -> web.Response:
        """Between the watermarks, and another one each time: a steady load is never constant."""
        item = {
            "metricName": request.match_info["name"],
            "metricLabels": {},
            "timestamp": format_rfc3339(self._clock.now()),
            "value": str(self._chance.randint(200, 900) * self.size.pods),
        }
        return _json({"kind": "ExternalMetricValueList", "metadata": {}, "items": [item]})

    async def _nothing(self, _request: web.Request) -> web.Response:
        return _json({"metadata": {"resourceVersion": "1"}, "items": []})

    async def _event(self, _request: web.Request) -> web.Response:
        return web.Response(status=201, body=b"{}", content_type="application/json")


def _place(request: web.Request) -> tuple[str, str]:
    return request.match_info["ns"], request.match_info["name"]


def _json(content: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), content_type="application/json")


async def serve(folder: Path, size: Fleet) -> None:
    """Listen until the process is ended."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(folder / "ca.crt")
    runner = web.AppRunner(Server(size, SystemClock()).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    cluster = {"server": url, "certificate-authority": str(folder / "ca.crt")}
    content = {
        "clusters": [{"name": "bench", "cluster": cluster}],
        "users": [{"name": "bench", "user": {"token": "bench"}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "current-context": "bench",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(content))
    print(url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Arguments: folder, namespaces, autoscalers of each, pods of each of those."""
    folder, *sizes = sys.argv[1:]
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve(Path(folder), Fleet(*map(int, sizes))))


if __name__ == "__main__":
    main()
