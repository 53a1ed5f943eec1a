"""An API server that knows two reviews and one ConfigMap."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from tests.integration.adapter.kit.objects import StoredObjects

CONFIG_MAP = "extension-apiserver-authentication"
_PATH = "/api/v1/namespaces/kube-system/configmaps"


class FakeApiServer:
    """`tokens` name users, `allowed` says who may do what; reviews are remembered."""

    def __init__(self) -> None:
        self.tokens: dict[str, Any] = {}
        self.allowed: Callable[[Any], bool] = lambda spec: spec["user"] in {"hpa", "root", "alice"}
        self.access_reviews: list[Any] = []
        self.token_reviews: list[str] = []
        self.broken = False
        self.away = False
        """Nothing is answered by anything but 503."""
        self.delay = 0.0
        self.trust: dict[str, str] = {}
        self.url = ""
        self.objects = StoredObjects()
        self._version = 1
        self.watchers: list[asyncio.Queue[bytes]] = []

    def publish(self, trust: dict[str, str]) -> None:
        """Change the ConfigMap and tell watchers."""
        self.trust = trust
        self._version += 1
        event = {"type": "MODIFIED", "object": self._config_map()}
        for watcher in self.watchers:
            watcher.put_nowait(msgspec.json.encode(event) + b"\n")

    def _config_map(self) -> dict[str, Any]:
        meta = {
            "name": CONFIG_MAP,
            "namespace": "kube-system",
            "uid": "1",
            "resourceVersion": str(self._version),
        }
        return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": self.trust}

    async def get(self, _request: web.Request) -> web.Response:
        if not self.trust:
            status = {"kind": "Status", "code": 404, "reason": "NotFound", "message": "not found"}
            return web.json_response(status, status=404)
        return web.json_response(self._config_map())

    async def collection(self, request: web.Request) -> web.StreamResponse:
        assert request.query["fieldSelector"] == f"metadata.name={CONFIG_MAP}"
        if "watch" not in request.query:
            return web.json_response(
                {"metadata": {"resourceVersion": "1"}, "items": [self._config_map()]}
            )
        if "sendInitialEvents" in request.query:
            return web.Response(status=422)
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.watchers.append(queue)
        while True:
            await response.write(await queue.get())

    async def review_access(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.access_reviews.append(body["spec"])
        await asyncio.sleep(self.delay)
        if self.broken:
            return web.Response(status=500, text="etcd is away")
        allowed = self.allowed(body["spec"])
        body["status"] = {"allowed": allowed} | ({} if allowed else {"reason": "no rule says so"})
        return web.json_response(body, status=201)

    async def review_token(self, request: web.Request) -> web.Response:
        body = await request.json()
        token = body["spec"]["token"]
        self.token_reviews.append(token)
        if self.broken:
            return web.Response(status=500, text="etcd is away")
        user = self.tokens.get(token)
        body["status"] = {"authenticated": True, "user": user} if user else {"error": "unknown"}
        return web.json_response(body, status=201)


@contextlib.asynccontextmanager
async def fake_apiserver() -> AsyncIterator[FakeApiServer]:
    fake = FakeApiServer()

    @web.middleware
    async def present(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        return web.Response(status=503) if fake.away else await handler(request)

    app = web.Application(middlewares=[present])
    app.router.add_get(f"{_PATH}/{CONFIG_MAP}", fake.get)
    app.router.add_routes(fake.objects.routes())
    app.router.add_get(_PATH, fake.collection)
    app.router.add_post("/apis/authorization.k8s.io/v1/subjectaccessreviews", fake.review_access)
    app.router.add_post("/apis/authentication.k8s.io/v1/tokenreviews", fake.review_token)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()


def kubeconfig(url: str) -> str:
    """A kubeconfig for `url`, as text."""
    return f"""
apiVersion: v1
kind: Config
current-context: it
clusters: [{{name: it, cluster: {{server: "{url}"}}}}]
users: [{{name: it, user: {{token: secret}}}}]
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
"""
