"""A process's own metrics: registry, exposition, build information, event-loop lag."""

import asyncio
import platform
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

LAG_EVERY: Final = 0.5
"""Seconds between measurements of the event loop's lag: a longer standstill is always seen."""


def new_registry(program: str, version: str) -> CollectorRegistry:
    """A registry with process, garbage collector and interpreter metrics and `build_info`."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    PlatformCollector(registry=registry)
    info = Gauge(
        f"{program}_build_info",
        "Always 1; the labels tell what is running.",
        ["version", "python"],
        registry=registry,
    )
    info.labels(version, platform.python_version()).set(1)
    return registry


async def _nothing() -> bytes:
    return b""


def exposition(
    registry: CollectorRegistry, more: Callable[[], Awaitable[bytes]] = _nothing
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler that answers with the registry's metrics in text form, and `more` after them."""
    headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}

    async def handle(_request: web.Request) -> web.Response:
        body = generate_latest(registry) + await more()
        return web.Response(body=body, headers=headers)

    return handle


class LoopLag:
    """How late the event loop wakes a sleeper: what a slow handler costs all the others."""

    def __init__(self, program: str, registry: CollectorRegistry) -> None:
        self._histogram = Histogram(
            f"{program}_event_loop_lag_seconds",
            "Lateness of the event loop's timers.",
            buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=registry,
        )

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            self._histogram.observe(max(0.0, loop.time() - due))
