"""Every query of every dashboard has an answer from a real Prometheus that scraped both daemons.

The demo's processes run through a burst; each panel is then asked as Grafana would ask. What is
empty or an error is named by panel and query.
"""

import asyncio
import json
import re
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
import yaml

from observability.published import BOARDS, ROOT
from sandbox.demo.load import demo_script
from sandbox.demo.stack import Stack, stack
from sandbox.demo.timing import SCRAPE
from sandbox.demo.waiting import wait_for
from sandbox.prometheus.binary import find_prometheus
from tests.integration.dashboards.kube_state import add_virtual_node, kube_state_metrics

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.prometheus,
    pytest.mark.skipif(find_prometheus() is None, reason="there is no prometheus on the PATH"),
]

CHOSEN = {
    "namespace": "forethought-kodo",
    "autoscaler": "kodo-x-metric",
    "__rate_interval": f"{8 * SCRAPE}s",
}
ATTEMPTS = 30
"""Times that everything is asked; rates need a second sample."""
_LABEL_VALUES = re.compile(r"label_values\((?P<series>.*), (?P<label>\w+)\)")


class Prometheus:
    """The parts of its HTTP API that Grafana uses."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self._start = time.time()

    async def series(self, expr: str, *, instant: bool) -> list[dict[str, Any]]:
        """What a panel would get. Raises AssertionError with Prometheus' own words."""
        now = time.time()
        if instant:
            return await self._get("query", query=chosen(expr), time=str(now))
        window = {"start": str(self._start), "end": str(now), "step": str(SCRAPE)}
        return await self._get("query_range", query=chosen(expr), **window)

    async def label_values(self, query: str) -> list[str]:
        """The choices of a variable."""
        found = _LABEL_VALUES.fullmatch(chosen(query))
        assert found, query
        values: list[str] = await self._ask(
            f"label/{found['label']}/values", {"match[]": found["series"]}
        )
        return values

    async def families(self) -> dict[str, str]:
        """The families that were scraped, with their types."""
        metadata: dict[str, list[dict[str, str]]] = await self._ask("metadata", {})
        return {name: entries[0]["type"] for name, entries in metadata.items()}

    async def _get(self, path: str, **params: str) -> list[dict[str, Any]]:
        data = await self._ask(path, params)
        result: list[dict[str, Any]] = data["result"]
        return result

    async def _ask(self, path: str, params: dict[str, str]) -> Any:
        async with self._session.get(f"{self._url}/api/v1/{path}", params=params) as response:
            body = await response.json()
        assert body["status"] == "success", body["error"]
        return body["data"]


def chosen(text: str) -> str:
    """`text` with its variables filled in, as Grafana does before it asks."""
    filled = re.sub(r"\$([a-z_]\w*)", lambda match: CHOSEN[match[1]], text)
    # What is left is a group of `label_replace`, which Grafana leaves alone, too.
    assert "$" not in filled.replace('"$1"', ""), filled
    return filled


def questions() -> list[tuple[str, str, bool]]:
    """Dashboard and panel, query, whether it is about now; from the JSON that is checked in."""
    found = []
    for board in BOARDS:
        file = ROOT / "manifests" / "grafana" / f"{board.uid}.json"
        content = json.loads(file.read_text())
        for panel in content["panels"]:
            for target in panel.get("targets", []):
                where = f"{content['title']} / {panel['title']}"
                found.append((where, target["expr"], target["instant"]))
        for annotation in content["annotations"]["list"]:
            found.append((f"{content['title']} / {annotation['name']}", annotation["expr"], False))
    return found


def scrape_too(running: Stack, job: str, port: int) -> None:
    """Let Prometheus scrape one more, as an edit of its configuration and a signal do."""
    path = running.files.folder / "prometheus.yml"
    configuration = yaml.safe_load(path.read_text())
    targets = [{"targets": [f"127.0.0.1:{port}"]}]
    configuration["scrape_configs"].append({"job_name": job, "static_configs": targets})
    path.write_text(yaml.safe_dump(configuration))
    running.children["prometheus"].process.send_signal(signal.SIGHUP)


async def _trouble(prometheus: Prometheus, asked: list[tuple[str, str, bool]]) -> list[str]:
    trouble = []
    for where, expr, instant in asked:
        try:
            answer = await prometheus.series(expr, instant=instant)
        except AssertionError as error:
            trouble.append(f"{where}: {expr}\n    error: {error}")
        else:
            if not answer:
                trouble.append(f"{where}: {expr}\n    no data")
    return trouble


@pytest.mark.asyncio
async def test_every_panel_annotation_and_variable_has_an_answer(tmp_path: Path) -> None:
    async with (
        stack(tmp_path, Random()) as running,
        aiohttp.ClientSession() as session,
        AsyncExitStack() as servers,
    ):
        for title, work in running.steps(demo_script(60, repeat=True), find_prometheus()):
            await work()
            if title.startswith("API server"):
                await add_virtual_node(running.client)
        port = await servers.enter_async_context(kube_state_metrics(running.client))
        scrape_too(running, "kube-state-metrics", port)
        prometheus = Prometheus(f"http://127.0.0.1:{running.ports.prometheus}", session)

        async def went_up_and_down() -> bool | None:
            ways = ("up", "down")
            name = "sum(wpa_controller_{}scale_replicas_total) > 0"
            moved = [await prometheus.series(name.format(way), instant=True) for way in ways]
            return all(moved) or None

        scaler = running.children["wpa-scaler"]
        await wait_for(went_up_and_down, "scaled up and down", within=150, child=scaler)
        asked, trouble = questions(), [""]
        for _ in range(ATTEMPTS):
            trouble = await _trouble(prometheus, asked)
            if not trouble:
                break
            await asyncio.sleep(2)
        assert not trouble, "\n".join(trouble)
        assert len(asked) > 60
        for board in BOARDS:
            for variable in board.variables:
                values = await prometheus.label_values(variable.query)
                assert CHOSEN[variable.name] in values, variable

        wrong = [("A", "no_such_series", True), ("B", "sum(", False)]
        silent, broken = await _trouble(prometheus, wrong)
        assert silent == "A: no_such_series\n    no data"
        assert broken.startswith("B: sum(\n    error: ")

        documented = (ROOT / "docs" / "metrics.md").read_text()
        for name, kind in (await prometheus.families()).items():
            if name.startswith(("wpa_", "http_client_")) and not name.endswith("_created"):
                assert f"| `{name}` | {kind} |" in documented, name
