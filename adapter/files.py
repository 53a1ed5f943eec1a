"""Files that change while the program runs: certificates, tokens, configuration."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

Stamp = tuple[int, int, int] | None
"""Modification time, size and inode; None for a file that cannot be seen. Kubernetes swaps mounted
files by a symbolic link, which shows in the inode."""

POLL: Final = 2.0
"""Seconds between looks at files."""


def stamp_of(name: str) -> Stamp:
    """What tells one version of a file from the next."""
    try:
        status = Path(name).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


async def follow(
    names: Sequence[str],
    changed: Callable[[], None],
    *,
    wake: asyncio.Event | None = None,
    every: float = POLL,
) -> None:
    """Call `changed` whenever one of `names` is another file than before, or `wake` is set.

    Runs until cancelled. `changed` must not raise.
    """
    event = wake or asyncio.Event()
    stamps = [stamp_of(name) for name in names]
    while True:
        try:
            async with asyncio.timeout(every):
                await event.wait()
        except TimeoutError:
            pass
        woken = event.is_set()
        event.clear()
        current = [stamp_of(name) for name in names]
        if woken or current != stamps:
            stamps = current
            changed()


def no_password() -> str:
    """The password of private keys. Without it OpenSSL would ask on the terminal."""
    raise ValueError("the private key is protected by a password")
