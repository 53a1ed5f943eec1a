"""What people and clusters do meanwhile: edits, deletions, rollouts, pods that flap."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

from kube.client.requests import delete_of
from sandbox.apiserver.kinds.resources import DEPLOYMENTS, PODS
from tests.integration.scaler.manifests import NAMESPACE, named
from tests.integration.scaler.world import AUTOSCALERS
from tests.soak.scaler.consumers import LABEL, Consumer, Object
from tests.soak.scaler.site import Site


class Mishaps:
    """One after the other, to consumers that the seed chooses."""

    def __init__(self, site: Site, random: Random, pauses: tuple[float, float]) -> None:
        """`pauses` are the shortest and the longest between two, in seconds."""
        self.done: Counter[str] = Counter()
        self._site = site
        self._w = site.w
        self._random = random
        self._pauses = pauses
        self._kinds: dict[str, Callable[[Consumer], Awaitable[None]]] = {
            "pods flap": self._flap,
            "a rollout": self._roll,
            "an edited spec": self._edit,
            "an autoscaler made anew": self._replace,
            "a target made anew": self._replace_target,
            "a count set by hand": self._by_hand,
        }

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(*self._pauses))
            kind = self._random.choice(list(self._kinds))
            consumer = self._random.choice(list(self._site.consumers.values()))
            await self._kinds[kind](consumer)
            self.done[kind] += 1

    async def mend(self) -> None:
        """Finish what was left undone when the run was cancelled."""
        for consumer in self._site.consumers.values():
            if self._w.store.find(self._w.wpas, NAMESPACE, consumer.name) is None:
                await self._site.ask(consumer)
            if self._w.store.find(DEPLOYMENTS, NAMESPACE, consumer.name) is None:
                self._w.deploy(consumer.deployment())
        for pod in [named(pod) for pod in self._w.store.view(PODS, NAMESPACE)]:
            self._mark(pod, "True")

    async def _flap(self, consumer: Consumer) -> None:
        """Some pods are not Ready for a while."""
        chosen = [pod for pod in self._pods(consumer) if self._random.random() < 0.5]
        for ready in ("False", "True"):
            for pod in chosen:
                self._mark(pod, ready)
            await asyncio.sleep(self._random.uniform(5, 60) if ready == "False" else 0)

    async def _roll(self, consumer: Consumer) -> None:
        found = self._w.store.get(DEPLOYMENTS, NAMESPACE, consumer.name)
        annotations = found["spec"]["template"]["metadata"].setdefault("annotations", {})
        annotations["rolled"] = str(self._w.clock.now())
        self._w.store.update(DEPLOYMENTS, NAMESPACE, consumer.name, found)

    async def _edit(self, consumer: Consumer) -> None:
        changed = consumer.changed_spec()
        await self._w.patch(consumer.name, json.dumps({"spec": changed}).encode())
        assert consumer.spec is not None
        consumer.asks(consumer.spec | changed, self._w.clock.now())

    async def _replace(self, consumer: Consumer) -> None:
        await self._w.admin.send(delete_of(AUTOSCALERS, NAMESPACE, consumer.name))
        consumer.asks(None, self._w.clock.now())
        await asyncio.sleep(self._random.uniform(0, 60))
        await self._site.ask(consumer)

    async def _replace_target(self, consumer: Consumer) -> None:
        self._w.store.delete(DEPLOYMENTS, NAMESPACE, consumer.name)
        await asyncio.sleep(self._random.uniform(0, 60))
        self._w.deploy(consumer.deployment())

    async def _by_hand(self, consumer: Consumer) -> None:
        self._w.set_replicas(consumer.name, self._random.randint(1, 12))

    def _pods(self, consumer: Consumer) -> list[str]:
        """The names of its pods."""
        pods = self._w.store.view(PODS, NAMESPACE)
        return [named(pod) for pod in pods if pod["metadata"]["labels"].get(LABEL) == consumer.name]

    def _mark(self, name: str, ready: str) -> None:
        if self._w.store.find(PODS, NAMESPACE, name) is None:
            return
        pod: Object = self._w.store.get(PODS, NAMESPACE, name)
        for condition in pod["status"].get("conditions", []):
            if condition["type"] in ("Ready", "ContainersReady"):
                condition["status"] = ready
        self._w.store.update(PODS, NAMESPACE, name, pod, subresource="status")
