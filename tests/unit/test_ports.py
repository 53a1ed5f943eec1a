"""Ports that tests hand to servers."""

import subprocess
import sys

from tests.controlplane.processes import listening
from tests.ports import free_ports


def test_ports_differ_and_nobody_listens():
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert not any(listening(port) for port in ports)


def test_another_process_gets_others_as_long_as_this_one_lives():
    """Nobody listens on them, so that looking alone would find them free."""
    mine = free_ports(200)
    program = "from tests.ports import free_ports; print(*free_ports(200))"
    got = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    theirs = {int(one) for one in got.stdout.split()}
    assert len(theirs) == 200
    assert not theirs & set(mine)
