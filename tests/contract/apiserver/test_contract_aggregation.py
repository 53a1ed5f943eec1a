"""Aggregation: another server's group, behind this one."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from yarl import URL

from tests.contract.apiserver.client import Api
from tests.contract.apiserver.extension import Extension

pytestmark = pytest.mark.asyncio

REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest_asyncio.fixture
async def extension(whole: Api) -> AsyncIterator[Extension]:
    extension = Extension(whole)
    yield extension
    await whole.delete(extension.registration)


async def test_extension_is_called_with_the_callers_name(whole: Api, extension: Extension):
    review = await whole.created(REVIEWS, {"apiVersion": "authentication.k8s.io/v1",
                                           "kind": "SelfSubjectReview"})  # fmt: skip
    me = review["status"]["userInfo"]
    async with extension.serving() as port:
        await extension.register(port)
        assert (await extension.await_condition("True"))["reason"] == "Passed"
        path = f"{extension.root}/namespaces/x/pots/a:b"
        answer = await whole.get(path, labelSelector="a=b c")
    assert (answer.code, answer.body["path"]) == (200, f"{path}?labelSelector=a%3Db+c")
    # The server probes its extensions in its own name meanwhile.
    [headers] = [one.headers for one in extension.requests if one.path == path]
    assert headers["X-Remote-User"] == me["username"]
    assert set(headers.getall("X-Remote-Group")) == set(me["groups"])
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        ("pots/a%2Fb", "pots/a/b"),
        ("pots/%C3%A4%20%25!*", "pots/%C3%A4%20%25%21%2A"),
        ("pots/%40%3A?z=1&a=%2F&a=0", "pots/@:?a=%2F&a=0&z=1"),
    ],
)
async def test_paths_and_queries_are_encoded_anew(
    whole: Api, extension: Extension, asked: str, passed: str
):
    async with extension.serving() as port:
        await extension.register(port)
        await extension.await_condition("True")
        url = URL(f"{whole.base}{extension.root}/{asked}", encoded=True)
        async with whole.session.get(url) as answer:
            found = await answer.json()
    assert found["path"] == f"{extension.root}/{passed}"


async def test_answers_of_the_extension_pass_as_they_are(whole: Api, extension: Extension):
    async with extension.serving() as port:
        await extension.register(port)
        await extension.await_condition("True")
        answer = await whole.get(f"{extension.root}/teapots")
        posted = await whole.post(f"{extension.root}/pots", {})
    assert (answer.code, answer.body) == (418, "short and stout")
    assert answer.headers["X-Pot"] == "tea"
    assert posted.body["method"] == "POST"


async def test_group_of_the_extension_is_discovered(whole: Api, extension: Extension):
    async with extension.serving() as port:
        await extension.register(port)
        await extension.await_condition("True")
        groups = await whole.eventually(
            "/apis", lambda found: extension.group in [g["name"] for g in found.body["groups"]]
        )
        resources = (await whole.get(extension.root)).body["resources"]
    [group] = [one for one in groups.body["groups"] if one["name"] == extension.group]
    assert group["preferredVersion"]["version"] == "v1"
    assert [one["name"] for one in resources] == ["pots"]


async def test_dead_extension_is_503_in_plain_text(whole: Api, extension: Extension):
    async with extension.serving() as port:
        await extension.register(port)
        await extension.await_condition("True")
    answer = await whole.get(f"{extension.root}/pots")
    assert answer.code == 503
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "Retry-After" not in answer.headers


async def test_extension_that_never_answered_is_unavailable(whole: Api, extension: Extension):
    async with extension.serving() as port:
        pass
    await extension.register(port)
    condition = await extension.await_condition("False")
    assert condition["reason"] == "FailedDiscoveryCheck"
    answer = await whole.get(f"{extension.root}/pots")
    assert (answer.code, str(answer.body).strip()) == (503, "service unavailable")


async def test_certificate_for_another_name_is_refused_unless_told_to_skip(
    whole: Api, extension: Extension
):
    async with extension.serving("elsewhere.example.com") as port:
        await extension.register(port)
        condition = await extension.await_condition("False")
        assert condition["reason"] == "FailedDiscoveryCheck"
        assert "certificate" in condition["message"]
        await whole.delete(extension.registration)
        await extension.register(port, caBundle=None, insecureSkipTLSVerify=True)
        await extension.await_condition("True")
        await whole.delete(extension.registration)
