"""The demo's child processes: started on a leash, logged to files, ended for certain."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

GRACE: Final = 6.0
"""Seconds a process gets between SIGTERM and SIGKILL; the daemons promise to need 5."""

TAIL_LINES: Final = 15


class Child(Struct):
    """A running process and the file that has its output."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def alive(self) -> bool:
        """Whether it runs still."""
        return self.process.returncode is None

    def tail(self) -> str:
        """The last lines of its output."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            return f"({self.log}: {error})"
        return "\n".join(lines[-TAIL_LINES:]) or "(no output)"


class Children:
    """All children of the demo."""

    def __init__(self, logs: Path) -> None:
        """`logs` gets their output, and whatever they leave in temporary files."""
        self._logs = logs
        self._children: dict[str, Child] = {}

    def __getitem__(self, name: str) -> Child:
        return self._children[name]

    async def start(self, name: str, command: Sequence[str]) -> Child:
        """Start a program in a session of its own, so that Ctrl-C reaches it only through us."""
        log = self._logs / f"{name}.log"
        leash = [sys.executable, "-P", "-m", "sandbox.demo.leash", str(os.getpid())]
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *leash,
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(self._logs)},
            )
        self._children[name] = child = Child(name, process, log)
        return child

    @property
    def newest(self) -> Child | None:
        """The one started last."""
        return next(reversed(self._children.values()), None)

    def dead(self) -> list[Child]:
        """Children that ended although nobody stopped them."""
        return [child for child in self._children.values() if not child.alive]

    async def stop(self, names: Iterable[str]) -> None:
        """Stop these, at the same time; afterwards they are no longer children."""
        children = [self._children.pop(name) for name in names]
        await asyncio.gather(*(_end(child.process) for child in children))

    async def stop_all(self) -> None:
        """Stop whatever runs."""
        await self.stop(list(self._children))


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        _signal(process, signal.SIGTERM)
        async with asyncio.timeout(GRACE):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        # Also when we are cancelled, and for anything the process itself had started.
        _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
