"""The files that are made from the code, and where they are."""

import asyncio
from pathlib import Path
from typing import Final

from msgspec import structs

from adapter.core.schema import schema_text
from observability import autoscaler_board, fleet_board
from observability.adapter_rows import ADAPTER, PROCESSES
from observability.families import adapter_families, scaler_families
from observability.grafana import Board
from observability.grafana_json import document
from observability.metrics_page import metrics_page
from observability.scaler_rows import SCALER

ROOT: Final = Path(__file__).parent.parent

FLEET: Final = structs.replace(
    fleet_board.BOARD, rows=(*fleet_board.BOARD.rows, SCALER, ADAPTER, PROCESSES)
)
"""All autoscalers, and the daemons that look after them."""

BOARDS: Final[tuple[Board, ...]] = (autoscaler_board.BOARD, FLEET)


def published() -> dict[Path, str]:
    """What each file has to contain, by its path in the repository."""
    page = metrics_page(asyncio.run(scaler_families()), adapter_families())
    files = {Path("docs/metrics.md"): page, Path("docs/adapter-config.schema.json"): schema_text()}
    for board in BOARDS:
        files[Path("manifests/grafana") / f"{board.uid}.json"] = document(board)
    return files
