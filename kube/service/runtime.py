"""The life of a daemon process: start, signals, an orderly end, exit codes.

The first SIGTERM or SIGINT asks the daemon to stop and starts a deadline; a second one, or the
deadline, cancels what is still running. Exit codes: 0 stopped or done, 1 failed, 2 configuration
or usage.
"""

import asyncio
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from kube.client.errors import ConfigError

new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
"""Makes event loops: uvloop's where it is installed."""
try:
    import uvloop
except ImportError:
    pass  # an optional extra
else:
    new_loop = uvloop.new_event_loop

Main = Callable[[asyncio.Event], Awaitable[int | None]]
"""A daemon: works until the event is set, then ends in order; returns its exit code, None for 0."""

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2


MOST_DESCRIPTORS: Final = 65_536
"""More than any of our daemons has connections."""
_M_MMAP_THRESHOLD: Final = -3
"""mallopt(3)'s name for the size from which on a block is the kernel's own."""
LARGE_BLOCK: Final = 128 * 1024
"""Bytes: glibc's first value of it, which it raises with the first large block that is freed."""


class UsageError(Exception):
    """The user has to change a flag, a file or the machine; one line says which."""


def run(main: Main, *, program: str, drain: float = 5.0) -> int:
    """Run `main` in an event loop to its end; returns the exit code of the process.

    UsageError and ConfigError, alone or in a group, become a line each on stderr and code 2.
    Anything else that escapes `main` is a defect and is raised.
    """
    _allow_descriptors()
    _give_memory_back()
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(_supervise(main, program, drain))
    except (UsageError, ConfigError) as error:
        _say(program, str(error))
        return USAGE
    except BaseExceptionGroup as group:
        ours, others = group.split((UsageError, ConfigError))
        if ours is None or others is not None:
            raise
        for leaf in _leaves(ours):
            _say(program, str(leaf))
        return USAGE


def _give_memory_back() -> None:
    """Have large blocks go back to the system when they are freed.

    A TLS connection has buffers of 256 KiB. Left alone, glibc soon cuts those out of the heap,
    which then stays as large as at the worst moment of an outage.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:  # other C libraries have none, and need none
            mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)


def _allow_descriptors() -> None:
    """Raise the soft limit of open files, as Go programs do: it protects users of select() alone,
    and connections that hang could reach it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _supervise(main: Main, program: str, drain: float) -> int:
    loop = asyncio.get_running_loop()
    stop, force = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (force if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    work = asyncio.ensure_future(main(stop))
    end = asyncio.ensure_future(_end_of_patience(stop, force, drain))
    try:
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result() or OK
        _say(program, f"still running {end.result()}: cancelled")
        work.cancel()
        await asyncio.wait({work}, timeout=1.0)
        if not work.done():
            # Closing the loop would wait for it for ever.
            os._exit(FAILED)
        return FAILED
    finally:
        end.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _end_of_patience(stop: asyncio.Event, force: asyncio.Event, drain: float) -> str:
    await stop.wait()
    try:
        async with asyncio.timeout(drain):
            await force.wait()
    except TimeoutError:
        return f"{drain:g} s after the signal to stop"
    return "at the second signal"


def _leaves(group: BaseExceptionGroup) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _say(program: str, text: str) -> None:
    one_line = " ".join(text.split())
    sys.stderr.write(f"{program}: {one_line}\n")
    sys.stderr.flush()
