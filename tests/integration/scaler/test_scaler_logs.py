"""The process's log lines: told on change, each with its object's keys (§24, D23, U39, W-G14)."""

import json
from typing import Any

import pytest

from kube.vocab.times import SystemClock
from tests.integration.scaler.manifests import NAMESPACE, autoscaler, deployment
from tests.integration.scaler.process import Process, scaler_process
from tests.integration.scaler.world import SYSTEM, World, world

FAST = "--evaluation-period=1s"
ATTRIBUTES = "wpa.datadoghq.com/logs-attributes"
KEYS = {"watermarkpodautoscaler": f"{NAMESPACE}/web", "wpa_name": "web", "wpa_namespace": NAMESPACE}


def annotated(text: str, **spec: Any) -> dict[str, Any]:
    wpa = autoscaler(**spec)
    wpa["metadata"]["annotations"] = {ATTRIBUTES: text}
    return wpa


def about_web(p: Process, *levels: str) -> list[dict[str, Any]]:
    lines = [line for line in p.lines() if line["logger"].endswith("WatermarkPodAutoscaler")]
    return [line for line in lines if not levels or line["level"] in levels]


def told(p: Process, message: str, *levels: str) -> list[dict[str, Any]]:
    return [line for line in about_web(p, *levels) if line["msg"] == message]


def rules(p: Process, *levels: str) -> list[str]:
    """The rule of each decision that was told."""
    return [line["rule"] for line in told(p, "Decided", *levels)]


async def evaluations(w: World, count: int) -> None:
    """Wait until the metric was asked for `count` times more."""
    before = len(w.metrics.asked)
    await w.eventually(lambda: len(w.metrics.asked) >= before + count)


def kubeconfig(w: World):
    return w.kubeconfig(token=w.cluster.service_account_token(SYSTEM, "wpa-scaler"))


@pytest.mark.asyncio
async def test_a_steady_object_is_told_once_at_info(tmp_path):
    async with world(tmp_path, SystemClock()) as w, scaler_process(kubeconfig(w), FAST) as p:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 1000)
        await w.apply(annotated('{"mywpa": "isgreat", "msg": "spoilt"}'))
        # Its pods may not be Ready yet at the first evaluation, which is another decision.
        await w.eventually(lambda: "within_watermarks" in rules(p))
        first = len(about_web(p))
        await evaluations(w, 4)
        assert len(about_web(p)) == first
        messages = [line["msg"] for line in about_web(p, "info")]
        assert messages.count("Target deploy") == len(rules(p)) == len(set(rules(p)))
        assert messages[-2:] == ["Will not scale: number of replicas has not changed", "Decided"]
        for line in about_web(p, "info"):
            assert KEYS.items() <= line.items()
            assert line["mywpa"] == "isgreat"
        (complaint,) = told(p, "Cannot use the log attributes", "error")
        assert complaint["error"].endswith("log lines have a key of their own: msg")
        assert not p.said("spoilt")


@pytest.mark.asyncio
async def test_at_debug_every_evaluation_is_told(tmp_path):
    async with (
        world(tmp_path, SystemClock()) as w,
        scaler_process(kubeconfig(w), FAST, "--loglevel=debug") as p,
    ):
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 1000)
        await w.apply(autoscaler())
        await w.eventually(lambda: len(told(p, "Cooldown status", "debug")) >= 3)
        assert len(told(p, "Cooldown status", "info")) == rules(p, "info").count(
            "within_watermarks"
        )


@pytest.mark.asyncio
async def test_bad_attributes_are_told_once_per_generation_and_harm_nothing(tmp_path):
    complaint = "Cannot use the log attributes"
    async with world(tmp_path, SystemClock()) as w, scaler_process(kubeconfig(w), FAST) as p:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 4000)
        await w.apply(annotated('{"mywpa": '))
        await w.eventually(lambda: w.replicas("web") == 4)
        await evaluations(w, 3)
        assert len(told(p, complaint, "error")) == 1
        (line,) = told(p, complaint)
        assert KEYS.items() <= line.items()
        assert line["error"].startswith(f"annotation {ATTRIBUTES}: ")
        await w.patch("web", json.dumps({"spec": {"maxReplicas": 9}}).encode())
        await w.eventually(lambda: len(told(p, complaint)) == 2)
        await evaluations(w, 2)
        assert len(told(p, complaint)) == 2
        (rescale,) = told(p, "Successful rescale", "info")
        assert (rescale["currentReplicas"], rescale["desiredReplicas"]) == (2, 4)
        assert rescale["rescaleReason"] == "backlog{map[]} above target"


@pytest.mark.asyncio
async def test_a_refused_object_is_told_once_with_its_instance(tmp_path):
    async with world(tmp_path, SystemClock()) as w, scaler_process(kubeconfig(w), FAST) as p:
        w.deploy(deployment("web", 2))
        w.put(autoscaler(minReplicas=9, maxReplicas=3))
        await w.eventually(lambda: told(p, "Got an invalid WPA spec"))
        await w.eventually(lambda: w.condition("web", "AbleToScale"))
        (line,) = told(p, "Got an invalid WPA spec")
        assert line["Instance"] == f"{NAMESPACE}/web"
        assert KEYS.items() <= line.items()
        assert "minimum number of replicas" in line["error"]
