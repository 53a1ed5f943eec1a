"""Running the real Prometheus beside a test."""

import contextlib
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from sandbox.prometheus.binary import find_prometheus, prometheus_command
from tests.ports import free_port


@contextlib.contextmanager
def running_prometheus(config_file: Path, data: Path) -> Iterator[str]:
    """Base URL of a Prometheus that is ready; stopped at the end."""
    program = find_prometheus()
    assert program is not None
    port = free_port()
    log = data.parent / "prometheus.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            prometheus_command(program, config_file, data, port), stdout=out, stderr=out
        )
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(1200):
                assert process.poll() is None, log.read_text()
                with (
                    contextlib.suppress(urllib.error.URLError, ConnectionError),
                    urllib.request.urlopen(f"{url}/-/ready", timeout=1),
                ):
                    break
                time.sleep(0.05)
            else:
                raise AssertionError(f"not ready: {log.read_text()}")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)
