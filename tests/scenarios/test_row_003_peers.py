"""Row 003: Koupleless' own controller on the same target (R003-H, P-11)."""

import pytest

from sandbox.apiserver.kinds.resources import Object
from scaler.core.rivals import PEER
from tests.integration.scaler.manifests import autoscaler, deployment
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
        # Opted out: the module is the autoscaler's from the next look on.
        body = b'{"metadata":{"labels":{"' + PREFIX.encode() + b'/replicas-control":"true"}}}'
        await w.patch("web", body, TARGETS)
        await w.until(w.clock.now() + 90_000)
        assert w.replicas("web") == 8
        assert w.condition("web", "DryRun")["status"] == "False"


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
