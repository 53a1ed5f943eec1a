"""Ports for servers that a test starts and that cannot choose one themselves."""

import random
import socket
from typing import Final

_RANGE: Final = range(10_000, 18_000)
"""Below the range from which systems take the ports of outgoing connections, and those of demos."""

_held: Final[list[socket.socket]] = []
"""A name of the kernel's for each port given out: while this process lives, no other test process
gets it, though nobody may listen on it yet or any more."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on and that were given to nobody else; Linux only."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_RANGE, len(_RANGE)):
        if len(found) == count:
            return found
        if _hold(port):
            found.append(port)
    raise OSError(f"no {count} free ports between {_RANGE.start} and {_RANGE.stop}")


def free_port() -> int:
    """One of them."""
    (port,) = free_ports(1)
    return port


def _hold(port: int) -> bool:
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0watermark-autoscaler-tests-port-{port}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        name.close()
        return False
    _held.append(name)
    return True
