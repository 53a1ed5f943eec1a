"""The real Prometheus: where it is and how the demo starts it."""

import shutil
from pathlib import Path
from typing import Final

RETENTION: Final = "2h"


def find_prometheus(path: str | None = None) -> str | None:
    """The `prometheus` program on `path` ($PATH when None), or None."""
    return shutil.which("prometheus", path=path)


def prometheus_command(program: str, config_file: Path, data: Path, port: int) -> list[str]:
    """Its command line: own data folder, loopback only, nothing that outlives the demo."""
    return [
        program,
        f"--config.file={config_file}",
        f"--storage.tsdb.path={data}",
        f"--storage.tsdb.retention.time={RETENTION}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
