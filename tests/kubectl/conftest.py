"""A real kubectl against the sandbox's API server."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
import yaml

from kube.vocab.times import SystemClock
from sandbox.apiserver.app import build_app
from sandbox.apiserver.http.serving import start
from sandbox.apiserver.kinds.resources import EVENTS, NODES, PODS
from sandbox.apiserver.storage.store import Store

MANIFEST = Path(__file__).parents[2] / "manifests/crd/datadoghq.com_watermarkpodautoscalers.yaml"


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


class Kubectl:
    """Runs kubectl with a home directory and a kubeconfig of its own."""

    def __init__(self, binary: str, home: Path, url: str) -> None:
        self._binary = binary
        self._home = home
        self.plugins = home / "plugins"
        """First on its PATH."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": {"server": url}}],
            "users": [{"name": "tester", "user": {}}],
            "contexts": [
                {
                    "name": "sandbox",
                    "context": {"cluster": "sandbox", "user": "tester", "namespace": "default"},
                }
            ],
            "current-context": "sandbox",
        }
        self.config = home / "kubeconfig"
        self.config.write_text(yaml.safe_dump(config))

    async def start(self, *arguments: str, stdin: bool = False) -> asyncio.subprocess.Process:
        environment = {
            "HOME": str(self._home),
            "PATH": f"{self.plugins}{os.pathsep}{os.environ['PATH']}",
            "KUBECONFIG": str(self.config),
        }
        return await asyncio.create_subprocess_exec(
            self._binary,
            *arguments,
            env=environment,
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str, stdin: object = None) -> Outcome:
        """Run to the end; `stdin` is given as YAML."""
        process = await self.start(*arguments, stdin=stdin is not None)
        given = yaml.safe_dump(stdin).encode() if stdin is not None else None
        async with asyncio.timeout(60):
            out, err = await process.communicate(given)
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    async def done(self, *arguments: str, stdin: object = None) -> str:
        """Run, expect success, return what it printed."""
        outcome = await self.run(*arguments, stdin=stdin)
        assert outcome.code == 0, outcome
        return outcome.out

    @contextlib.asynccontextmanager
    async def following(self, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
        """A command that does not end by itself."""
        process = await self.start(*arguments)
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.terminate()
            await process.communicate()


@pytest_asyncio.fixture
async def store() -> Store:
    """The cluster's objects."""
    return Store(SystemClock())


@pytest_asyncio.fixture
async def kubectl(tmp_path: Path, store: Store) -> AsyncIterator[Kubectl]:
    """kubectl with a running server that has one node and a pod with an event."""
    binary = shutil.which("kubectl")
    if binary is None:
        pytest.skip("no kubectl on PATH: install it (any version from 1.28 on) to run these tests")
    _populate(store)
    async with await start(build_app(store)) as server:
        yield Kubectl(binary, tmp_path, server.url)


@pytest_asyncio.fixture
async def installed(kubectl: Kubectl) -> Kubectl:
    """kubectl with the product's own definition installed."""
    await kubectl.done("apply", "-f", str(MANIFEST))
    await kubectl.done("api-resources")  # `explain` trusts the discovery that kubectl has cached
    return kubectl


def _populate(store: Store) -> None:
    store.create(
        NODES,
        "",
        {
            "metadata": {"name": "node-1"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {"kubeletVersion": "v1.32.0"},
            },
        },
    )
    pod = store.create(
        PODS,
        "default",
        {
            "metadata": {"name": "web-1", "labels": {"app": "web"}},
            "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "none"}]},
        },
    )
    pod["status"] = {
        "phase": "Running",
        "containerStatuses": [{"name": "main", "ready": True, "restartCount": 2}],
    }
    store.update(PODS, "default", "web-1", pod, "status")
    store.create(
        EVENTS,
        "default",
        {
            "metadata": {"name": "web-1.1"},
            "involvedObject": {
                "kind": "Pod",
                "namespace": "default",
                "name": "web-1",
                "uid": pod["metadata"]["uid"],
            },
            "reason": "Started",
            "message": "Started container main",
            "type": "Normal",
            "lastTimestamp": pod["metadata"]["creationTimestamp"],
        },
    )
