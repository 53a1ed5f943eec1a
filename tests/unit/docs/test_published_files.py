"""What is made from the code is checked in as the code makes it: `make docs` after a change."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from observability.families import adapter_families, scaler_families
from observability.grafana import panels_of
from observability.published import BOARDS, ROOT, published

GRAFANA = ROOT / "manifests" / "grafana"
_SERIES = re.compile(r"\b(?:wpa|http_client|process)_\w+")
_LABELS = {"wpa_name", "wpa_namespace"}
_PARTS = re.compile(r"_(?:bucket|sum|count)$")

boards = pytest.mark.parametrize("uid", [board.uid for board in BOARDS])


def board(uid: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GRAFANA / f"{uid}.json").read_text())
    return content


def drawn(uid: str) -> list[dict[str, Any]]:
    return [panel for panel in board(uid)["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("path", published(), ids=str)
def test_nothing_is_stale(path: Path):
    assert (ROOT / path).read_text() == published()[path], "run `make docs`"


def test_no_dashboard_is_left_over():
    assert {file.stem for file in GRAFANA.glob("*.json")} == {board.uid for board in BOARDS}


@pytest.mark.asyncio
async def test_dashboards_ask_for_series_that_exist():
    known = {family.name for family in [*await scaler_families(), *adapter_families()]}
    for one in BOARDS:
        for panel in panels_of(one):
            for query in panel.queries:
                for name in set(_SERIES.findall(query.expr)) - _LABELS:
                    assert name in known or _PARTS.sub("", name) in known, (panel.title, name)


@pytest.mark.asyncio
async def test_every_series_of_an_autoscaler_is_on_a_dashboard_or_known_to_be_left_out():
    """Left out: upstream's second spelling, what only joins, and what few objects have: a block
    shows among the conditions.
    """
    left_out = {
        "wpa_controller_high_watermak",
        "wpa_controller_low_watermak",
        "wpa_controller_labels_info",
        "wpa_controller_lifecycle_control_status",
    }
    asked = " ".join(
        query.expr for one in BOARDS for panel in panels_of(one) for query in panel.queries
    )
    shown = set(_SERIES.findall(asked))
    of_objects = {one.name for one in await scaler_families() if "wpa_name" in one.labels}
    assert of_objects - shown == left_out


@boards
def test_a_dashboard_can_be_imported(uid):
    content = board(uid)
    assert (content["uid"], content["schemaVersion"]) == (uid, 39)
    assert content["title"].startswith("Watermark autoscaler / ")
    assert content["tags"] == ["watermark-autoscaler"]
    variables = [one["name"] for one in content["templating"]["list"]]
    assert variables[0] == "datasource"
    numbers = [panel["id"] for panel in content["panels"]]
    assert len(numbers) == len(set(numbers))
    text = json.dumps(content)
    used = set(re.findall(r"\$\{?([a-z_]\w*)", text))
    assert used - {"__rate_interval", "__all"} == set(variables)


@boards
def test_panels_explain_themselves_and_ask_the_chosen_source(uid):
    titles = [panel["title"] for panel in drawn(uid)]
    assert len(titles) == len(set(titles))
    for panel in drawn(uid):
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert target["instant"] is not target["range"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@boards
def test_panels_fill_the_grid_without_touching(uid):
    taken: set[tuple[int, int]] = set()
    for panel in board(uid)["panels"]:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_page_names_every_series_once_with_unit_and_meaning():
    page = published()[Path("docs/metrics.md")]
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    names = [row[0] for row in rows]
    assert len(names) == len(set(names)) > 50
    for row in rows:
        assert len(row) == 5, row
        assert row[4].rstrip(" |").endswith("."), row
