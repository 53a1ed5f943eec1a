"""An extension API server in the test's own loop, and the objects that register it."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import trustme
from aiohttp import web

from sandbox.apiserver.http.serving import start
from tests.contract.apiserver.client import Api

SERVICE = "extension"
_DRAIN = 0.2
API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


class Extension:
    """Serves `group`/v1 and remembers what it was asked."""

    def __init__(self, api: Api) -> None:
        self.group = f"{api.namespace}.example.com"
        self.root = f"/apis/{self.group}/v1"
        self.registration = f"{API_SERVICES}/v1.{self.group}"
        self.requests: list[web.Request] = []
        self._api = api
        self._authority = trustme.CA()

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        if request.path == self.root:
            return web.json_response(self._resources())
        if request.path.endswith("/teapots"):
            return web.Response(status=418, text="short and stout", headers={"X-Pot": "tea"})
        return web.json_response({"path": request.raw_path, "method": request.method})

    async def register(self, port: int, **changes: Any) -> None:
        """Create the Service and the APIService that lead to `port` of this machine."""
        spec = {"type": "ExternalName", "externalName": "localhost"}
        service = {"metadata": {"name": SERVICE}, "spec": spec}
        assert (await self._api.post(self._api.path("services"), service)).code in (201, 409)
        where = {"namespace": self._api.namespace, "name": SERVICE, "port": port}
        bundle = base64.b64encode(self._authority.cert_pem.bytes()).decode()
        body = {
            "metadata": {"name": f"v1.{self.group}"},
            "spec": {
                "group": self.group,
                "version": "v1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": where,
                "caBundle": bundle,
            }
            | changes,
        }
        await self._api.created(API_SERVICES, body)

    async def await_condition(self, status: str) -> dict[str, Any]:
        """The condition Available, once it has this status."""

        def available(body: dict[str, Any]) -> dict[str, Any]:
            conditions = body.get("status", {}).get("conditions") or []
            return next((dict(one) for one in conditions if one["type"] == "Available"), {})

        answer = await self._api.eventually(
            self.registration, lambda found: available(found.body).get("status") == status
        )
        return available(answer.body)

    @contextlib.asynccontextmanager
    async def serving(self, name: str = "") -> AsyncIterator[int]:
        """Its port while it serves with a certificate for `name`, or for its service."""
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate = self._authority.issue_cert(name or f"{SERVICE}.{self._api.namespace}.svc")
        certificate.configure_cert(tls)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self.answer)
        async with await start(app, tls=tls) as server:
            yield server.port
        # Connections still in their handshake belong to the loop alone: those of clients that gave
        # up end when it next looks at their sockets.
        await asyncio.sleep(_DRAIN)

    def _resources(self) -> dict[str, Any]:
        pot = {"name": "pots", "singularName": "pot", "namespaced": True, "kind": "Pot"}
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{self.group}/v1",
            "resources": [pot | {"verbs": ["get", "list"]}],
        }
