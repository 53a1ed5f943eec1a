"""The life of a process, seen from outside: real processes, real signals."""

import signal
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import asyncio, sys
from kube.client.errors import ConfigError
from kube.service.runtime import UsageError, run
"""


def start(body: str, drain: float = 5.0) -> subprocess.Popen[str]:
    """A process whose `main(stop)` is `body`; it prints "up" once signals are handled."""
    code = (
        PRELUDE
        + "async def main(stop):\n    print('up', flush=True)\n"
        + textwrap.indent(textwrap.dedent(body), "    ")
        + f"\nsys.exit(run(main, program='daemon', drain={drain}))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def started(body: str, drain: float = 5.0) -> subprocess.Popen[str]:
    process = start(body, drain)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_an_orderly_end(number):
    process = started("await stop.wait(); print('cleaned')")
    process.send_signal(number)
    assert finish(process) == (0, "cleaned\n", "")


def test_the_exit_code_is_main_s():
    assert finish(start("return 3"))[0] == 3
    assert finish(start("return None"))[0] == 0


def test_as_many_descriptors_may_be_open_as_the_system_allows():
    code = f"""
    import resource
    kind = resource.RLIMIT_NOFILE
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (200, hard))
    {PRELUDE.strip().replace(chr(10), chr(10) + "    ")}
    async def main(stop):
        print(*resource.getrlimit(kind), hard)
    run(main, program="daemon")
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, check=True
    )
    soft, kept, hard = map(int, found.stdout.split())
    assert soft == (65_536 if hard < 0 else min(hard, 65_536))
    assert kept == hard


def test_what_does_not_end_is_cancelled_at_the_deadline():
    process = started(
        """
        try:
            await asyncio.sleep(600)
        finally:
            print('finally', flush=True)
        """,
        drain=0.3,
    )
    process.send_signal(signal.SIGTERM)
    code, out, err = finish(process)
    assert (code, out) == (1, "finally\n")
    assert "0.3 s after the signal to stop" in err


def test_a_second_signal_forces():
    process = started(
        "await stop.wait(); print('draining', flush=True); await asyncio.sleep(600)", drain=600.0
    )
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert process.stdout.readline() == "draining\n"
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 1
    assert "at the second signal" in err


def test_a_cleanup_that_hangs_does_not_keep_the_process():
    process = started(
        """
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                pass
        """,
        drain=0.1,
    )
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 1


@pytest.mark.parametrize("error", ["UsageError", "ConfigError"])
def test_the_user_s_errors_are_one_line_and_code_2(error):
    code, _, err = finish(start(f"raise {error}('file a.yaml:\\n  bad')"))
    assert (code, err) == (2, "daemon: file a.yaml: bad\n")


def test_the_user_s_errors_out_of_a_task_group_too():
    code, _, err = finish(
        start(
            """
            async def fail(text):
                raise UsageError(text)
            async with asyncio.TaskGroup() as group:
                group.create_task(fail('one'))
                group.create_task(fail('two'))
            """
        )
    )
    assert (code, err) == (2, "daemon: one\ndaemon: two\n")


def test_a_defect_keeps_its_trace():
    code, _, err = finish(start("raise ZeroDivisionError('x')"))
    assert code == 1
    assert "ZeroDivisionError: x" in err
