"""`wpa-sandbox serve` as a process, and a real kubectl against it."""

import asyncio
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.asyncio

_KUBECTL = shutil.which("kubectl")

PATIENCE = 60.0
"""Seconds that a busy machine may need for what takes one."""


async def started(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        "serve",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A running process and what it said at the start."""
    process = await started("--folder", str(folder))
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            said = (await process.stdout.readuntil(b"get pods -w\n")).decode()
        yield process, said
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def kubectl(folder: Path, *arguments: str) -> tuple[int, str]:
    assert _KUBECTL is not None
    environment = {"HOME": str(folder), "KUBECONFIG": str(folder / "kubeconfig")}
    process = await asyncio.create_subprocess_exec(
        _KUBECTL,
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE):
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_how_to_use_it_and_ends_cleanly(tmp_path: Path, number: signal.Signals):
    folder = tmp_path / "a sandbox"
    async with serving(folder) as (process, said):
        assert f"kubeconfig: {folder}/kubeconfig" in said
        assert f"kubectl --kubeconfig '{folder}/kubeconfig' get nodes" in said
        process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            _, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")


async def test_a_port_in_use_is_one_line_and_exit_code_2(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await started("--port", str(port), "--folder", str(tmp_path / "sandbox"))
        out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert err.decode() == (
        f"wpa-sandbox serve: port {port} is in use; stop the other process or choose another "
        "with --port\n"
    )


async def test_a_folder_that_cannot_be_made_is_one_line_and_exit_code_2(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    process = await started("--folder", str(tmp_path / "file" / "sandbox"))
    _, err = await process.communicate()
    assert process.returncode == 2
    assert err.decode().startswith(f"wpa-sandbox serve: cannot write to {tmp_path}/file/sandbox: ")
    assert err.count(b"\n") == 1


@pytest.mark.kubectl
@pytest.mark.skipif(_KUBECTL is None, reason="needs kubectl")
async def test_kubectls_own_commands_work(tmp_path: Path):
    async with serving(tmp_path) as (_process, said):
        url = said.split("listens on ")[1].split(";")[0]

        async def done(*arguments: str) -> str:
            code, out = await kubectl(tmp_path, *arguments)
            assert code == 0, (arguments, out)
            return out

        await done("create", "deployment", "web", "--image=example.test/web", "--replicas=2")
        rolled = await done("rollout", "status", "deployment/web", "--timeout=60s")
        assert 'deployment "web" successfully rolled out' in rolled
        await done("rollout", "restart", "deployment/web")
        await done("rollout", "status", "deployment/web", "--timeout=60s")
        await done("rollout", "undo", "deployment/web")
        await done("rollout", "status", "deployment/web", "--timeout=60s")
        await done("scale", "deployment/web", "--replicas=3")
        await done("rollout", "status", "deployment/web", "--timeout=60s")
        assert "MinimumReplicasAvailable" in await done("describe", "deployment", "web")

        await done("create", "serviceaccount", "bob")
        token = (await done("create", "token", "bob", "--duration=1h")).strip()
        who = ("--as=system:serviceaccount:default:bob",)
        assert await kubectl(tmp_path, "auth", "can-i", "list", "pods", *who) == (1, "no\n")
        await done("create", "role", "pods", "--verb=get,list", "--resource=pods")
        await done("create", "rolebinding", "bob", "--role=pods", "--serviceaccount=default:bob")
        assert await done("auth", "can-i", "list", "pods", *who) == "yes\n"
        assert "system:serviceaccount:default:bob" in await done("auth", "whoami", *who)
        assert "pods" in await done("auth", "can-i", "--list", *who)

        direct = (
            "--kubeconfig=/dev/null",
            f"--server={url}",
            f"--certificate-authority={tmp_path}/ca.crt",
        )
        assert "web-" in await done(*direct, f"--token={token}", "get", "pods")
        code, out = await kubectl(tmp_path, *direct, f"--token={token}", "delete", "pod", "x")
        assert (code, "cannot delete resource" in out) == (1, True)
        code, out = await kubectl(tmp_path, *direct, "--token=nonsense", "get", "pods")
        assert (code, out) == (1, "error: You must be logged in to the server (Unauthorized)\n")
