"""What goes wrong with the pods themselves, the same for those of all objects."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from kube.vocab.times import format_rfc3339
from sandbox.apiserver.kinds.resources import PODS, Object
from sandbox.apiserver.storage.errors import ApiError
from sandbox.apiserver.storage.stamping import copied
from tests.faults.site import Site
from tests.integration.scaler.manifests import NAMESPACE

_EVERY = 7.0
"""Seconds between two looks: not in step with the evaluations."""


def _rewrite(it: Site, pod: Object, change: Callable[[Any], None]) -> None:
    status = copied(pod.get("status") or {})
    change(status)
    body = {"metadata": {"name": pod["metadata"]["name"]}, "status": status}
    with suppress(ApiError):
        it.store.update(PODS, NAMESPACE, pod["metadata"]["name"], body, "status")


def _readiness(it: Site, ready: bool) -> Callable[[Any], None]:
    def change(status: Any) -> None:
        for one in status.get("conditions") or []:
            if one["type"] in ("Ready", "ContainersReady"):
                one["status"] = "True" if ready else "False"
                one["lastTransitionTime"] = format_rfc3339(it.clock.now())

    return change


@asynccontextmanager
async def _again_and_again(work: Callable[[int], None]) -> AsyncIterator[None]:
    async def repeat() -> None:
        turn = 0
        while True:
            work(turn)
            turn += 1
            await asyncio.sleep(_EVERY)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()


@asynccontextmanager
async def flapping(it: Site) -> AsyncIterator[None]:
    """Two of three pods are Ready in turn."""
    started = {pod["metadata"]["name"] for pod in it.pods()}

    def flap(turn: int) -> None:
        for number, pod in enumerate(it.pods()):
            if pod["metadata"]["name"] in started:
                _rewrite(it, pod, _readiness(it, (number + turn) % 3 != 0))

    async with _again_and_again(flap):
        yield
    for pod in it.pods():
        if pod["status"].get("phase") == "Running":
            _rewrite(it, pod, _readiness(it, True))


@asynccontextmanager
async def all_pending(it: Site) -> AsyncIterator[None]:
    """Every pod, those made meanwhile as well."""
    phases: dict[str, str] = {}

    def hold(_: int) -> None:
        for pod in it.pods():
            phases.setdefault(pod["metadata"]["name"], pod["status"].get("phase", "Pending"))
            _rewrite(it, pod, _phase(it, "Pending", ready=False))

    async with _again_and_again(hold):
        yield
    for pod in it.pods():
        _rewrite(it, pod, _phase(it, "Running", ready=True))


def _phase(it: Site, phase: str, *, ready: bool) -> Callable[[Any], None]:
    def change(status: Any) -> None:
        status["phase"] = phase
        _readiness(it, ready)(status)

    return change


@asynccontextmanager
async def evicted(it: Site) -> AsyncIterator[None]:
    """Half of the pods at a time, again and again, as a node under pressure does."""

    def evict(turn: int) -> None:
        if turn % 6:
            return
        for number, pod in enumerate(it.pods()):
            if number % 2 == 0 and pod["status"].get("phase") == "Running":
                _rewrite(it, pod, _evicted)

    async with _again_and_again(evict):
        yield


def _evicted(status: Any) -> None:
    status.update({"phase": "Failed", "reason": "Evicted"})
