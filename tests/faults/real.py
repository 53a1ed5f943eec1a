"""The faults that only a process can have: in real time, with everything ten times as fast.

The scaler is the real one in a process of its own, all else as in virtual time.
"""

import asyncio
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from kube.service.logs import LOST
from kube.vocab.times import SystemClock
from tests.faults.site import Site, complaints
from tests.integration.scaler.pages import Scrape, fetch
from tests.integration.scaler.world import SYSTEM

PACE: Final = 10
PAUSE: Final = 60.0
"""Real seconds."""


class ProcessSite(Site):
    """A site whose scaler is a process, which logs to a file."""

    def __init__(self, folder: Path, seconds: float = 18.0) -> None:
        super().__init__(folder, SystemClock(), pace=PACE)
        self.seconds = seconds
        self.log = folder.parent / "scaler.log"
        self.starved = False
        """Its log could not grow for a while."""
        self.process: asyncio.subprocess.Process

    async def start_scaler(self) -> None:
        """The one there is."""
        token = self.cluster.service_account_token(SYSTEM, "wpa-scaler")
        address = self.usual["metrics_address"]
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "scaler", f"--kubeconfig={self.kubeconfig(token=token)}"),
                f"--metrics-addr={address.host}:{address.port}",
                f"--health-port={self.usual['health_port']}",
                f"--leader-election-namespace={SYSTEM}",
                f"--evaluation-period={15_000 // PACE}ms",
                f"--max-sample-age={120 // PACE}s",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def trouble(self) -> list[str]:
        """Whether it ended by itself, and what its series tell."""
        if self.process.returncode is not None:
            return [f"the scaler ended with {self.process.returncode}"]
        address = self.usual["metrics_address"]
        _, text = await fetch(f"http://{address.host}:{address.port}/metrics")
        found = complaints(Scrape(text))
        if self.starved and LOST not in self.log.read_text(encoding="utf-8"):
            found.append("the disk was not full: no line was lost")
        return found

    async def end(self) -> None:
        """Leave nothing behind."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        await self.process.wait()


def paused_site(folder: Path) -> ProcessSite:
    """Where the fault lasts for a minute."""
    return ProcessSite(folder, PAUSE)


@asynccontextmanager
async def paused(it: Site) -> AsyncIterator[None]:
    """By SIGSTOP; what goes on finds a world that went on without it."""
    assert isinstance(it, ProcessSite)
    it.process.send_signal(signal.SIGSTOP)
    yield
    it.process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def out_of_disk(it: Site) -> AsyncIterator[None]:
    """No file that the scaler writes to may grow any more, its log to begin with."""
    assert isinstance(it, ProcessSite)
    kind = resource.RLIMIT_FSIZE
    before = resource.prlimit(it.process.pid, kind)
    resource.prlimit(it.process.pid, kind, (it.log.stat().st_size, before[1]))
    yield
    resource.prlimit(it.process.pid, kind, before)
    it.starved = True
