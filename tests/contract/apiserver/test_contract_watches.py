"""Watches: from a version, from nothing, with bookmarks, with selectors, too late."""

from typing import Any

import pytest

from tests.contract.apiserver.client import PARTIAL, TABLE, Api
from tests.contract.apiserver.objects import configmap, gadget

pytestmark = pytest.mark.asyncio


def seen(event: dict[str, Any]) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"]["name"]


async def test_watch_from_a_list_tells_what_happened_since(api: Api, gadgets: str):
    await api.created(gadgets, gadget("old"))
    listed = await api.get(gadgets)
    await api.created(gadgets, gadget("new"))
    version = listed.body["metadata"]["resourceVersion"]
    async with api.watch(gadgets, resourceVersion=version) as stream:
        assert seen(await stream.next()) == ("ADDED", "new")
        await api.patch(f"{gadgets}/new", {"spec": {"replicas": 4}})
        changed = await stream.next()
        assert seen(changed) == ("MODIFIED", "new")
        assert changed["object"]["spec"]["replicas"] == 4
        await api.delete(f"{gadgets}/new")
        gone = await stream.next()
        assert seen(gone) == ("DELETED", "new")
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in (changed, gone)]
    assert versions == sorted(set(versions))


async def test_watch_without_a_version_begins_with_what_exists(api: Api, gadgets: str):
    for name in ("a", "b"):
        await api.created(gadgets, gadget(name))
    async with api.watch(gadgets) as stream:
        assert sorted([seen(await stream.next()), seen(await stream.next())]) == [
            ("ADDED", "a"), ("ADDED", "b"),
        ]  # fmt: skip


async def test_python_spelling_of_true_is_taken(api: Api, gadgets: str):
    await api.created(gadgets, gadget("a"))
    async with api.watch(gadgets, watch="True", timeoutSeconds="1") as stream:
        assert [seen(event) for event in await stream.rest()] == [("ADDED", "a")]


async def test_watch_ends_with_its_timeout(api: Api, gadgets: str):
    async with api.watch(gadgets, timeoutSeconds="1") as stream:
        assert await stream.rest() == []


async def test_objects_come_and_go_as_they_match_the_selector(api: Api, gadgets: str):
    listed = await api.get(gadgets)
    version = listed.body["metadata"]["resourceVersion"]
    await api.created(gadgets, gadget("a"))
    await api.patch(f"{gadgets}/a", {"metadata": {"labels": {"in": "yes"}}})
    await api.patch(f"{gadgets}/a", {"spec": {"replicas": 1}})
    await api.patch(f"{gadgets}/a", {"metadata": {"labels": {"in": "no"}}})
    async with api.watch(
        gadgets, resourceVersion=version, labelSelector="in=yes", timeoutSeconds="2"
    ) as stream:
        assert [event["type"] for event in await stream.rest()] == ["ADDED", "MODIFIED", "DELETED"]


async def test_one_object_is_watched_by_a_field_selector(api: Api):
    listed = await api.get(api.path("configmaps"))
    version = listed.body["metadata"]["resourceVersion"]
    for name in ("a", "b"):
        await api.created(api.path("configmaps"), configmap(name))
    async with api.watch(
        api.path("configmaps"),
        resourceVersion=version,
        fieldSelector="metadata.name=b",
        timeoutSeconds="2",
    ) as stream:
        assert [seen(event) for event in await stream.rest()] == [("ADDED", "b")]


async def test_streaming_list_ends_with_its_bookmark(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("a"))
    async with api.watch(
        gadgets,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
    ) as stream:
        assert seen(await stream.next()) == ("ADDED", "a")
        bookmark = await stream.next()
        assert bookmark["type"] == "BOOKMARK"
        meta = bookmark["object"]["metadata"]
        assert meta["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert int(meta["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])
        await api.created(gadgets, gadget("b"))
        assert seen(await stream.next()) == ("ADDED", "b")


async def test_streaming_list_needs_its_match(api: Api, gadgets: str):
    answer = await api.get(gadgets, watch="true", sendInitialEvents="true")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")


