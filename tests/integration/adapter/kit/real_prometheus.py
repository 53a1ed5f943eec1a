"""The real Prometheus, loaded with a block of samples before it starts; it scrapes nothing."""

import asyncio
import contextlib
import shutil
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import aiohttp
import pytest

from tests.integration.adapter.kit.server import until
from tests.ports import free_port

NEEDS_PROMETHEUS = (
    pytest.mark.prometheus,
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("promtool") is None,
        reason="no prometheus and promtool on PATH",
    ),
)
"""Marks of tests that run it."""


@contextlib.asynccontextmanager
async def prometheus_with(folder: Path, lines: Iterable[str]) -> AsyncIterator[tuple[str, Process]]:
    """A Prometheus in `folder` that knows the samples of `lines`; yields address and process."""
    (folder / "samples.txt").write_text("\n".join([*lines, "# EOF", ""]))
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    await _done(
        "promtool", "tsdb", "create-blocks-from", "openmetrics", "samples.txt", "data", cwd=folder
    )
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--web.listen-address=127.0.0.1:{port}",
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        cwd=folder,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as session:

            async def ready():
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{url}/-/ready") as got:
                        return got.status == 200
                return False

            await until(ready)
        yield url, process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _done(*command: str, cwd: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
