"""What is plugged into the application: middlewares, reviews, aggregation, and what goes wrong."""

import io

import pytest
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.apiserver.access.identity import User
from sandbox.apiserver.http.keys import INFO, USER
from sandbox.apiserver.kinds.catalogue import Review
from sandbox.apiserver.kinds.resources import APISERVICES, Object, Resource
from sandbox.apiserver.storage.errors import Forbidden, TooManyRequests
from tests.unit.sandbox.apiserver.server import served

pytestmark = pytest.mark.asyncio

REVIEW = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", (), False
)


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[USER] = User("alice")
    return await handler(request)


@web.middleware
async def forbid_secrets(request: web.Request, handler: Handler) -> web.StreamResponse:
    info = request[INFO]
    if info.plural == "secrets":
        raise Forbidden(f"{request[USER].name} cannot {info.verb} secrets in {info.namespace}")
    return await handler(request)


async def test_middlewares_know_who_and_what():
    async with served(middlewares=[authenticate, forbid_secrets]) as (url, session, _):
        async with session.get(f"{url}/api/v1/namespaces/default/secrets?watch=1") as response:
            body = await response.json()
            assert (response.status, body["reason"]) == (403, "Forbidden")
            assert body["message"] == "alice cannot watch secrets in default"
        async with session.get(f"{url}/api/v1/namespaces/default/configmaps") as response:
            assert response.status == 200


async def test_review_is_answered_listed_and_never_stored():
    async def answer(request: web.Request, body: Object) -> Object:
        return {**body, "status": {"userInfo": {"username": request[USER].name}}}

    reviews = [Review(REVIEW, answer)]
    async with served(middlewares=[authenticate], reviews=reviews) as (url, session, _):
        path = f"{url}/apis/authentication.k8s.io/v1"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        async with session.post(f"{path}/selfsubjectreviews", json=body) as response:
            assert response.status == 201
            assert (await response.json())["status"]["userInfo"]["username"] == "alice"
        async with session.get(f"{path}/selfsubjectreviews") as response:
            assert response.status == 405
        async with session.get(path) as response:
            [listed] = (await response.json())["resources"]
            assert (listed["name"], listed["verbs"]) == ("selfsubjectreviews", ["create"])


class EchoAggregation:
    """Answers every proxied request with its path."""

    async def proxy(self, request: web.Request, service: Object) -> web.StreamResponse:
        return web.Response(text=f"{service['spec']['service']['name']} {request.path}")

    async def resources(self, service: Object) -> Object | None:
        return {
            "resources": [
                {
                    "name": "*",
                    "namespaced": True,
                    "kind": "ExternalMetricValueList",
                    "verbs": ["get"],
                }
            ]
        }


EXTERNAL: Object = {
    "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
    "spec": {
        "group": "external.metrics.k8s.io",
        "version": "v1beta1",
        "service": {"name": "adapter", "namespace": "default"},
    },
}
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def test_remote_group_is_proxied_and_discovered():
    async with served(aggregation=EchoAggregation()) as (url, session, store):
        path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue"
        async with session.get(url + path) as response:
            assert response.status == 404
        store.create(APISERVICES, "", EXTERNAL)
        for where in (path, "/apis/external.metrics.k8s.io/v1beta1"):
            async with session.get(url + where) as response:
                assert await response.text() == f"adapter {where}"
        async with session.get(f"{url}/apis/external.metrics.k8s.io") as response:
            assert (await response.json())["preferredVersion"]["version"] == "v1beta1"
        async with session.get(f"{url}/apis", headers={"Accept": DISCOVERY}) as response:
            items = (await response.json())["items"]
        [group] = [i for i in items if i["metadata"]["name"] == "external.metrics.k8s.io"]
        [version] = group["versions"]
        assert (version["freshness"], version["resources"][0]["resource"]) == ("Current", "*")


async def test_remote_group_without_aggregation_is_unavailable():
    async with served() as (url, session, store):
        store.create(APISERVICES, "", EXTERNAL)
        async with session.get(f"{url}/apis/external.metrics.k8s.io/v1beta1") as response:
            body = await response.json()
            assert (response.status, body["reason"]) == (503, "ServiceUnavailable")


async def test_unforeseen_failure_is_logged_once_and_kept_from_the_client():
    @web.middleware
    async def broken(request: web.Request, handler: Handler) -> web.StreamResponse:
        raise RuntimeError("a secret detail")

    with structlog.testing.capture_logs() as logs:
        async with (
            served(middlewares=[broken]) as (url, session, _),
            session.get(f"{url}/api/v1/pods") as response,
        ):
            body = await response.json()
    assert (response.status, body["reason"]) == (500, "InternalError")
    assert "secret" not in body["message"]
    assert [entry["event"] for entry in logs] == ["request failed"]
    assert "a secret detail" in logs[0]["error"]


async def test_refusal_for_load_says_when_to_come_back():
    @web.middleware
    async def busy(request: web.Request, handler: Handler) -> web.StreamResponse:
        raise TooManyRequests("too many requests, please try again later")

    async with (
        served(middlewares=[busy]) as (url, session, _),
        session.get(f"{url}/api/v1/pods") as response,
    ):
        assert (response.status, response.headers["Retry-After"]) == (429, "1")


async def test_body_that_is_too_large_is_a_status():
    async with served() as (url, session, _):
        path = f"{url}/api/v1/namespaces/default/configmaps"
        async with session.post(path, data=io.BytesIO(b"x" * 4 * 2**20)) as response:
            body = await response.json()
            assert (response.status, body["kind"]) == (413, "Status")


async def test_old_openapi_document_is_empty_in_protobuf():
    accept = {"Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}
    async with served() as (url, session, _):
        async with session.get(f"{url}/openapi/v2", headers=accept) as response:
            assert (response.status, await response.read()) == (200, b"")
        async with session.get(f"{url}/openapi/v2") as response:
            assert (await response.json())["swagger"] == "2.0"
