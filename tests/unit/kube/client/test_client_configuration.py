import base64
import os
import ssl
from typing import Any

import pytest
import trustme
from aiohttp import web

from kube.client.configuration import load_credentials
from kube.client.errors import ConfigError
from kube.client.requests import raw_get
from kube.client.transport import ApiClient
from tests.unit.kube.client.kubeconfigs import kubeconfig, service_account
from tests.unit.kube.client.scripted import serving

pytestmark = pytest.mark.asyncio


async def test_a_kubeconfig_gives_address_token_and_server_name(tmp_path):
    path = kubeconfig(tmp_path, user={"token": "t1"}, **{"tls-server-name": "kubernetes"})
    credentials = await load_credentials(path, environ={})
    assert credentials.host == "https://k.example:6443"
    assert await credentials.authorization() == "Bearer t1"
    assert credentials.server_name == "kubernetes"
    assert credentials.tls is not None
    assert credentials.tls.verify_mode == ssl.CERT_REQUIRED
    assert credentials.proxy is None
    assert credentials.namespace == ""


async def test_the_namespace_is_the_contexts_or_the_pods(tmp_path):
    path = kubeconfig(tmp_path, namespace="shop")
    assert (await load_credentials(path, environ={})).namespace == "shop"
    environ = service_account(tmp_path, "t1")
    (tmp_path / "namespace").write_text("kodo\n")
    credentials = await load_credentials(environ=environ, service_account=tmp_path)
    assert credentials.namespace == "kodo"


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


async def test_a_failing_exec_plugin_is_a_configuration_error(tmp_path):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false"}}
    with pytest.raises(ConfigError, match="exec: process returned 1"):
        await load_credentials(kubeconfig(tmp_path, user=user), environ={})
