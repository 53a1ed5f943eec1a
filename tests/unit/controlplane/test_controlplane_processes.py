"""Child processes: watched, ended, never left behind."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.controlplane.processes import Process, ProcessFailed, running
from tests.controlplane.waiting import eventually

ROOT = Path(__file__).parents[3]


def shell(tmp_path: Path, script: str) -> Process:
    return Process("shell", ["/bin/sh", "-c", script], tmp_path / "shell.log")


def test_output_is_kept_in_the_log(tmp_path: Path):
    process = shell(tmp_path, "echo out; echo err >&2; exec sleep 600")
    log = eventually(process.log.read_text, lambda text: "err" in text)
    process.check()
    process.stop()
    assert log.splitlines() == ["out", "err"]


def test_end_is_reported_with_code_and_the_last_lines(tmp_path: Path):
    process = shell(tmp_path, "seq 100; exit 3")
    eventually(lambda: not running(process.pid))
    with pytest.raises(ProcessFailed, match="shell ended with code 3") as raised:
        process.check()
    assert str(raised.value).splitlines()[-1] == "100"
    assert "\n75\n" not in str(raised.value)


def test_stop_ends_the_whole_group_even_when_it_ignores_signals(tmp_path: Path):
    process = shell(tmp_path, "trap '' TERM INT HUP; sleep 600 & echo $!; wait")
    child = int(eventually(process.log.read_text))
    process.stop()
    assert not running(process.pid)
    eventually(lambda: not running(child))
    process.stop()


def test_processes_die_with_a_parent_that_is_killed(tmp_path: Path):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tests.controlplane.processes import Process\n"
        "print(Process('child', ['/bin/sleep', '600'], Path(sys.argv[1])).pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        # Only when the program itself runs is the leash on.
        eventually(lambda: b"/bin/sleep" in Path(f"/proc/{child}/cmdline").read_bytes())
        os.kill(parent.pid, signal.SIGKILL)
    eventually(lambda: not running(child))


def test_worker_threads_may_not_start_processes(tmp_path: Path):
    errors: list[RuntimeError] = []

    def start() -> None:
        try:
            shell(tmp_path, "true")
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert [str(error) for error in errors] == ["shell must be started from the main thread"]
