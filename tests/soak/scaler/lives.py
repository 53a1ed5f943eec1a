"""Two scalers with a Lease; now and then one is ended, with or without a last word."""

import asyncio
import io
import json
from collections import Counter
from random import Random
from typing import Final

from kube.service.settings import Address
from tests.integration.scaler.daemon import Running
from tests.integration.scaler.pages import Scrape, scrape
from tests.ports import free_port
from tests.soak.scaler.processes import LOOPBACK
from tests.soak.scaler.site import Site

PAUSES: Final = (120.0, 900.0)
"""Seconds between two ends."""
AWAY: Final = 40.0
"""Seconds that the next one takes to start, at most."""


class Lives:
    """Starts scalers, ends them, and counts what they say of themselves."""

    def __init__(self, site: Site, random: Random) -> None:
        self.ended: Counter[str] = Counter()
        self.evaluations: Counter[str] = Counter()
        """By binding rule, of all lives."""
        self.running: list[Running] = []
        self._ports: list[tuple[int, int]] = []
        self._taken: dict[Running, tuple[int, int]] = {}
        self._site = site
        self._random = random

    async def start(self) -> None:
        """One scaler more, on the ports of one that has ended."""
        metrics, health = self._ports.pop() if self._ports else (free_port(), free_port())
        address = Address(LOOPBACK, metrics)
        running = await self._site.w.scaler(
            leader_election=True, metrics_address=address, health_port=health
        )
        self.running.append(running)
        self._taken[running] = metrics, health

    async def run(self) -> None:
        """End one after the other, until cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(*PAUSES))
            await self.end(self._random.choice(self.running), kill=self._random.random() < 0.7)
            await asyncio.sleep(self._random.uniform(0, AWAY))
            await self.start()

    async def end(self, running: Running, *, kill: bool) -> None:
        """End one, after it has told what it did."""
        self.running.remove(running)
        self._site.w.running.remove(running)
        if running.over:
            self._site.judge.problem("a scaler has ended by itself")
            return
        self._count(await scrape(running))
        self._ports.append(self._taken.pop(running))
        await (running.kill() if kill else running.stop())
        self.ended["killed" if kill else "stopped"] += 1

    def _count(self, page: Scrape) -> None:
        for sample in page.samples:
            if sample.name == "wpa_scaler_evaluations_total":
                self.evaluations[sample.labels["rule"]] += round(sample.value)


class Log(io.StringIO):
    """Where the scalers log: counted by message; what crashed is a problem."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.lines: Counter[str] = Counter()
        self._site = site

    def write(self, text: str) -> int:
        """One line."""
        if text.startswith("{"):
            line = json.loads(text)
            self.lines[f"{line['level']}: {line['msg']}"] += 1
            if "exception" in line:
                self._site.judge.problem(f"{line['msg']}: {line['exception'][-600:]}")
        elif text.strip():
            self._site.judge.problem(f"not a log line: {text[-600:]}")
        return len(text)
