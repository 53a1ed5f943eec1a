"""Row 002, as far as the whole scaler shows it: what it reads, and writes not carried out."""

import re
from typing import Any

import pytest
from aiohttp import web

from sandbox.apiserver.kinds.resources import PODS
from sandbox.apiserver.storage.errors import Forbidden
from tests.scenarios.scenario import load
from tests.scenarios.stage import staged


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_pods_are_read_by_namespace_and_selector_and_never_watched(tmp_path):  # V-05, V-06
    asked: list[tuple[str, dict[str, str]]] = []

    async def note(request: web.Request) -> None:
        if request.method == "GET" and request.headers.get("User-Agent") == "wpa-controller":
            asked.append((request.path, dict(request.query)))

    async with staged(tmp_path, load("R000-C-shared-selector")) as stage:
        stage.world.faults.append(note)
        await stage.play()
    pods = [(path, query) for path, query in asked if re.fullmatch(r"/api/v1/.*pods", path)]
    assert len(pods) == 17, "once in each evaluation"
    for path, query in pods:
        assert path == f"/api/v1/namespaces/{stage.namespace}/pods"
        assert query["labelSelector"] == f"app={stage.target}"
        assert "watch" not in query
    # A scale, the pods, a metric; the rest is asked once, or once a minute for the namespace.
    assert len(asked) < 17 * 3 + 20


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_scale_that_is_not_carried_out_asks_for_no_more(tmp_path, monkeypatch):  # V-08
    """While writes of pods are denied, eight are wanted and six are there; six ask for seven."""
    async with staged(tmp_path, load("R004-A")) as stage:
        create = stage.world.store.create

        def deny(resource: Any, *rest: Any, **options: Any) -> Any:
            if resource.key == PODS.key:
                raise Forbidden('admission webhook "deny-pods-write" denied the request')
            return create(resource, *rest, **options)

        await stage.at(30)
        monkeypatch.setattr(stage.world.store, "create", deny)
        await stage.at(195)
        page = await stage.page()
        assert (page["currentReplicas"], page["runningReplicas"]) == (8, 6)
        assert stage.curve() == [(60, 8)]
        assert len(stage.world.writes("PUT", "/scale")) == 1
        assert stage.condition("ScalingActive")["status"] == "True"
