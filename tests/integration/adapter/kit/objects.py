"""Secrets and one APIService, with resource versions that conflict."""

from typing import Any

from aiohttp import web

SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
SECRETS = "/api/v1/namespaces/{namespace}/secrets"


class StoredObjects:
    """What is stored, and every change of it. `forbidden` methods are refused."""

    def __init__(self) -> None:
        self.secrets: dict[str, Any] = {}
        self.service: Any = {
            "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
            "spec": {
                "insecureSkipTLSVerify": True,
                "service": {"namespace": "adapters", "name": "wpa-adapter"},
            },
        }
        self.changes: list[tuple[str, str]] = []
        self.forbidden: set[str] = set()
        self._version = 100

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(SERVICE, self._get_service),
            web.patch(SERVICE, self._patch_service),
            web.post(SECRETS, self._create),
            web.get(SECRETS + "/{name}", self._get),
            web.patch(SECRETS + "/{name}", self._patch),
        ]

    async def _get_service(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response(self.service)

    async def _patch_service(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/merge-patch+json"
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        spec = self.service["spec"] | (await request.json())["spec"]
        if spec.get("caBundle") and spec.get("insecureSkipTLSVerify"):
            return _status(422, "Invalid", "may not be true if caBundle is present")
        self.service = self.service | {"spec": spec}
        self.changes.append(("PATCH", "apiservice"))
        return web.json_response(self.service)

    async def _get(self, request: web.Request) -> web.Response:
        found = self.secrets.get(request.match_info["name"])
        if found is None:
            return _status(404, "NotFound", "no such secret")
        return web.json_response(found)

    async def _create(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        body = await request.json()
        if body["metadata"]["name"] in self.secrets:
            return _status(409, "AlreadyExists", "it is there")
        return self._store(request, body)

    async def _patch(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/merge-patch+json"
        body = await request.json()
        stored = self.secrets[request.match_info["name"]]
        if body["metadata"]["resourceVersion"] != stored["metadata"]["resourceVersion"]:
            return _status(409, "Conflict", "the object has been modified")
        data = stored.get("data", {}) | body["data"]
        return self._store(request, stored | {"data": data})

    def _store(self, request: web.Request, body: Any) -> web.Response:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self.secrets[body["metadata"]["name"]] = body
        self.changes.append((request.method, "secret"))
        return web.json_response(body)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.method not in self.forbidden:
            return None
        return _status(403, "Forbidden", "no role says so")


def _status(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.json_response(body, status=code)
