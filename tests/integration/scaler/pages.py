"""Reading what a scaler serves."""

from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.scaler.daemon import Running


async def fetch(url: str) -> tuple[int, str]:
    """Code and body of a GET."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


class Scrape:
    """The samples of one `/metrics` page."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in families for sample in family.samples]

    def values(self, name: str, **labels: str) -> list[float]:
        """The values of all series of that name that carry `labels`."""
        return [
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float:
        """The value of the one such series."""
        (found,) = self.values(name, **labels)
        return found

    def of(self, wpa: str) -> list[tuple[str, dict[str, str]]]:
        """Names and labels of an autoscaler's series."""
        return [
            (sample.name, dict(sample.labels))
            for sample in self.samples
            if sample.labels.get("wpa_name") == wpa
        ]


async def scrape(running: Running) -> Scrape:
    """The scaler's `/metrics` now."""
    code, text = await fetch(running.url + "/metrics")
    assert code == 200, text
    return Scrape(text)


async def shown(running: Running) -> dict[str, dict[str, Any]]:
    """The scaler's `/autoscalers` page by name of the autoscaler."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(running.url + "/autoscalers") as response,
    ):
        body = await response.json()
    return {one["name"]: one for one in body["autoscalers"]}
