"""The real `wpa-scaler` process."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port


class Process:
    """A started process and what it has written so far."""

    def __init__(self, process: asyncio.subprocess.Process, metrics: int, health: int) -> None:
        self.url = f"http://127.0.0.1:{metrics}"
        self.health = f"http://127.0.0.1:{health}"
        self.text = ""
        self._process = process
        self._reader = asyncio.create_task(self._read())

    def lines(self) -> list[dict[str, Any]]:
        """Its log lines."""
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    def said(self, words: str) -> bool:
        """Whether it wrote these words."""
        return words in self.text

    async def end(self) -> int:
        """Wait for the exit code."""
        async with asyncio.timeout(60):
            await self._reader
            return await self._process.wait()

    async def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return await self.end()

    async def _read(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.text += line.decode()

    async def clear(self) -> None:
        """Leave nothing behind."""
        if self._process.returncode is None:
            self._process.kill()
        await self._reader
        await self._process.wait()


@asynccontextmanager
async def scaler_process(
    kubeconfig: Path, *flags: str, metrics: int = 0, health: int = 0
) -> AsyncIterator[Process]:
    """Start it with free ports; when the context closes it is gone."""
    metrics, health = metrics or free_port(), health or free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "scaler",
        f"--kubeconfig={kubeconfig}",
        f"--metrics-addr=127.0.0.1:{metrics}",
        f"--health-port={health}",
        "--leader-election-namespace=watermark-autoscaler",
        *flags,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "HOME": str(kubeconfig.parent)},
    )
    started = Process(process, metrics, health)
    try:
        yield started
    finally:
        await started.clear()
