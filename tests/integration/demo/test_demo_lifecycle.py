"""The demo command as a user runs it: it ends when told, leaves nothing, and explains failures."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

DEMO = [sys.executable, "-m", "sandbox", "demo", "--prometheus", "stand-in"]
RUNNING = "replicas 3/3"
"""In the first plain line of an autoscaler."""


@contextmanager
def _demo(folder: Path, *arguments: str, **environment: str) -> Iterator["_Demo"]:
    """A demo whose temporary files go to `folder`; killed at the end at the latest."""
    out = folder / "output.txt"
    places = folder / "tmp"
    places.mkdir()
    with out.open("wb") as stream:
        process = subprocess.Popen(
            [*DEMO, *arguments],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(places), **environment},
            start_new_session=True,
        )
    demo = _Demo(process, out, places)
    try:
        yield demo
    finally:
        process.kill()
        process.wait()


class _Demo:
    def __init__(self, process: subprocess.Popen[bytes], out: Path, places: Path) -> None:
        self.process, self._out, self._places = process, out, places

    @property
    def output(self) -> str:
        return self._out.read_text()

    @property
    def leftovers(self) -> list[str]:
        """Files of the demo, and processes that name its folder."""
        files = [entry.name for entry in self._places.iterdir()]
        return files + [line for line in _command_lines() if str(self._places) in line]

    def wait_for(self, text: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)


def _command_lines() -> list[str]:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # ended while we looked
    return lines


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything_and_leaves_nothing(tmp_path, number) -> None:
    with _demo(tmp_path) as demo:
        demo.wait_for(RUNNING)
        assert any("scaler" in line for line in demo.leftovers)
        demo.process.send_signal(number)
        assert demo.process.wait(timeout=60) == 0, demo.output
        assert demo.leftovers == []
        assert "Traceback" not in demo.output


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_process_that_dies_ends_the_demo_with_its_log(tmp_path) -> None:
    with _demo(tmp_path, "--for", "300s") as demo:
        demo.wait_for(RUNNING)
        os.kill(_pid_of("wpa-adapter.kubeconfig", demo), signal.SIGKILL)
        assert demo.process.wait(timeout=60) == 1
        assert "The demo failed: wpa-adapter ended by itself" in demo.output
        assert "The end of wpa-adapter's output:" in demo.output
        assert "serving" in demo.output  # from its log
        assert demo.leftovers == []
        assert "Traceback" not in demo.output


def test_a_step_that_fails_names_the_step_and_shows_the_log(tmp_path) -> None:
    """An adapter that ends at its start; the demo passes on what it said."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if sys.orig_argv[2:4] == ['-m', 'adapter']:\n"
        "    os.write(2, b'the adapter is not in the mood')\n"
        "    os._exit(1)\n"
    )
    with _demo(tmp_path, "--for", "300s", PYTHONPATH=str(hook)) as demo:
        assert demo.process.wait(timeout=120) == 1
        assert "wpa-adapter behind the API server" in demo.output
        assert "wpa-adapter ended with exit code 1" in demo.output
        assert "the adapter is not in the mood" in demo.output
        assert demo.leftovers == []
        assert "Traceback" not in demo.output


def _pid_of(part: str, demo: _Demo) -> int:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if part in line and any(line == known for known in demo.leftovers):
            return int(entry.parent.name)
    raise AssertionError(f"no process with {part}")
