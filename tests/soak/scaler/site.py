"""A cluster with consumers, their scalers' weather, and the judge of both."""

import asyncio
import json
from collections.abc import Iterable
from random import Random
from typing import Any, Final

from aiohttp import web

from kube.vocab.times import SECOND, format_rfc3339
from sandbox.apiserver.kinds.resources import DEPLOYMENTS
from tests.integration.scaler.backend import GROUP
from tests.integration.scaler.manifests import NAMESPACE
from tests.integration.scaler.world import World
from tests.soak.scaler.consumers import METRIC, Consumer, consumers
from tests.soak.scaler.judge import Judge
from tests.soak.scaler.weather import AGENT, HUNG, METRICS, Weather, asked_for

WRONG: Final = {"NaN": "NaN", "+Inf": "+Inf", "negative": "-500"}
"""Faults that are values which are no load."""
STALE: Final = 600
"""Seconds that a stale sample is old."""


class Site:
    """Everything around the scalers. Put in the world's gate before any of them starts."""

    def __init__(self, w: World, count: int, seed: int, seconds: float) -> None:
        """The loads stay what they are after `seconds`."""
        self.w = w
        self.wpas = w.wpas
        self.random = Random(seed)
        start = w.clock.now()
        self.calm_at = start + round(seconds * SECOND)
        self.consumers = consumers(count, self.random, start, self.calm_at)
        self.weather = Weather(Random(self.random.random()))
        self.judge = Judge(self.consumers, w.clock)
        w.faults.append(self._before)
        w.witnesses.append(self._scaled)
        w.echoes.append(self.weather.loses)

    async def populate(self) -> None:
        """Make the Deployments, then their autoscalers."""
        for consumer in self.consumers.values():
            self.w.deploy(consumer.deployment())
            await self.ask(consumer)

    async def ask(self, consumer: Consumer) -> None:
        """Create the autoscaler."""
        manifest = consumer.autoscaler()
        await self.w.apply(manifest)
        consumer.asks(manifest["spec"], self.w.clock.now())

    def answer(self, request: web.Request) -> web.Response:
        """The metrics backend's: the load, or what the weather makes of it."""
        name = asked_for(request)
        fault = self.weather.on_metric(name)
        self.judge.answered(name, self.w.clock.now(), fault)
        if fault in ("404", "metrics 503"):
            return web.Response(status=404 if fault == "404" else 503)
        if fault == "garbage":
            return web.Response(text="<html>no</html>", content_type="text/html")
        if fault == "empty":
            return _values()
        age = STALE if fault == "stale" else 5
        taken = self.w.clock.now() - age * SECOND
        value = WRONG.get(fault, str(self.consumers[name].load.at(taken)))
        item = {"metricName": METRIC, "metricLabels": {}, "timestamp": format_rfc3339(taken)}
        return _values(item | {"value": value})

    def check(self) -> None:
        """Whether the stored statuses know of the scalings."""
        for name in self.consumers:
            wpa = self.w.store.find(self.wpas, NAMESPACE, name)
            if wpa is not None:
                self.judge.remembered(name, wpa)

    async def settle(self, within: float) -> None:
        """Wait so many seconds at most until each status was seen to say what is so."""
        left = self._unsettled(self.consumers)
        deadline = self.w.clock.monotonic() + within
        while left and self.w.clock.monotonic() < deadline:
            await asyncio.sleep(5)
            left = self._unsettled(left)
        for name, trouble in left.items():
            self.judge.problem(f"{name}: {trouble}")
        self.check()

    def _unsettled(self, names: Iterable[str]) -> dict[str, str]:
        found = {}
        for name in names:
            wpa = self.w.store.find(self.wpas, NAMESPACE, name)
            target = self.w.store.find(DEPLOYMENTS, NAMESPACE, name)
            if wpa is None or target is None:
                found[name] = "it is gone"
            else:
                running = (target.get("status") or {}).get("replicas", 0)
                trouble = self.judge.unsettled(wpa, target["spec"]["replicas"], running)
                if trouble:
                    found[name] = trouble
        return found

    async def _before(self, request: web.Request) -> web.Response | None:
        """The weather, and a note of the metrics that it keeps from the scaler."""
        if not request.path.startswith(METRICS) or "labelSelector" not in request.query:
            return await self.weather.before(request)
        name, asked = asked_for(request), self.w.clock.now()
        answer = await self.weather.before(request)
        if answer is None and self.weather.on_metric(name) == "late":
            await asyncio.sleep(HUNG)
            answer = web.Response(status=504)
        if answer is not None:
            self.judge.answered(name, asked, "kept back")
        return answer

    async def _scaled(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Tell the judge of accepted writes that changed a count."""
        writes = request.method == "PUT" and request.path.endswith("/scale")
        if not writes or answer.status != 200 or request.headers.get("User-Agent") != AGENT:
            return
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        meta = json.loads(answer.body)["metadata"]
        version, name = int(meta["resourceVersion"]), meta["name"]
        watch = self.w.store.watch(DEPLOYMENTS, NAMESPACE, since=version - 1)
        made = [event for event in await watch.batch(0) if event.version == version]
        watch.close()
        wpa = self.w.store.find(self.wpas, NAMESPACE, name)
        for event in made:
            before = event.previous["spec"]["replicas"] if event.previous else 0
            after = event.object["spec"]["replicas"]
            if before != after:
                uid = wpa["metadata"]["uid"] if wpa else ""
                self.judge.scaled(name, uid, before, after)


def _values(*items: dict[str, Any]) -> web.Response:
    body = {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/v1beta1", "metadata": {}}
    return web.json_response(body | {"items": items})
