"""A client of a sandbox that speaks plain HTTPS: nothing of our own client is in between."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
from yarl import URL

from sandbox.cluster import SandboxCluster

RBAC = "/apis/rbac.authorization.k8s.io/v1"
MERGE = "application/merge-patch+json"


class Answer:
    """Code, headers, text and, where it is JSON, the decoded body of an answer."""

    def __init__(self, code: int, headers: Any, text: str, body: Any) -> None:
        self.code = code
        self.headers = headers
        self.text = text
        self.body = body

    def __repr__(self) -> str:
        return f"Answer({self.code}, {self.text[:400]})"


class Api:
    """Requests to one cluster; each names the token it is made with, None for anonymous."""

    def __init__(self, cluster: SandboxCluster, session: aiohttp.ClientSession) -> None:
        self.cluster = cluster
        self._session = session
        self._tls = ssl.create_default_context(cafile=str(cluster.ca))

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "admin",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if token is not None:
            secret = self.cluster.admin_token if token == "admin" else token
            sent["Authorization"] = f"Bearer {secret}"
        async with self._session.request(
            method,
            URL(self.cluster.url + path, encoded=True),
            json=body,
            headers=sent,
            ssl=self._tls,
        ) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            found = await response.json() if is_json else None
            return Answer(response.status, response.headers, text, found)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any, **options: Any) -> Answer:
        return await self.call("POST", path, body, **options)

    async def created(self, path: str, body: Any) -> Any:
        answer = await self.post(path, body)
        assert answer.code == 201, answer
        return answer.body

    async def account(self, name: str, namespace: str = "default") -> str:
        """Create a ServiceAccount; returns a token of it."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        await self.created(path, {"metadata": {"name": name}})
        return self.cluster.service_account_token(namespace, name)

    async def until(self, path: str, holds: Callable[[Any], bool], seconds: float = 60) -> Any:
        """The object at `path` once `holds` says yes of it."""
        last = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    last = (await self.get(path)).body
                    if holds(last):
                        return last
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never came true at {path}: {last}") from None


def role(*rules: dict[str, Any], name: str = "reader") -> dict[str, Any]:
    return {"metadata": {"name": name}, "rules": list(rules)}


def binding(kind: str, name: str, account: str, namespace: str = "default") -> dict[str, Any]:
    """Binds the role to a ServiceAccount."""
    return {
        "metadata": {"name": f"{name}-{account}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


def available(service: Any) -> tuple[str, str, str] | None:
    """Status, reason and message of an APIService's Available condition."""
    for item in (service.get("status") or {}).get("conditions") or ():
        if item["type"] == "Available":
            return item["status"], item["reason"], item["message"]
    return None
