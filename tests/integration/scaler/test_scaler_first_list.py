"""How the scaler first learns of the autoscalers there are."""

import pytest
from aiohttp import web

from scaler import app
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.world import AUTOSCALERS, world


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("refused", [False, True], ids=["stream", "pages"])
async def test_the_first_list_is_a_stream_where_the_server_does_that(tmp_path, refused):
    queries = []

    async def note(request: web.Request) -> web.Response | None:
        if request.path.endswith("/" + AUTOSCALERS.plural) and request.method == "GET":
            agent = request.headers.get("User-Agent")
            queries.extend([dict(request.query)] if agent == "wpa-controller" else [])
            if refused and "sendInitialEvents" in request.query:
                return web.Response(status=422)
        return None

    async with world(tmp_path) as w:
        w.faults.append(note)
        w.metrics.show("backlog", 500)
        for name in ("a", "b", "c"):
            w.deploy(deployment(name, 2))
            await w.apply(autoscaler(name))
        await w.scaler()
        await w.eventually(lambda: all(w.status(name) for name in "abc"))
        streams = [query for query in queries if "sendInitialEvents" in query]
        pages = [query for query in queries if "watch" not in query]
        assert (len(streams), len(pages)) == ((1, 1) if refused else (1, 0))


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_missing_crd_is_told_with_the_remedy(tmp_path, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(app._log, "error", lambda _, error, **__: told.append(error))
    async with world(tmp_path) as w:
        w.uninstall()
        await w.scaler()
        await w.eventually(lambda: told)
    assert all("404" in text and "kubectl apply -k manifests/crd" in text for text in told)
