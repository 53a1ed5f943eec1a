"""A real Prometheus with samples that make answers differ if anything can.

Floats whose sum depends on the order, NaN, infinities, counter resets, gaps, series that end,
labels that are missing or look like regular expressions; in blocks and, in another order, in
memory.
"""

import contextlib
import random
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from tests.integration.demo.real_prometheus import running_prometheus

QUEUES = ("a", "a.b", "axb", "ab", "b", "a-b")
NAMESPACES = ("blue", "green")
_ODD = ("a|b", ".*", 'a"b', "a\\\\.b", "", "A.B")
_SPAN = 3 * 3600
_STEP = 30
_SCRAPES = 4


class Samples:
    """Series and how their values go on. The same seed gives the same samples."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.series: list[str] = []
        pods = [f"p{number}" for number in range(6)]
        for metric in ("depth", "done_total", "lag"):
            for namespace in (*NAMESPACES, "elsewhere", ""):
                for queue in (*QUEUES, *_ODD):
                    members = 6 if metric == "depth" else 3
                    for pod in self._chance.sample(pods, self._chance.randint(1, members)):
                        labels = {"namespace": namespace, "queue": queue, "pod": pod}
                        if self._chance.random() < 0.7:
                            labels["zone"] = self._chance.choice(["z1", "z2"])
                        text = ",".join(
                            '{}="{}"'.format(name, value.replace('"', '\\"'))
                            for name, value in labels.items()
                            if value
                        )
                        self.series.append(f"{metric}{{{text}}}" if text else metric)
        self.series = sorted(set(self.series))
        self._counts: dict[str, float] = {}

    def value(self, series: str) -> float:
        """The next value of a series."""
        chance = self._chance
        if series.startswith("done_total"):
            last = self._counts.get(series, 0.0)
            grown = 0.0 if chance.random() < 0.05 else last + chance.random() * 10
            self._counts[series] = grown
            return grown
        if chance.random() < 0.03:
            return chance.choice([float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 1e308])
        return chance.uniform(-1, 1) * 10.0 ** chance.randint(-8, 8)

    def backfill(self, end: int) -> str:
        """OpenMetrics text of the time before `end` (epoch seconds), with gaps."""
        lines = []
        for series in self.series:
            stops = end - self._chance.choice([0, 0, 0, 1800, 5400])
            label = series if series.endswith("}") else f"{series}{{}}"
            joint = "" if label.endswith("{}") else ","
            label = f'{label[:-1]}{joint}instance="i",job="t"}}'
            lines += [
                f"{label} {_text(self.value(series))} {at}"
                for at in range(end - _SPAN, stops, _STEP)
                if self._chance.random() > 0.1
            ]
        return "\n".join([*lines, "# EOF", ""])

    def exposition(self) -> str:
        """What a scrape gets: the series in any order, a few of them missing."""
        shuffled = self._chance.sample(self.series, len(self.series))
        return "".join(
            f"{series} {_text(self.value(series))}\n"
            for series in shuffled
            if self._chance.random() > 0.05
        )


def _text(value: float) -> str:
    return repr(value).replace("inf", "Inf").replace("nan", "NaN")


@contextlib.contextmanager
def awkward_prometheus(folder: Path, seed: int) -> Iterator[tuple[str, list[float]]]:
    """Base URL, and instants (epoch seconds) worth asking about."""
    samples = Samples(seed)
    now = int(time.time())
    (folder / "input.om").write_text(samples.backfill(now - 20))
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "input.om", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    with contextlib.ExitStack() as stack:
        exporter = stack.enter_context(contextlib.ExitStack())
        port = exporter.enter_context(_exporter(samples))
        (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
- job_name: t
  static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{instance: i}}}}]
""")
        running = running_prometheus(folder / "prometheus.yml", folder / "data")
        url = stack.enter_context(running)
        _await(url, f"sum(sum_over_time(up[5m])) >= {_SCRAPES}")
        end = round(time.time(), 3)
        # From here on nothing changes any more, not even for queries that look ahead.
        exporter.close()
        _await(url, "up == 0")
        yield url, [end, now - 15.0, now - 3600.0, now - 7000.0]


@contextlib.contextmanager
def _exporter(samples: Samples) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = samples.exposition().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            # A scrape that was given up is not awaited.
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _await(url: str, condition: str) -> None:
    """Wait until the query `condition` has a result."""
    query = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': condition})}"
    for _ in range(600):
        with urllib.request.urlopen(query, timeout=30) as got:
            if msgspec.json.decode(got.read())["data"]["result"]:
                return
        time.sleep(0.1)
    raise AssertionError(f"never true: {condition}")
