"""The controllers of a sandbox, together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.apiserver.storage.store import Store
from sandbox.controllers.deployments import deployment_controller
from sandbox.controllers.kubelet import kubelet
from sandbox.controllers.pod_script import Habits
from sandbox.controllers.replicasets import replicaset_controller
from sandbox.controllers.scheduler import scheduler
from sandbox.controllers.serviceaccounts import serviceaccount_controller
from sandbox.controllers.statefulsets import statefulset_controller


@asynccontextmanager
async def controllers(store: Store, habits: Habits | None = None) -> AsyncIterator[None]:
    """All controllers run on `store` while the context is open."""
    everything = (
        deployment_controller(store),
        replicaset_controller(store),
        statefulset_controller(store),
        scheduler(store),
        kubelet(store, habits or Habits()),
        serviceaccount_controller(store),
    )
    tasks = [asyncio.create_task(item.run(), name=item.name) for item in everything]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