async def test_version_that_is_too_old_is_an_error_event(api: Api, gadgets: str):
    await api.created(gadgets, gadget("a"))
    await api.patch(f"{gadgets}/a", {"spec": {"replicas": 1}})
    await api.compact()
    async with api.watch(gadgets, resourceVersion="1") as stream:
        [event] = await stream.rest()
    assert event["type"] == "ERROR"
    assert event["object"]["kind"] == "Status"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


async def test_version_that_is_nonsense_is_refused(api: Api, gadgets: str):
    answer = await api.get(gadgets, watch="true", resourceVersion="soon")
    assert (answer.code, answer.body["kind"]) == (500, "Status")
    assert 'resourceVersion: Invalid value: "soon"' in answer.body["message"]


async def test_match_is_for_streaming_lists_only(api: Api, gadgets: str):
    query = {"watch": "true", "resourceVersion": "1", "resourceVersionMatch": "NotOlderThan"}
    answer = await api.get(gadgets, **query)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert "unless sendInitialEvents is provided" in answer.body["message"]


async def test_watch_without_a_version_is_a_streaming_list_to_who_takes_bookmarks(
    api: Api, gadgets: str
):
    await api.created(gadgets, gadget("a"))
    for query in ({}, {"resourceVersion": "0"}):
        async with api.watch(gadgets, allowWatchBookmarks="true", **query) as stream:
            assert seen(await stream.next()) == ("ADDED", "a")
            bookmark = await stream.next()
        assert bookmark["type"] == "BOOKMARK"
        annotations = bookmark["object"]["metadata"]["annotations"]
        assert annotations == {"k8s.io/initial-events-end": "true"}


async def test_streaming_list_without_bookmarks_just_goes_on(api: Api, gadgets: str):
    await api.created(gadgets, gadget("a"))
    async with api.watch(
        gadgets,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        timeoutSeconds="1",
    ) as stream:
        assert [seen(event) for event in await stream.rest()] == [("ADDED", "a")]


async def test_watch_that_resumes_has_no_initial_events(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("a"))
    version = made["metadata"]["resourceVersion"]
    async with api.watch(
        gadgets, resourceVersion=version, allowWatchBookmarks="true", timeoutSeconds="1"
    ) as stream:
        assert await stream.rest() == []


async def test_metadata_is_watched_alone(api: Api, gadgets: str):
    await api.created(gadgets, gadget("a", replicas=3))
    async with api.watch(gadgets, PARTIAL, timeoutSeconds="1") as stream:
        [event] = await stream.rest()
    assert event["object"]["kind"] == "PartialObjectMetadata"
    assert "spec" not in event["object"]


async def test_watch_outlives_the_loss_of_history(api: Api, gadgets: str):
    listed = await api.get(gadgets)
    version = listed.body["metadata"]["resourceVersion"]
    async with api.watch(gadgets, resourceVersion=version) as stream:
        await api.created(gadgets, gadget("a"))
        assert seen(await stream.next()) == ("ADDED", "a")
        await api.compact()
        await api.created(gadgets, gadget("b"))
        assert seen(await stream.next()) == ("ADDED", "b")


async def test_write_that_changes_nothing_wakes_no_watch(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("a", replicas=1))
    version = made["metadata"]["resourceVersion"]
    await api.patch(f"{gadgets}/a", {"spec": {"replicas": 1}})
    await api.patch(f"{gadgets}/a", {"spec": {"replicas": 2}})
    async with api.watch(gadgets, resourceVersion=version, timeoutSeconds="1") as stream:
        events = await stream.rest()
    assert [event["object"]["spec"]["replicas"] for event in events] == [2]


async def test_table_watch_tells_its_columns_once(api: Api, gadgets: str):
    for name in ("a", "b"):
        await api.created(gadgets, gadget(name, replicas=1))
    async with api.watch(gadgets, TABLE, timeoutSeconds="1") as stream:
        first, second = await stream.rest()
    assert first["object"]["columnDefinitions"]
    assert not second["object"].get("columnDefinitions")
    assert second["object"]["rows"][0]["cells"][:2] == ["b", 1]
