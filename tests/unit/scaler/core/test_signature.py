"""Who decided on a count and when, read from what the API server notes of its writer (D24)."""

import msgspec
import pytest

from kube.vocab.times import parse_rfc3339
from scaler.core.signature import ManagedFields, ManagedObject, signature, signed_at

UID = "5529d7a1-e5c0-46ad-8768-47ac26049666"
TEXT = "2026-01-31T12:00:00Z"
AT = parse_rfc3339(TEXT)
OURS = f"wpa-controller/{UID}@{TEXT}"


def entry(
    manager: str = OURS, operation: str = "Update", subresource: str = "scale"
) -> ManagedFields:
    return ManagedFields(manager, operation, subresource)


def test_a_signature_is_a_name_that_kubernetes_takes():
    assert signature(UID, AT + 999) == OURS
    assert len(OURS) <= 128
    assert OURS.isprintable()


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([], None),
        ([entry()], AT),
        ([entry("kubectl"), entry(), entry("kube-controller-manager", subresource="status")], AT),
        ([entry(OURS.replace("12:00:00", "11:59:59")), entry()], AT),
        # Somebody else's count: a person's, another autoscaler's, an earlier version's.
        ([entry("kubectl")], None),
        ([entry(OURS.replace("5529", "6629"))], None),
        ([entry("wpa-controller")], None),
        ([entry(subresource="")], None),
        ([entry(subresource="status")], None),
        ([entry(operation="Apply")], None),
        # Cut off, or no time.
        ([entry(f"wpa-controller/{UID}")], None),
        ([entry(f"wpa-controller/{UID}@")], None),
        ([entry(f"wpa-controller/{UID}@yesterday")], None),
        ([entry(f"wpa-controller/{UID}@yesterday"), entry()], AT),
        ([entry(f"x{OURS}")], None),
    ],
)
def test_only_the_autoscalers_own_write_to_the_scale_counts(entries, found):
    assert signed_at(entries, UID) == found


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"metadata":{}}', b'{"metadata":{"managedFields":null}}', b'{"metadata":{"x":1}}'],
)
def test_an_object_that_tells_nothing_is_readable(body):
    found = msgspec.json.decode(body, type=ManagedObject)
    assert found.metadata.managed_fields is None


def test_what_a_server_writes_is_read():
    body = (
        '{"kind":"PartialObjectMetadata","metadata":{"name":"web","managedFields":['
        f'{{"manager":"{OURS}","operation":"Update","apiVersion":"apps/v1",'
        '"fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:replicas":{}}},"subresource":"scale"}]}}'
    )
    found = msgspec.json.decode(body.encode(), type=ManagedObject)
    assert signed_at(found.metadata.managed_fields or (), UID) == AT
