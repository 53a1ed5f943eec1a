"""Child processes that end for sure, each with a log file that is shown when it fails."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sandbox.demo import leash

TAIL: Final = 25
"""Lines of a log that a failure shows."""


class ProcessFailed(Exception):
    """A process ended, or did not become ready; the message ends with the tail of its log."""


class Process:
    """One program in a process group of its own, its output in `log`."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Start it. Only the main thread may: Linux counts the thread that starts a child as its
        parent, so a child started by a worker thread would die with that thread.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"{name} must be started from the main thread")
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-IS", leash.__file__, str(os.getpid()), *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environ is None else dict(environ),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self._child.pid

    def check(self) -> None:
        """Raises ProcessFailed when it has ended."""
        code = self._child.poll()
        if code is not None:
            raise ProcessFailed(f"{self.name} ended with code {code}\n{self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL:]
        return "\n".join([f"--- the end of {self.log}", *lines])

    def terminate(self, within: float = 30.0) -> int:
        """Ask it to end and wait; its exit code. Raises subprocess.TimeoutExpired."""
        self._child.terminate()
        return self._child.wait(within)

    def stop(self) -> None:
        """End it with its group, at once: nothing it holds is worth a farewell."""
        # Once it was waited for, its number may belong to somebody else.
        if self._child.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._child.wait()


def running(pid: int) -> bool:
    """Whether there is such a process that has not ended; Linux only."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    # The state follows the name, which may itself hold brackets. Zombies have ended.
    return stat.rpartition(")")[2].split()[0] != "Z"


def listening(port: int) -> bool:
    """Whether somebody listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
