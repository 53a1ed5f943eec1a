"""What a daemon held in its worst moment goes back to the system afterwards."""

import subprocess
import sys

DAEMON = """
import asyncio
from bench.processes import resident_mib
from kube.service.runtime import run
import os

async def main(stop):
    before = resident_mib(os.getpid())
    # The first free of a large block is what teaches glibc to keep the next ones.
    for _ in range(3):
        bytearray(b"x") * 2**21
    kept, buffers = [], []
    for _ in range(400):
        buffers.append(bytearray(b"x") * 2**18)
        kept.append(bytearray(b"x") * 2000)
    most = resident_mib(os.getpid())
    buffers.clear()
    print(most - before, resident_mib(os.getpid()) - before)

run(main, program="test")
"""


def test_buffers_of_a_hundred_mebibytes_go_back_although_small_blocks_lie_between():
    done = subprocess.run(
        [sys.executable, "-c", DAEMON], capture_output=True, text=True, check=True, timeout=60
    )
    most, after = map(float, done.stdout.split())
    assert most > 95
    assert after < 20
