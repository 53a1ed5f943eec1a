"""What kube-apiserver's aggregator does to the server behind an APIService.

Source: external-metrics-api §8.
"""

import asyncio
import ssl
from typing import Any, Literal

import aiohttp
from msgspec import Struct

from tests.integration.adapter.kit.server import ROOT, Answer, Harness, pem

_PARALLEL = 5
_BUDGET = 30.0
"""Seconds. Kubernetes gives five, but not on a machine that runs other tests beside."""
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
_MASTERS = {"X-Remote-User": "system:kube-aggregator", "X-Remote-Group": "system:masters"}
_ALONE = {"X-Remote-User": "system:kube-aggregator"}
_OPENAPI = {"X-Remote-User": "system:aggregator"}


class Discovered(Struct, frozen=True):
    """What the API server knows of the group after a look, and how it came to know it."""

    by: Literal["aggregated", "unchanged", "legacy", "nothing"]
    resources: tuple[str, ...] = ()


class OpenApi(Struct, frozen=True):
    """A document; `failed` is what the API server would log about it."""

    status: int
    document: Any = None
    failed: str = ""


class Aggregator:
    """One kube-apiserver that looks at one APIService, over connections of its own."""

    def __init__(self, harness: Harness, versions: tuple[str, ...] = ("v2", "v2beta1")) -> None:
        """`versions` of aggregated discovery it knows; older servers know fewer."""
        self._it = harness
        self._accepted = [_DISCOVERY.format(version) for version in versions]
        self._tags: dict[str, str] = {}
        self._kept: dict[str, Any] = {}
        self._resources: tuple[str, ...] = ()

    async def available(self) -> bool:
        """Five probes at once over fresh connections; one that succeeds in time is enough."""
        probes = [self._probe() for _ in range(_PARALLEL)]
        return any(await asyncio.gather(*probes))

    async def _probe(self) -> bool:
        context = ssl.create_default_context(cadata=pem(self._it.certificates.serving))
        self._it.proxy.configure_cert(context)
        connector = aiohttp.TCPConnector(ssl=context, force_close=True)
        try:
            async with (
                asyncio.timeout(_BUDGET),
                aiohttp.ClientSession(connector=connector) as session,
                session.get(
                    self._it.base + ROOT,
                    headers=_MASTERS,
                    allow_redirects=False,
                    skip_auto_headers=["Accept"],
                ) as got,
            ):
                return 200 <= got.status < 400
        except (TimeoutError, aiohttp.ClientError):
            return False

    async def discover(self) -> Discovered:
        """Aggregated discovery, or the list of resources where that is not to be had."""
        got = await self._get("/apis", {**_MASTERS, "Accept": ",".join(self._accepted)})
        if got.status == 304:
            return Discovered("unchanged", self._resources)
        if got.status == 503:
            return Discovered("nothing", self._resources)
        if got.status == 200 and got.headers["Content-Type"] in self._accepted:
            self._remember("/apis", got)
            (group,) = got.json["items"]
            (version,) = group["versions"]
            assert version["freshness"] == "Current"
            assert all(isinstance(one["responseKind"], dict) for one in version["resources"])
            self._resources = tuple(one["resource"] for one in version["resources"])
            return Discovered("aggregated", self._resources)
        got = await self._get(ROOT, {**_ALONE, "Accept": "application/json"})
        if got.status != 200:
            return Discovered("nothing", self._resources)
        self._resources = tuple(one["name"] for one in got.json["resources"])
        return Discovered("legacy", self._resources)

    async def openapi_v2(self) -> OpenApi:
        """The document that is merged into the cluster's own."""
        return await self._openapi("/openapi/v2", {**_OPENAPI, "Accept": "application/json"})

    async def openapi_v3(self) -> OpenApi:
        """The document of the group, at the address that the index gives."""
        index = await self._openapi("/openapi/v3", _OPENAPI)
        if index.status != 200:
            return index
        (where,) = index.document["paths"].values()
        return await self._openapi(where["serverRelativeURL"], _OPENAPI)

    async def _openapi(self, path: str, headers: dict[str, str]) -> OpenApi:
        got = await self._get(path, headers)
        if got.status == 304:
            return OpenApi(200, self._kept[path])
        if got.status == 404:
            return OpenApi(404)
        if got.status != 200:
            return OpenApi(got.status, failed="loading OpenAPI spec failed")
        self._remember(path, got)
        self._kept[path] = got.json
        return OpenApi(200, got.json)

    def _remember(self, path: str, got: Answer) -> None:
        self._tags[path] = got.headers["ETag"]

    async def _get(self, path: str, headers: dict[str, str]) -> Answer:
        if path in self._tags:
            headers = {**headers, "If-None-Match": self._tags[path]}
        async with asyncio.timeout(_BUDGET):
            return await self._it.ask(path, certificate=self._it.proxy, headers=headers)
