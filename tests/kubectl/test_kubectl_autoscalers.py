"""The commands that people type, on the product's own definition."""

import asyncio
import copy
from typing import Any

import pytest

from tests.kubectl.conftest import Kubectl

pytestmark = [pytest.mark.asyncio, pytest.mark.kubectl]

AUTOSCALER: dict[str, Any] = {
    "apiVersion": "datadoghq.com/v1alpha1",
    "kind": "WatermarkPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 5,
        "metrics": [
            {
                "type": "External",
                "external": {
                    "metricName": "backlog",
                    "metricSelector": {"matchLabels": {"topic": "orders"}},
                    "highWatermark": "80",
                    "lowWatermark": "20",
                },
            }
        ],
    },
}


def changed(**spec: object) -> dict[str, Any]:
    body = copy.deepcopy(AUTOSCALER)
    body["spec"] |= spec
    return body


async def test_apply_get_and_delete_by_short_name(installed: Kubectl):
    assert "created" in await installed.done("apply", "-f", "-", stdin=AUTOSCALER)
    assert "unchanged" in await installed.done("apply", "-f", "-", stdin=AUTOSCALER)
    header, row = (await installed.done("get", "wpa")).splitlines()
    assert header.split()[:3] == ["NAME", "SCALING", "ACTIVE"]
    assert row.split()[:3] == ["web", "80", "20"]
    assert "deleted" in await installed.done("delete", "wpa", "web")
    assert "No resources found" in (await installed.run("get", "wpa")).err


async def test_defaults_of_the_definition_are_in_the_object(installed: Kubectl):
    await installed.done("apply", "-f", "-", stdin=AUTOSCALER)
    path = "jsonpath={.spec.minReplicas} {.spec.tolerance} {.spec.algorithm}"
    assert await installed.done("get", "wpa", "web", "-o", path) == "1 100m absolute"


async def test_watch_prints_a_line_for_each_change(installed: Kubectl):
    await installed.done("apply", "-f", "-", stdin=AUTOSCALER)
    async with installed.following("get", "wpa", "-w") as lines:
        async with asyncio.timeout(60):
            assert (await lines.readline()).startswith(b"NAME")
            assert (await lines.readline()).split()[:2] == [b"web", b"80"]
            patch = (
                '{"status": {"currentReplicas": 1, "desiredReplicas": 2, "conditions": '
                '[{"type": "ScalingActive", "status": "True", "lastTransitionTime": '
                '"2026-01-01T00:00:00Z", "reason": "ValidMetricFound", "message": ""}]}}'
            )
            await installed.done(
                "patch", "wpa", "web", "--subresource=status", "--type=merge", "-p", patch
            )
            assert (await lines.readline()).split()[:2] == [b"web", b"True"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"maxReplicas": "five"}, "spec.maxReplicas in body must be of type integer"),
        ({"maxReplicas": 0}, "spec.maxReplicas in body should be greater than or equal to 1"),
        ({"tolerance": "10%"}, "spec.tolerance in body should match"),
        ({"toleranse": "1"}, 'unknown field "spec.toleranse"'),
    ],
)
async def test_mistake_is_refused_in_words(installed: Kubectl, spec: dict[str, Any], message: str):
    outcome = await installed.run("apply", "-f", "-", stdin=changed(**spec))
    assert outcome.code == 1
    assert message in outcome.err
    assert (await installed.run("get", "wpa", "web")).code == 1


async def test_explain_describes_a_field(installed: Kubectl):
    text = await installed.done("explain", "wpa.spec.metrics.external")
    assert "highWatermark" in text
    assert "KIND:       WatermarkPodAutoscaler" in text
    recursive = await installed.done("explain", "wpa", "--recursive")
    assert "downscaleForbiddenWindowSeconds" in recursive


async def test_describe_and_dry_run(installed: Kubectl):
    dry = await installed.done("apply", "--dry-run=server", "-f", "-", stdin=AUTOSCALER)
    assert "created (server dry run)" in dry
    assert (await installed.run("get", "wpa", "web")).code == 1
    await installed.done("apply", "-f", "-", stdin=AUTOSCALER)
    assert "Max Replicas:" in await installed.done("describe", "wpa", "web")
