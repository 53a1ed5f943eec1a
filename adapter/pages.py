"""Everything that is no metric: discovery, OpenAPI, version, own metrics. Answered from memory."""

import platform
import sys
from typing import Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from adapter import answers
from adapter.catalogue import Configured
from adapter.core import documents, openapi
from adapter.core.negotiation import discovery_form
from adapter.core.routing import SERVED_PATHS, Page
from adapter.debug import Debug
from adapter.metrics import AdapterMetrics

_DISCOVERY_TYPES: Final = (
    "application/json, application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
)


class Pages:
    """Answers the fixed paths."""

    def __init__(
        self, configured: Configured, debug: Debug, metrics: AdapterMetrics, version: str
    ) -> None:
        self._debug = debug
        self._configured = configured
        self._metrics = metrics
        self._fixed: dict[Page, bytes] = {
            "index": documents.paths(SERVED_PATHS),
            "group": documents.group(),
            "version": documents.version_info(
                version, f"{sys.platform}/{platform.machine()}", platform.python_version()
            ),
        }
        self._group_list = documents.group_list()

    async def answer(self, request: web.BaseRequest, page: Page) -> web.Response:
        """The document of `page`. Raises FailureError."""
        if page == "unknown":
            return answers.json_response(self._fixed["index"], 404)
        if page == "unknown-resource":
            raise answers.no_such_resource()
        if request.method != "GET":
            raise answers.method_not_allowed()
        match page:
            case "metrics":
                body = generate_latest(self._metrics.registry)
                return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
            case "groups":
                return self._groups(request)
            case "debug-rules":
                return self._debug.rules()
            case "debug-query":
                return await self._debug.query(request)
            case _:
                answers.require_json(request)
                return self._json(request, page)

    def _json(self, request: web.BaseRequest, page: Page) -> web.Response:
        match page:
            case "resources":
                return answers.json_response(self._configured.resources)
            case "openapi-v2":
                return answers.document_response(request, openapi.V2)
            case "openapi-v3":
                return answers.document_response(request, openapi.V3_INDEX)
            case "openapi-v3-group":
                response = answers.document_response(request, openapi.V3_GROUP)
                if request.rel_url.query.get("hash") == openapi.V3_HASH:
                    response.headers["Cache-Control"] = "public, immutable"
                return response
            case _:
                return answers.json_response(self._fixed[page])

    def _groups(self, request: web.BaseRequest) -> web.Response:
        match discovery_form(request.headers.get("Accept", "")):
            case "legacy":
                return answers.json_response(self._group_list)
            case "none":
                raise answers.not_acceptable(_DISCOVERY_TYPES)
            case version:
                return answers.document_response(request, self._configured.discovery[version])
