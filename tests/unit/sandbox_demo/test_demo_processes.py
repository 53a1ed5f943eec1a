"""Children end with their parent, however it ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.demo import processes
from sandbox.demo.processes import Children
from sandbox.demo.waiting import StepFailed, wait_for

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(600)"
)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def _said(children: Children, name: str, text: str) -> None:
    child = children[name]

    async def look() -> bool | None:
        return text in child.log.read_text() or None

    await wait_for(look, f"{name} says {text}", within=60, child=child)


@pytest.mark.asyncio
async def test_a_child_that_ignores_sigterm_is_killed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.3)
    children = Children(tmp_path)
    child = await children.start("stubborn", [sys.executable, "-c", STUBBORN])
    await _said(children, "stubborn", "deaf")
    await children.stop_all()
    assert not _alive(child.process.pid)
    assert child.process.returncode == -signal.SIGKILL


@pytest.mark.asyncio
async def test_grandchildren_go_with_the_group(tmp_path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('pid', p.pid, flush=True)\n"
        "time.sleep(600)"
    )
    children = Children(tmp_path)
    child = await children.start("parent", [sys.executable, "-c", code])
    await _said(children, "parent", "pid")
    grandchild = int(child.log.read_text().split()[1])
    await children.stop_all()
    deadline = time.monotonic() + 60
    while _alive(grandchild):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_child_that_dies_ends_the_wait_with_its_output(tmp_path) -> None:
    children = Children(tmp_path)
    child = await children.start("loser", [sys.executable, "-c", "print('alas'); exit(3)"])

    async def never() -> None:
        return None

    with pytest.raises(StepFailed, match="loser ended with exit code 3") as caught:
        await wait_for(never, "nothing", within=60, child=child)
    assert caught.value.child is child
    assert child.tail() == "alas"
    assert children.dead() == [child]
    await children.stop_all()


@pytest.mark.asyncio
async def test_waiting_ends_and_tells_the_last_error(tmp_path) -> None:
    children = Children(tmp_path)
    child = await children.start("idle", [sys.executable, "-c", "import time; time.sleep(600)"])

    async def refused() -> None:
        raise ConnectionRefusedError("nobody there")

    with pytest.raises(StepFailed, match=r"answer within 0\.2 s: no \(.*nobody there\)"):
        await wait_for(refused, "answer", within=0.2, child=child)
    await children.stop_all()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux'")
def test_kill_9_of_the_parent_takes_the_children_along(tmp_path) -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from sandbox.demo.processes import Children

async def main():
    children = Children(Path({str(tmp_path)!r}))
    child = await children.start("deaf", [sys.executable, "-c", {STUBBORN!r}])
    while "deaf" not in child.log.read_text():
        await asyncio.sleep(0.01)
    print(child.process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    assert _alive(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 60
    while _alive(child):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.01)
