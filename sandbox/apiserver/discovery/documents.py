"""Handlers of what is not an object: discovery, OpenAPI, version and health."""

import platform
from typing import Final

from aiohttp import web

from sandbox.apiserver.discovery import openapi
from sandbox.apiserver.discovery.discovery import Discovery
from sandbox.apiserver.http.representation import json_response
from sandbox.apiserver.kinds.catalogue import Catalogue
from sandbox.apiserver.kinds.resources import Object, Resource

_DISCOVERY_TYPE: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_SWAGGER_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_VERSION: Final = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.0+sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2024-12-11T00:00:00Z",
    "goVersion": f"python{platform.python_version()}",
    "compiler": "none",
    "platform": f"{platform.system().lower()}/{platform.machine()}",
}


class Documents:
    """Answers with documents about the server."""

    def __init__(self, catalogue: Catalogue, discovery: Discovery) -> None:
        self._catalogue = catalogue
        self._discovery = discovery

    def routes(self) -> list[web.RouteDef]:
        """Where they are found."""
        return [
            web.get("/", self.root),
            web.get("/version", self.version),
            web.get("/healthz", self.health),
            web.get("/livez", self.health),
            web.get("/readyz", self.health),
            web.get("/api", self.core),
            web.get("/api/", self.core),
            web.get("/apis", self.groups),
            web.get("/apis/", self.groups),
            web.get("/apis/{group}", self.group),
            web.get("/apis/{group}/", self.group),
            web.get("/openapi/v2", self.swagger),
            web.get("/openapi/v3", self.openapi_index),
            web.get("/openapi/v3/api/{version}", self.openapi_document),
            web.get("/openapi/v3/apis/{group}/{version}", self.openapi_document),
        ]

    async def root(self, _request: web.Request) -> web.Response:
        """What there is."""
        paths = ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz"]
        return json_response({"paths": [*paths, "/version"]})

    async def version(self, _request: web.Request) -> web.Response:
        """The Kubernetes version whose interface is spoken."""
        return json_response(_VERSION)

    async def health(self, _request: web.Request) -> web.Response:
        """A server that answers is healthy: everything it needs is in its memory."""
        return web.Response(text="ok")

    async def core(self, request: web.Request) -> web.Response:
        """The legacy group."""
        if _wants_everything(request):
            return _discovery_response(self._discovery.core())
        address = {"clientCIDR": "0.0.0.0/0", "serverAddress": request.host}
        return json_response(
            {
                "kind": "APIVersions",
                "versions": ["v1"],
                "serverAddressByClientCIDRs": [address],
            }
        )

    async def groups(self, request: web.Request) -> web.Response:
        """All named groups."""
        if _wants_everything(request):
            return _discovery_response(await self._discovery.everything())
        return json_response(self._discovery.groups())

    async def group(self, request: web.Request) -> web.Response:
        """One group."""
        found = self._discovery.group(request.match_info["group"])
        if found is None:
            raise web.HTTPNotFound
        return json_response(found)

    async def resources(self, request: web.Request) -> web.Response:
        """What one group serves in one version."""
        group = request.match_info.get("group", "")
        found = self._discovery.resources(group, request.match_info["version"])
        if found is None:
            raise web.HTTPNotFound
        return json_response(found)

    async def swagger(self, request: web.Request) -> web.Response:
        """The old OpenAPI document. In protobuf, which kubectl asks for, it describes nothing:

        kubectl then leaves the checking of kinds that it does not know to the server.
        """
        if "protobuf" in request.headers.get("Accept", ""):
            return web.Response(body=b"", content_type=_SWAGGER_PROTOBUF)
        return json_response(openapi.swagger(self._catalogue.resources()))

    async def openapi_index(self, _request: web.Request) -> web.Response:
        """Where the OpenAPI v3 documents are."""
        response = json_response(openapi.index(self._catalogue.resources()))
        response.content_type = "text/plain"  # as the real server labels its JSON
        return response

    async def openapi_document(self, request: web.Request) -> web.Response:
        """One OpenAPI v3 document."""
        wanted = (request.match_info.get("group", ""), request.match_info["version"])
        found: list[Resource] = [
            item for item in self._catalogue.resources() if (item.group, item.version) == wanted
        ]
        if not found:
            raise web.HTTPNotFound
        return json_response(openapi.document(found))


def _wants_everything(request: web.Request) -> bool:
    accept = ",".join(request.headers.getall("Accept", []))
    return any(part.strip().replace(" ", "") == _DISCOVERY_TYPE for part in accept.split(","))


def _discovery_response(body: Object) -> web.Response:
    response = json_response(body)
    response.headers["Content-Type"] = _DISCOVERY_TYPE
    return response
