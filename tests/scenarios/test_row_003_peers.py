"""Row 003: Koupleless' own controller on the same target (R003-H, P-11)."""

import pytest

from sandbox.apiserver.kinds.resources import Object
from scaler.core.rivals import PEER
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.pages import scrape
from tests.integration.scaler.world import TARGETS, world

PREFIX = "virtual-kubelet.koupleless.io"


def module(**labels: str) -> Object:
    """A module's Deployment with 4 replicas."""
    found: Object = deployment("web", 4)
    found["metadata"]["labels"] = {f"{PREFIX}/{key}": value for key, value in labels.items()}
    return found


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_beside_the_peer_controller_nothing_is_written(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(module(strategy="peer"))
        w.metrics.show("backlog", 8000)
        await w.apply(autoscaler())
        await w.scaler()
        await w.until(w.clock.now() + 180_000)
        assert w.writes("PUT", "/scale") == []
        assert w.replicas("web") == 4
        condition = w.condition("web", "DryRun")
        assert condition["status"] == "True"
        assert PEER in condition["message"]
        (event,) = w.events("web", "ConflictingController")
        assert event["type"] == "Warning"
        assert event.get("count", 1) == 1
        status = w.status("web")
        assert (status["currentReplicas"], status["desiredReplicas"]) == (4, 8)
        assert (status.get("lastScaleTime"), status["scalingEventsCount"]) == (None, 0)  # D18
        page = await scrape(w.running[0])
        assert page.value("wpa_scaler_conflicting_controllers", dry_run="true") == 1
        assert page.value("wpa_controller_dry_run") == 1
        # What that controller writes stands, out of the bounds too.
        w.set_replicas("web", 12)
        await w.until(w.clock.now() + 60_000)
        assert w.writes("PUT", "/scale") == []
        # Opted out: the module is the autoscaler's from the next look on.
        body = b'{"metadata":{"labels":{"' + PREFIX.encode() + b'/replicas-control":"true"}}}'
        await w.patch("web", body, TARGETS)
        await w.until(w.clock.now() + 90_000)
        assert w.replicas("web") == 10
        assert w.condition("web", "DryRun")["status"] == "False"
        page = await scrape(w.running[0])
        assert page.value("wpa_scaler_conflicting_controllers", dry_run="false") == 0


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("text", ["false", "True", ""])
async def test_only_true_keeps_the_peer_controller_off(tmp_path, text):
    async with world(tmp_path) as w:
        w.deploy(module(**{"strategy": "peer", "replicas-control": text}))
        w.metrics.show("backlog", 8000)
        await w.apply(autoscaler())
        await w.scaler()
        await w.until(w.clock.now() + 60_000)
        assert w.replicas("web") == 4


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("labels", [{}, {"strategy": "scale"},
                                    {"strategy": "peer", "replicas-control": "true"}])  # fmt: skip
async def test_other_modules_are_scaled_like_anything_else(tmp_path, labels):
    async with world(tmp_path) as w:
        w.deploy(module(**labels))
        w.metrics.show("backlog", 8000)
        await w.apply(autoscaler())
        await w.scaler()
        await w.until(w.clock.now() + 60_000)
        assert w.replicas("web") == 8
        assert w.events("web", "ConflictingController") == []
