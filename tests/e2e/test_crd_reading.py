"""What people read of autoscalers: tables and explanations."""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.workloads import Json, apply
from tests.e2e.crds import install
from tests.e2e.scaler.objects import autoscaler, external, resource

WIDTH: Final = 120
NAME: Final = "checkout-queue-consumers"
LONG_NAME: Final = "example-watermark-autoscaler"
NAMESPACE: Final = "payments-prod"


@pytest.fixture(scope="module")
def payments(cluster: ControlPlane) -> Iterator[Kubectl]:
    """A namespace with two autoscalers whose status reads like one in production."""
    install(cluster)
    cluster.rest.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    kubectl = cluster.kubectl.within(NAMESPACE)
    mixed = autoscaler(NAME, external("backlog", "12750m", "9000m"), resource())
    other = autoscaler(LONG_NAME, resource(), external("lag", "33", "11"), maxReplicas=250)
    apply(kubectl, mixed, other)
    values: list[Json] = [
        {"type": "External", "external": {"metricName": "backlog", "currentValue": "33959m"}},
        {"type": "Resource", "resource": {"name": "cpu", "currentAverageValue": "512m"}},
    ]
    for name, metrics in ((NAME, values), (LONG_NAME, values[::-1])):
        status = {
            "currentReplicas": 14,
            "desiredReplicas": 14,
            "lastScaleTime": "2026-01-01T00:00:00Z",
            "scalingEventsCount": 1320,
            "lastConditionType": "ConvergeToWatermark",
            "lastConditionState": "False",
            "conditions": [
                {"type": "ScalingActive", "status": "True"},
                {"type": "DryRun", "status": "False"},
            ],
            "currentMetrics": metrics,
        }
        kubectl("patch", "wpa", name, "--subresource=status", "--type=merge", "-p",
                json.dumps({"status": status}))  # fmt: skip
    yield kubectl
    cluster.delete_namespace(NAMESPACE)


def table(kubectl: Kubectl, *flags: str) -> tuple[list[str], dict[str, dict[str, str]]]:
    """The lines that `kubectl get wpa` prints, and the cells by name and column."""
    lines = kubectl("get", "wpa", *flags).rstrip("\n").splitlines()
    starts = [0]
    for at in range(1, len(lines[0])):
        if lines[0][at - 3 : at] == "   " and lines[0][at] != " ":
            starts.append(at)
    ends = [*starts[1:], None]
    rows = [
        [line[start:end].strip() for start, end in zip(starts, ends, strict=True)] for line in lines
    ]
    cells = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return lines, {row["NAME"]: row for row in cells}


def test_get_fits_120_columns(payments: Kubectl):
    lines, rows = table(payments)
    assert list(rows) == [NAME, LONG_NAME]
    assert max(map(len, lines)) <= WIDTH
    row = rows[NAME]
    assert {column: row[column] for column in row if column != "AGE"} == {
        "NAME": NAME,
        "SCALING ACTIVE": "True",
        "VALUE": "33959m",
        "HIGH WATERMARK": "12750m",
        "LOW WATERMARK": "9000m",
        "DRY-RUN": "False",
    }


def test_get_of_all_namespaces_fits_120_columns(payments: Kubectl):
    _, rows = table(payments, "-A")
    # Other tests' objects make columns wider: what counts is what ours need.
    ours = [rows[name] for name in (NAME, LONG_NAME)]
    assert [row["NAMESPACE"] for row in ours] == [NAMESPACE] * 2
    widths = [max(len(column), *(len(row[column]) for row in ours)) for column in ours[0]]
    assert sum(widths) + 3 * (len(widths) - 1) <= WIDTH


def test_get_wide_shows_all_of_upstreams_columns(payments: Kubectl):
    _, rows = table(payments, "-o", "wide")
    row = rows[LONG_NAME]
    assert list(row) == [
        "NAME", "SCALING ACTIVE", "CONDITION", "CONDITION STATE", "VALUE", "HIGH WATERMARK",
        "LOW WATERMARK", "AGE", "MIN REPLICAS", "MAX REPLICAS", "DRY-RUN", "LAST SCALE",
        "SCALE COUNT",
    ]  # fmt: skip
    assert (row["CONDITION"], row["CONDITION STATE"]) == ("ConvergeToWatermark", "False")
    assert (row["MIN REPLICAS"], row["MAX REPLICAS"], row["SCALE COUNT"]) == ("1", "250", "1320")
    assert row["LAST SCALE"].endswith("d")


def test_columns_show_the_first_of_several_metrics(payments: Kubectl):
    _, rows = table(payments)
    row = rows[LONG_NAME]
    # The value is an External metric's, the watermarks are the first metric's, whatever its type.
    assert (row["VALUE"], row["HIGH WATERMARK"], row["LOW WATERMARK"]) == (
        "33959m", "800m", "400m",
    )  # fmt: skip


def explained(kubectl: Kubectl, path: str) -> str:
    text = kubectl("explain", path)
    assert max(map(len, text.splitlines())) <= WIDTH
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("path", "sentences"),
    [
        (
            "wpa.spec.metrics",
            [
                "Signals to scale on; each makes a proposal, the largest wins. Excludes recommend",
                "A metric of external.metrics.k8s.io, as served by the adapter; used when type is",
                "CPU or memory use per counted pod, from metrics.k8s.io; used when type is Resour",
                "enum: External, Resource",
                "type <string> -required-",
            ],
        ),
        (
            "wpa.spec.metrics.external",
            [
                "metricName <string> -required- Name of the external metric",
                "Above this value (plus tolerance) more replicas are proposed",
                "Labels that the series must carry; absent or empty selects all of them",
            ],
        ),
        (
            "wpa.spec.recommender",
            [
                "A service that is asked for the replica count over HTTP. Excludes metrics.",
                "url <string> -required- Where the recommendation is asked for, with a POST",
                "settings <map[string]string>",
            ],
        ),
        (
            "wpa.status",
            [
                "What was last seen and decided, written by the scaler.",
                "conditions <[]Object> What holds at the moment, one entry per type",
                "desiredReplicas <integer> -required- Replicas that were decided on",
            ],
        ),
    ],
)
def test_explain_reads_well(payments: Kubectl, path: str, sentences: list[str]):
    text = explained(payments, path)
    assert [sentence for sentence in sentences if sentence not in text] == []


def test_explain_describes_every_field_of_the_spec(payments: Kubectl):
    text = payments("explain", "wpa.spec")
    fields = text.partition("FIELDS:\n")[2].rstrip().split("\n\n")
    assert len(fields) > 15
    assert [field for field in fields if not field.rstrip().endswith(".")] == []
