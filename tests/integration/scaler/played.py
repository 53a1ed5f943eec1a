"""A scaler in the test's own event loop, on an API server that `bench.footprint` plays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from kube.service.settings import Address
from kube.vocab.times import Clock
from scaler.settings import Settings
from tests.integration.scaler.daemon import Running
from tests.ports import free_port


@asynccontextmanager
async def scaler_on(url: str, folder: Path, clock: Clock, **settings: Any) -> AsyncIterator[None]:
    """At work for as long as the context is open, with the usual settings but for those given."""
    content = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "contexts": [{"name": "c", "context": {"cluster": "c"}}],
        "current-context": "c",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    values = Settings(
        kubeconfig=str(path),
        metrics_address=Address("127.0.0.1", free_port()),
        health_port=free_port(),
        leader_election=False,
        **settings,
    )
    running = Running(values, clock)
    try:
        yield
    finally:
        await running.stop()
