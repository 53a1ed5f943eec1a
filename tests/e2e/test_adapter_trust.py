"""Keys and tokens that change, end or never were good, while the adapter runs and at its start."""

import http.client
import json
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
import yaml

from tests.controlplane import kubeconfigs
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.pki import Pair
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import Json, apply
from tests.e2e.callers import ask, client_pair, foreign_token, metric_path, new_token, value_of
from tests.e2e.daemons import (
    ADAPTER,
    NAMESPACE,
    Adapter,
    Installation,
    await_available,
    rendered,
)

METRIC = metric_path("default")
RECOVERY = 180.0
"""Seconds; the availability controller waits up to 30 after several failures."""


def await_value(installation: Installation) -> None:
    eventually(
        lambda: value_of(installation.cluster, METRIC),
        lambda found: found == "5",
        within=RECOVERY,
    )


@pytest.fixture
def spare(spare_installation: Installation) -> Installation:
    """The module's installation, with one value of the metric."""
    spare_installation.gauges.set("queue_depth", 5, namespace="default", queue="a")
    await_value(spare_installation)
    return spare_installation


def test_front_proxy_rotation_needs_no_restart_of_the_adapter(spare: Installation, tmp_path: Path):
    cluster, port = spare.cluster, spare.adapter.port
    pid = spare.adapter.process.pid
    masters = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
    former = cluster.pki.front_proxy.client(tmp_path, "front-proxy-client")
    assert ask(port, METRIC, pair=former, headers=masters).code == 200

    changes = len(spare.adapter.said("trust in client certificates changed"))
    cluster.pki.rotate_front_proxy()
    eventually(
        lambda: len(spare.adapter.said("trust in client certificates changed")),
        lambda count: count > changes,
    )
    assert ask(port, METRIC, pair=cluster.pki.proxy_client, headers=masters).code == 200
    assert ask(port, METRIC, pair=former, headers=masters).code == 200
    await_value(spare)

    # The end of the rotation: the API server comes up without the former authority, and somebody
    # takes it out of the ConfigMap, where the API server itself only ever adds.
    cluster.pki.front_proxy.file.write_bytes(cluster.pki.front_proxy.pem)
    cluster.restart_apiserver()
    await_value(spare)
    await_available(cluster)
    authority = {"data": {"requestheader-client-ca-file": cluster.pki.front_proxy.pem.decode()}}
    cluster.kubectl.within("kube-system")(
        *("patch", "configmap", "extension-apiserver-authentication"),
        *("--type=merge", "-p", json.dumps(authority)),
    )
    eventually(lambda: _refused(port, former), within=RECOVERY)
    assert ask(port, METRIC, pair=cluster.pki.proxy_client, headers=masters).code == 200
    await_value(spare)
    spare.adapter.process.check()
    assert spare.adapter.process.pid == pid


def _refused(port: int, pair: Pair) -> bool:
    """Whether a certificate is not even let through the handshake."""
    try:
        ask(port, METRIC, pair=pair)
    except (ssl.SSLError, ConnectionError, http.client.HTTPException):
        return True
    return False


def test_adapter_whose_account_was_deleted_refuses_callers_until_it_has_another_token(
    spare: Installation, tmp_path: Path
):
    cluster = spare.cluster
    jane = client_pair(cluster, tmp_path, "jane")
    # As in a pod: a file with a token, which the kubelet replaces.
    token_file = tmp_path / "token"
    token_file.write_text(new_token(cluster, NAMESPACE, ADAPTER))
    kubeconfig = with_token_file(cluster, tmp_path / "kubeconfig", token_file)
    adapter = Adapter(cluster, tmp_path / "adapter", spare.prometheus.url, kubeconfig=kubeconfig)
    try:
        ask(adapter.port, METRIC, pair=jane).failure(403, "Forbidden")
        cluster.kubectl.within(NAMESPACE)("delete", "serviceaccount", ADAPTER)
        refusal = eventually(
            lambda: ask(adapter.port, METRIC, pair=jane),
            lambda answer: answer.code == 503,
            within=RECOVERY,
        )
        message = refusal.failure(503, "ServiceUnavailable")
        assert message == "the Kubernetes API cannot be asked for permission"
        said = adapter.said("review failed, request refused")[-1]["error"]
        assert "the token was refused" in said
        assert "check that the service account still exists" in said
        assert ask(adapter.port, "/livez").code == 200

        apply(cluster.kubectl, service_account(cluster))
        token_file.write_text(new_token(cluster, NAMESPACE, ADAPTER))
        eventually(
            lambda: ask(adapter.port, METRIC, pair=jane).code,
            lambda code: code == 403,
            within=RECOVERY,
        )
    finally:
        adapter.stop()


def with_token_file(cluster: ControlPlane, file: Path, token_file: Path) -> Path:
    kubeconfigs.with_token(file, cluster.server, cluster.pki.cluster.file, "", "default")
    content = yaml.safe_load(file.read_text())
    content["users"][0]["user"] = {"tokenFile": str(token_file)}
    file.write_text(yaml.safe_dump(content))
    return file


def service_account(cluster: ControlPlane) -> Json:
    (found,) = (
        one
        for one in rendered(cluster)
        if (one["kind"], one["metadata"]["name"]) == ("ServiceAccount", ADAPTER)
    )
    return found


def test_adapter_with_another_clusters_token_does_not_start_and_says_why(
    spare: Installation, tmp_path: Path
):
    line = refusal(spare, tmp_path, foreign_token())
    assert "401 Unauthorized" in line
    assert "the token was refused: renew the token" in line
    assert "bind" not in line


def test_adapter_whose_account_lacks_the_role_does_not_start_and_says_which(
    spare: Installation, tmp_path: Path
):
    line = refusal(spare, tmp_path, new_token(spare.cluster, "default", "default"))
    assert "403 Forbidden" in line
    assert "bind the role extension-apiserver-authentication-reader of kube-system" in line


def test_adapter_that_distrusts_the_api_server_does_not_start_and_says_why(
    spare: Installation, tmp_path: Path
):
    other = tmp_path / "other.pem"
    other.write_bytes(trustme.CA().cert_pem.bytes())
    line = refusal(spare, tmp_path, new_token(spare.cluster, NAMESPACE, ADAPTER), authority=other)
    assert "no trust in the server's certificate; check the certificate authority in use" in line
    assert "bind" not in line


def refusal(spare: Installation, folder: Path, token: str, *, authority: Path | None = None) -> str:
    """The one line with which the adapter gives up."""
    cluster = spare.cluster
    authority = authority or cluster.pki.cluster.file
    file = folder / "kubeconfig"
    kubeconfigs.with_token(file, cluster.server, authority, token, "default")
    flags = (f"--kubeconfig={file}", f"--prometheus-url={spare.prometheus.url}", "--secure-port=0")
    done = subprocess.run(
        [Path(sys.executable).with_name(ADAPTER), *flags],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("wpa-adapter: ConfigMap kube-system/extension-apiserver-authentication")
    return line
