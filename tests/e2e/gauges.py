"""Numbers that tests set, and a real Prometheus that scrapes them."""

import shutil
import threading
from pathlib import Path
from typing import Final

import pytest
import yaml
from aiohttp import web

from tests.controlplane.pki import Pki
from tests.controlplane.processes import Process, listening
from tests.controlplane.serving import Serving
from tests.controlplane.waiting import eventually
from tests.ports import free_ports

SCRAPE_INTERVAL: Final = "500ms"

Labels = tuple[tuple[str, str], ...]


class Gauges:
    """A scrape target. Tests keep out of each other's way by the label `namespace`."""

    def __init__(self, pki: Pki) -> None:
        app = web.Application()
        app.router.add_get("/metrics", self._expose)
        pair = pki.cluster.serving(pki.folder / "gauges", "127.0.0.1")
        self._serving = Serving(app, pair)
        self._lock = threading.Lock()
        self._values: dict[tuple[str, Labels], float] = {}

    @property
    def port(self) -> int:
        """Where it is scraped, on 127.0.0.1, over HTTPS."""
        return self._serving.port

    def start(self) -> None:
        """Returns when it can be scraped."""
        self._serving.start()

    def stop(self) -> None:
        """The end of it."""
        self._serving.stop()

    def set(self, name: str, value: float, **labels: str) -> None:
        """What the next scrape finds."""
        with self._lock:
            self._values[name, _sorted(labels)] = value

    def remove(self, name: str, **labels: str) -> None:
        """The series ends with the next scrape."""
        with self._lock:
            del self._values[name, _sorted(labels)]

    async def _expose(self, _request: web.Request) -> web.Response:
        with self._lock:
            lines = [_line(name, labels, v) for (name, labels), v in sorted(self._values.items())]
        return web.Response(text="".join(lines))


class Prometheus:
    """The real one, scraping one Gauges; it can be stopped and started again."""

    def __init__(self, folder: Path, pki: Pki, gauges: Gauges) -> None:
        """`folder` receives configuration, data and log. Skips where there is no Prometheus."""
        self._program = shutil.which("prometheus") or pytest.skip("no prometheus on PATH")
        folder.mkdir()
        self._folder = folder
        (self._port,) = free_ports(1)
        self._process: Process | None = None
        target = {
            "job_name": "gauges",
            # The tests' own labels count, "namespace" and "job" among them.
            "honor_labels": True,
            "scheme": "https",
            "tls_config": {"ca_file": str(pki.cluster.file)},
            "static_configs": [{"targets": [f"127.0.0.1:{gauges.port}"]}],
        }
        content = {
            "global": {"scrape_interval": SCRAPE_INTERVAL, "scrape_timeout": SCRAPE_INTERVAL},
            "scrape_configs": [target],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(content))

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns when it listens."""
        argv = [
            self._program,
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--log.level=warn",
        ]
        process = Process("prometheus", argv, self._folder / "prometheus.log")
        self._process = process

        def up() -> bool:
            process.check()
            return listening(self._port)

        eventually(up)

    def stop(self) -> None:
        """At once, as when its node is lost."""
        if self._process is not None:
            self._process.stop()
            self._process = None


def _sorted(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{content}"' for label, content in labels)
    return f"{name}{{{inside}}} {value!r}\n"
