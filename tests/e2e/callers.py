"""People and robots that call the adapter, through the API server or straight at its port."""

import base64
import http.client
import json
import ssl
import time
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from msgspec import Struct

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.flags import ISSUER
from tests.controlplane.kubectl import KubectlFailed
from tests.controlplane.pki import Pair

ROOT: Final = "/apis/external.metrics.k8s.io/v1beta1"
TIMEOUT: Final = 30.0


class Answer(Struct, frozen=True):
    """What a server sent."""

    code: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body; fails where it is no JSON."""
        return json.loads(self.body)

    def failure(self, code: int, reason: str) -> str:
        """The message of a complete Status with this code and reason; fails for anything else."""
        assert self.code == code, self
        found = self.json
        assert self.headers["content-type"].startswith("application/json"), self
        assert (found["kind"], found["apiVersion"], found["status"]) == ("Status", "v1", "Failure")
        assert (found["code"], found["reason"]) == (code, reason), found
        return str(found["message"])


def ask(
    port: int,
    path: str,
    *,
    token: str = "",
    pair: Pair | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """GET from a server on 127.0.0.1 whose certificate is of no interest."""
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    if pair is not None:
        tls.load_cert_chain(pair.certificate, pair.key)
    sent = dict(headers or {})
    if token:
        sent["Authorization"] = f"Bearer {token}"
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers=sent)
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, received, answer.read())
    finally:
        connection.close()


def metric_path(namespace: str, metric: str = "queue_depth", selector: str = "") -> str:
    """Where a metric is read; `selector` is percent-encoded already."""
    return f"{ROOT}/namespaces/{namespace}/{metric}" + (
        f"?labelSelector={selector}" if selector else ""
    )


def value_of(cluster: ControlPlane, path: str) -> str:
    """The one value of a metric through the aggregator; kubectl's complaint where there is none."""
    try:
        items = json.loads(cluster.kubectl("get", "--raw", path))["items"]
    except KubectlFailed as error:
        return error.stderr
    return ",".join(item["value"] for item in items)


def new_token(cluster: ControlPlane, namespace: str, name: str) -> str:
    """A token of a ServiceAccount."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    answer = cluster.rest.post(path, {"spec": {"expirationSeconds": 3600}})
    return str(answer["status"]["token"])


def expired_token(cluster: ControlPlane, like: str) -> str:
    """The claims of `like`, signed with the cluster's key, its time over an hour ago."""
    head, claims, _ = (_unpacked(part) for part in like.split("."))
    now = int(time.time())
    key = serialization.load_pem_private_key(cluster.pki.token_key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    past = {"iat": now - 7200, "nbf": now - 7200, "exp": now - 3600}
    return _signed(json.loads(head), json.loads(claims) | past, key)


def foreign_token() -> str:
    """A token that another cluster would have issued to a ServiceAccount of the same name."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": [ISSUER],
        "sub": "system:serviceaccount:watermark-autoscaler:wpa-adapter",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    }
    return _signed(
        {"alg": "ES256", "kid": "elsewhere"}, claims, ec.generate_private_key(ec.SECP256R1())
    )


def _signed(head: Any, claims: Any, key: ec.EllipticCurvePrivateKey) -> str:
    signed = ".".join(_packed(json.dumps(part).encode()) for part in (head, claims))
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_packed(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _packed(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def client_pair(cluster: ControlPlane, folder: Path, user: str, group: str = "") -> Pair:
    """A certificate that the cluster's authority for people issued, written to `folder`."""
    return cluster.pki.cluster.client(folder, user, group)
