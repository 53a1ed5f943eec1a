"""Free ports on the loopback interface."""

import socket
from random import Random
from typing import Final

_RANGE: Final = range(18_000, 32_000)
"""Below the range from which systems take the ports of outgoing connections."""


def free_ports(count: int, random: Random) -> list[int]:
    """`count` different ports that nobody listens on. Raises OSError where there are none.

    They are chosen at random, so that demos started side by side do not reach for the same ones.
    """
    held: list[socket.socket] = []
    try:
        for port in random.sample(_RANGE, len(_RANGE)):
            probe = socket.socket()
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                probe.close()
                continue
            held.append(probe)
            if len(held) == count:
                return [probe.getsockname()[1] for probe in held]
        raise OSError(f"no {count} free ports between {_RANGE.start} and {_RANGE.stop}")
    finally:
        for probe in held:
            probe.close()
