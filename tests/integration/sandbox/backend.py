"""An extension API server in the test's own loop: TLS, and it asks for the front proxy's pair."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from sandbox.apiserver.http.serving import start
from sandbox.pki import KeyPair, Pki

GROUP = "external.metrics.k8s.io"
ROOT = f"/apis/{GROUP}/v1beta1"
NAME = f"v1beta1.{GROUP}"
APISERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/v1beta1",
    "resources": [
        {
            "name": "queue_depth",
            "singularName": "",
            "namespaced": True,
            "kind": "ExternalMetricValueList",
            "verbs": ["get"],
        }
    ],
}


class Backend:
    """Remembers what it was asked and by whom."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[web.Request] = []
        self.peers: list[str] = []
        self.bodies: list[bytes] = []

    def last(self, path: str) -> web.Request:
        return next(item for item in reversed(self.requests) if item.path == path)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        transport = request.transport
        assert transport is not None
        subject = transport.get_extra_info("peercert")["subject"]
        self.peers.append(dict(pair[0] for pair in subject)["commonName"])
        self.bodies.append(await request.read())
        if request.path == ROOT:
            return web.json_response(RESOURCES)
        if request.path.endswith("/teapot"):
            return web.Response(status=418, text="short and stout", headers={"X-Pot": "tea"})
        if request.path.endswith("/stream"):
            return await self._stream(request)
        return web.json_response({"path": request.raw_path, "items": []})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in (b"one\n", b"two\n"):
            await response.write(line)
        return response


@asynccontextmanager
async def serving(pki: Pki, pair: KeyPair, port: int = 0) -> AsyncIterator[Backend]:
    backend = Backend()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(pki.front_proxy_ca))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(pair.certificate, pair.key)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", backend.answer)
    async with await start(app, host="127.0.0.1", port=port, tls=tls) as server:
        backend.port = server.port
        yield backend


def service(name: str = "adapter", external: str | None = "localhost") -> dict[str, Any]:
    spec: dict[str, Any] = {"type": "ExternalName", "externalName": external}
    if external is None:
        spec = {"ports": [{"port": 443}]}
    return {"metadata": {"name": name}, "spec": spec}


def api_service(
    port: int, ca_pem: bytes | None, *, name: str = "adapter", insecure: bool = False
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "group": GROUP,
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"name": name, "namespace": "default", "port": port},
    }
    if ca_pem is not None:
        spec["caBundle"] = base64.b64encode(ca_pem).decode()
    if insecure:
        spec["insecureSkipTLSVerify"] = True
    return {"metadata": {"name": NAME}, "spec": spec}
