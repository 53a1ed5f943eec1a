"""Tokens and certificates are read again from where they came."""

import json
import ssl
import stat
import sys

import pytest

from kube.client.configuration import load_credentials
from kube.client.credentials import Credentials, Identity
from kube.client.errors import ConfigError
from kube.vocab.times import LoopClock
from tests.unit.kube.client.kubeconfigs import kubeconfig, service_account

pytestmark = pytest.mark.asyncio


class HandClock(LoopClock):
    """A clock turned by hand."""

    def __init__(self) -> None:
        super().__init__(0)
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time


async def test_a_pod_s_token_is_read_again_each_minute(tmp_path):
    clock = HandClock()
    environ = service_account(tmp_path, "t1\n")
    credentials = await load_credentials(environ=environ, service_account=tmp_path, clock=clock)
    assert credentials.host == "https://[fd00::1]:443"
    assert credentials.namespace == "", "its file is not there"
    (tmp_path / "token").write_text("t2")
    clock.time += 59
    assert await credentials.authorization() == "Bearer t1"
    clock.time += 2
    assert await credentials.authorization() == "Bearer t2"


async def test_a_refused_token_is_read_again_at_once(tmp_path):
    clock = HandClock()
    environ = service_account(tmp_path, "t1")
    credentials = await load_credentials(environ=environ, service_account=tmp_path, clock=clock)
    (tmp_path / "token").write_text("t2")
    clock.time += 6
    assert await credentials.refused("Bearer t1")
    assert await credentials.authorization() == "Bearer t2"
    assert await credentials.refused("Bearer t1"), "another call's stale header: retry with t2"
    clock.time += 6
    assert not await credentials.refused("Bearer t2")


async def test_a_token_file_that_is_away_for_a_moment_keeps_the_last_token(tmp_path):
    clock = HandClock()
    environ = service_account(tmp_path, "t1")
    credentials = await load_credentials(environ=environ, service_account=tmp_path, clock=clock)
    (tmp_path / "token").unlink()
    clock.time += 61
    assert await credentials.authorization() == "Bearer t1"
    assert credentials.refresh_failures == 1


async def test_a_pod_without_a_token_says_so(tmp_path):
    environ = service_account(tmp_path, "t1")
    (tmp_path / "token").unlink()
    with pytest.raises(ConfigError, match="automountServiceAccountToken"):
        await load_credentials(environ=environ, service_account=tmp_path)


async def test_an_exec_plugin_runs_again_when_its_token_is_refused(tmp_path):
    count = tmp_path / "count"
    plugin = tmp_path / "plugin"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    plugin.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib\n"
        f"count = pathlib.Path({str(count)!r})\n"
        "runs = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(runs))\n"
        f"print(json.dumps({json.dumps(answer)} | {{'status': {{'token': f't{{runs}}'}}}}))\n"
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    clock = HandClock()
    user = {"exec": {"apiVersion": answer["apiVersion"], "command": str(plugin)}}
    credentials = await load_credentials(kubeconfig(tmp_path, user=user), environ={}, clock=clock)
    assert await credentials.authorization() == "Bearer t1"
    clock.time += 6
    assert await credentials.refused("Bearer t1")
    assert await credentials.authorization() == "Bearer t2"


async def test_a_rotated_certificate_that_is_broken_keeps_the_old_identity(tmp_path):
    clock = HandClock()
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")

    async def reread():
        return Identity("Bearer new", str(broken), str(broken))

    credentials = Credentials(
        "https://k",
        tls=ssl.create_default_context(),
        identity=Identity("Bearer old"),
        reread=reread,
        clock=clock,
    )
    clock.time += 61
    assert await credentials.authorization() == "Bearer old"
    assert credentials.refresh_failures == 1
