import base64
import json
import os
import ssl
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from aiohttp import web

from kube.client.configuration import load_credentials
from kube.client.credentials import Credentials, Identity
from kube.client.errors import ConfigError
from kube.client.requests import raw_get
from kube.client.transport import ApiClient
from kube.vocab.times import LoopClock
from tests.unit.kube.client.scripted import serving

pytestmark = pytest.mark.asyncio


class HandClock(LoopClock):
    """A clock turned by hand."""

    def __init__(self) -> None:
        super().__init__(0)
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time


def kubeconfig(
    folder: Path,
    *,
    name: str = "config",
    user: Any = None,
    context: str | None = "c",
    **cluster: Any,
) -> str:
    """A kubeconfig with one context "c"."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "k", "cluster": {"server": "https://k.example:6443/"} | cluster}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }
    if context is not None:
        document["current-context"] = context
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return str(path)


async def test_a_kubeconfig_gives_address_token_and_server_name(tmp_path):
    path = kubeconfig(tmp_path, user={"token": "t1"}, **{"tls-server-name": "kubernetes"})
    credentials = await load_credentials(path, environ={})
    assert credentials.host == "https://k.example:6443"
    assert await credentials.authorization() == "Bearer t1"
    assert credentials.server_name == "kubernetes"
    assert credentials.tls is not None
    assert credentials.tls.verify_mode == ssl.CERT_REQUIRED
    assert credentials.proxy is None


async def test_client_certificate_and_inline_authority_work_against_a_real_server(tmp_path):
    ca = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.verify_mode = ssl.CERT_REQUIRED
    ca.issue_cert("127.0.0.1").configure_cert(server)
    ca.configure_trust(server)
    ours = ca.issue_cert("us@example.org")
    (tmp_path / "client.pem").write_bytes(ours.cert_chain_pems[0].bytes())
    key = base64.b64encode(ours.private_key_pem.bytes()).decode()

    async def handler(request):
        peer = request.transport.get_extra_info("peercert")
        return web.json_response(peer["subjectAltName"][0][1])

    async with serving(handler, server) as url:
        path = kubeconfig(
            tmp_path,
            server=url,
            user={"client-certificate": "client.pem", "client-key-data": key},
            **{"certificate-authority-data": base64.b64encode(ca.cert_pem.bytes()).decode()},
        )
        credentials = await load_credentials(path, environ={})
        async with ApiClient(credentials, user_agent="t") as client:
            assert await client.send(raw_get("/")) == b'"us@example.org"'


async def test_the_environment_names_files_and_they_are_merged(tmp_path):
    first = kubeconfig(tmp_path, name="one", user={"token": "t1"}, context=None)
    second = tmp_path / "two"
    second.write_text("current-context: c\n")
    environ = {"KUBECONFIG": f"{first}{os.pathsep}{second}{os.pathsep}{tmp_path}/absent"}
    credentials = await load_credentials(environ=environ)
    assert await credentials.authorization() == "Bearer t1"


async def test_home_comes_last(tmp_path):
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube", user={"token": "home"})
    credentials = await load_credentials(environ={"HOME": str(tmp_path)})
    assert await credentials.authorization() == "Bearer home"


async def test_insecure_skips_verification_only_when_asked(tmp_path):
    insecure: dict[str, Any] = {"insecure-skip-tls-verify": True}
    path = kubeconfig(tmp_path, **insecure)
    credentials = await load_credentials(path, environ={})
    assert credentials.tls is not None
    assert credentials.tls.verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize(
    ("cluster", "environ", "proxy"),
    [
        ({"proxy-url": "http://p:1"}, {"HTTPS_PROXY": "http://q:2"}, "http://p:1"),
        ({}, {"HTTPS_PROXY": "http://q:2"}, "http://q:2"),
        ({}, {"https_proxy": "http://q:2", "no_proxy": ".example"}, None),
        ({}, {"HTTP_PROXY": "http://q:2"}, None),
    ],
)
async def test_the_proxy_is_looked_up_once(tmp_path, cluster, environ, proxy):
    credentials = await load_credentials(kubeconfig(tmp_path, **cluster), environ=environ)
    assert credentials.proxy == proxy


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        ({"server": "k.example"}, "is not an address like https://host:6443"),
        ({"proxy-url": "socks5://p:1"}, "use an http:// proxy"),
        ({"certificate-authority": "absent.pem"}, r"absent\.pem"),
        ({"certificate-authority-data": base64.b64encode(b"no pem").decode()}, "PEM"),
    ],
)
async def test_bad_clusters_name_the_file_and_the_fix(tmp_path, cluster, message):
    path = kubeconfig(tmp_path, **cluster)
    with pytest.raises(ConfigError, match=message) as caught:
        await load_credentials(path, environ={})
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "."),
        ("a: [", "cannot be read"),
        ("- a\n", "."),
        ("apiVersion: v1\n", "no current-context"),
        ("current-context: x\ncontexts: []\n", "no context 'x'"),
        (
            "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n",
            "clusters|k",
        ),
    ],
)
async def test_broken_files_are_one_line_naming_the_file(tmp_path, text, message):
    path = tmp_path / "broken"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        await load_credentials(str(path), environ={})
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_absent_files_and_contexts_are_named(tmp_path):
    with pytest.raises(ConfigError, match="does not exist; name a file with --kubeconfig"):
        await load_credentials(str(tmp_path / "absent"), environ={})
    with pytest.raises(ConfigError, match=r"no context 'z' \(there are: c\)"):
        await load_credentials(kubeconfig(tmp_path), "z", environ={})
    with pytest.raises(ConfigError, match="no way to a cluster"):
        await load_credentials(environ={"HOME": str(tmp_path)})


def service_account(folder: Path, token: str) -> dict[str, str]:
    """A pod's service account; returns the pod's environment."""
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_bytes(trustme.CA().cert_pem.bytes())
    return {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}


async def test_a_pod_s_token_is_read_again_each_minute(tmp_path):
    clock = HandClock()
    environ = service_account(tmp_path, "t1\n")
    credentials = await load_credentials(environ=environ, service_account=tmp_path, clock=clock)
    assert credentials.host == "https://[fd00::1]:443"
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


async def test_a_failing_exec_plugin_is_a_configuration_error(tmp_path):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false"}}
    with pytest.raises(ConfigError, match="exec: process returned 1"):
        await load_credentials(kubeconfig(tmp_path, user=user), environ={})


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
