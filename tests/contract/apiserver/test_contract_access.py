"""Who is let in and who is not: failures as Statuses, grants by verb, resource and name."""

from typing import Any

import pytest

from tests.contract.apiserver.client import Api
from tests.contract.apiserver.objects import configmap
from tests.controlplane.waiting import eventually_async

pytestmark = pytest.mark.asyncio

RBAC = "rbac.authorization.k8s.io"


async def token_of(api: Api, name: str) -> str:
    """A token of a new ServiceAccount."""
    await api.created(api.path("serviceaccounts"), {"metadata": {"name": name}})
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600},
    }
    made = await api.created(api.path("serviceaccounts", f"{name}/token"), request)
    return str(made["status"]["token"])


async def grant(api: Api, name: str, **rule: Any) -> None:
    body = {"metadata": {"name": name}, "rules": [{"apiGroups": [""], **rule}]}
    await api.created(api.path("roles", group=RBAC), body)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": api.namespace}
    role = {"apiGroup": RBAC, "kind": "Role", "name": name}
    binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
    await api.created(api.path("rolebindings", group=RBAC), binding)


async def test_foreign_token_is_unauthorized(whole: Api):
    async with whole.as_bearer("no-such-token") as stranger:
        answer = await stranger.get(whole.path("configmaps"))
    assert (answer.code, answer.body["kind"]) == (401, "Status")
    assert (answer.body["reason"], answer.body["message"]) == ("Unauthorized", "Unauthorized")


async def test_nobody_may_read_the_version_but_no_objects(whole: Api):
    async with whole.as_bearer("") as nobody:
        assert (await nobody.get("/version")).code == 200
        answer = await nobody.get(whole.path("configmaps"))
    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "configmaps"' in answer.body["message"]


async def test_account_without_a_role_is_told_what_it_may_not(whole: Api):
    async with whole.as_bearer(await token_of(whole, "robot")) as robot:
        answer = await robot.get(whole.path("deployments", "web", group="apps"))
    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["details"] == {"name": "web", "group": "apps", "kind": "deployments"}
    user = f"system:serviceaccount:{whole.namespace}:robot"
    assert answer.body["message"] == (
        f'deployments.apps "web" is forbidden: User "{user}" cannot get resource "deployments" '
        f'in API group "apps" in the namespace "{whole.namespace}"'
    )


async def test_grant_is_for_its_verb_resource_and_name(whole: Api):
    for name in ("a", "b"):
        await whole.created(whole.path("configmaps"), configmap(name))
    token = await token_of(whole, "reader")
    await grant(whole, "reader", resources=["configmaps"], verbs=["get"], resourceNames=["a"])
    async with whole.as_bearer(token) as reader:
        await reader.eventually(whole.path("configmaps", "a"), lambda found: found.code == 200)
        codes = [
            (await reader.get(whole.path("configmaps", "b"))).code,
            (await reader.get(whole.path("configmaps"))).code,
            (await reader.delete(whole.path("configmaps", "a"))).code,
            (await reader.get(whole.path("secrets", "a"))).code,
        ]
    assert codes == [403] * 4


async def test_named_object_may_be_listed_and_watched_by_its_name(whole: Api):
    await whole.created(whole.path("configmaps"), configmap("a"))
    token = await token_of(whole, "reader")
    verbs = ["list", "watch"]
    await grant(whole, "reader", resources=["configmaps"], verbs=verbs, resourceNames=["a"])
    selector = "metadata.name=a"
    async with whole.as_bearer(token) as reader:
        path = whole.path("configmaps")
        await reader.eventually(path, lambda found: found.code == 200, fieldSelector=selector)
        async with reader.watch(path, timeoutSeconds="1", fieldSelector=selector) as stream:
            assert [event["type"] for event in await stream.rest()] == ["ADDED"]
        assert (await reader.get(path)).code == 403


async def test_subresource_is_a_grant_of_its_own(whole: Api):
    token = await token_of(whole, "scaler")
    body = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await whole.created(whole.path("pods"), body)
    await grant(whole, "scaler", resources=["pods/status"], verbs=["get"])
    async with whole.as_bearer(token) as scaler:
        await scaler.eventually(whole.path("pods", "p/status"), lambda found: found.code == 200)
        assert (await scaler.get(whole.path("pods", "p"))).code == 403


async def test_token_ends_with_its_account(whole: Api):
    token = await token_of(whole, "robot")
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token},
    }
    reviews = "/apis/authentication.k8s.io/v1/tokenreviews"
    status = (await whole.created(reviews, review))["status"]
    assert status["authenticated"] is True
    assert status["user"]["username"] == f"system:serviceaccount:{whole.namespace}:robot"
    await whole.delete(whole.path("serviceaccounts", "robot"))
    await eventually_async(
        lambda: whole.created(reviews, review),
        lambda found: not found["status"].get("authenticated"),
    )
