"""Bodies in Kubernetes' protobuf form, written here by hand from the published field numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.apiserver.http.protobuf import decode
from sandbox.apiserver.storage.errors import UnsupportedMediaType


def varint(value: int) -> bytes:
    out = bytearray()
    value &= 2**64 - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def body(version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\x00" + field(1, field(1, version) + field(2, kind)) + field(2, raw)


def test_a_deployment_with_what_kubectl_writes():
    container = field(1, "main") + field(2, "example.test/main") + field(5, "") + field(8, b"")
    limits = field(1, field(1, "cpu") + field(2, field(1, "500m")))
    heavy = field(1, "heavy") + field(8, limits)
    labels = field(1, "app") + field(2, "web")
    template = field(1, field(11, labels) + field(8, b"")) + field(
        2, field(2, container) + field(2, heavy)
    )
    rolling = field(1, field(1, 1) + field(3, "10%")) + field(2, field(1, 0) + field(2, 2))
    spec = (
        field(1, 0)
        + field(2, field(1, labels))
        + field(3, template)
        + field(4, field(1, "RollingUpdate") + field(2, rolling))
        + field(5, 0)
    )
    raw = field(1, field(1, "web") + field(3, "")) + field(2, spec) + field(3, b"")
    assert decode(body("apps/v1", "Deployment", raw)) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {"name": "main", "image": "example.test/main"},
                        {"name": "heavy", "resources": {"limits": {"cpu": "500m"}}},
                    ]
                },
            },
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 2},
            },
        },
    }


def test_secrets_come_as_base64_and_large_negative_numbers_keep_their_sign():
    entry = field(1, "key") + field(2, b"\xff\x00")
    secret = decode(body("v1", "Secret", field(2, entry) + field(3, "Opaque")))
    assert (secret["data"], secret["type"]) == ({"key": "/wA="}, "Opaque")
    request = decode(body("authentication.k8s.io/v1", "TokenRequest", field(2, field(4, -5))))
    assert request["spec"] == {"expirationSeconds": -5}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{}", "mark of Kubernetes' form"),
        (body("apps/v1", "DaemonSet", b""), "does not know apps/v1 DaemonSet"),
        (
            body("v1", "Pod", field(2, field(1, b""))),
            "does not know field 1 of Pod.spec in this form; send JSON or YAML",
        ),
        (body("v1", "Pod", field(1, "x"))[:-1], "ends early or is damaged"),
    ],
)
def test_what_is_not_understood_is_refused_never_dropped(raw, message):
    with pytest.raises(UnsupportedMediaType, match=message):
        decode(raw)


@given(st.binary(max_size=80))
def test_damaged_bodies_are_refused_like_any_other(raw: bytes):
    try:
        found = decode(b"k8s\x00" + raw)
    except UnsupportedMediaType:
        return
    assert {"apiVersion", "kind"} <= found.keys()
