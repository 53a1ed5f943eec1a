"""A real VictoriaMetrics that knows what it is told, behind a password."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from tests.integration.adapter.kit.server import until
from tests.ports import free_port

USER, PASSWORD = "reader", "geheim"
AUTHORIZATION = aiohttp.encode_basic_auth(USER, PASSWORD)


@contextlib.asynccontextmanager
async def victoria_metrics(folder: Path, samples: str) -> AsyncIterator[str]:
    """Knows `samples`, in Prometheus' text form with times in milliseconds; yields its address."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        "victoria-metrics",
        f"-httpListenAddr=127.0.0.1:{port}",
        f"-storageDataPath={folder}/victoria-metrics",
        # Samples count at once, not after the time that scraping may take.
        "-search.latencyOffset=0s",
        f"-httpAuth.username={USER}",
        f"-httpAuth.password={PASSWORD}",
        stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession(headers={"Authorization": AUTHORIZATION}) as session:

            async def told() -> bool:
                with contextlib.suppress(aiohttp.ClientError):
                    where = f"{url}/api/v1/import/prometheus"
                    async with session.post(where, data=samples) as got:
                        return got.status == 204
                return False

            await until(told)
            # What was told becomes visible with the next flush.
            async with session.get(f"{url}/internal/force_flush") as got:
                assert got.status == 200
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
