"""Bad input has a condition or a log line that names cause and fix; nothing crashes or scales."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from kube.vocab.times import parse_rfc3339
from tests.controlplane import kubeconfigs
from tests.controlplane.kubelets import STATE
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import apply, pods
from tests.e2e.callers import expired_token, foreign_token, new_token
from tests.e2e.daemons import MANIFESTS, NAMESPACE, SCALER, Scaler
from tests.e2e.scaler.bench import WITHIN, Bench
from tests.e2e.scaler.objects import autoscaler, definition, workload

LISTING: Final = "Cannot list or watch autoscalers"


@contextmanager
def stranger(bench: Bench, folder: Path, *, token: str = "", authority: Path | None = None) -> Iterator[Scaler]:  # fmt: skip  # noqa: E501
    """Another scaler, with a token or an authority of its own, while the context is open."""
    kubeconfig = kubeconfigs.with_token(
        folder / "kubeconfig",
        bench.cluster.server,
        authority or bench.cluster.pki.cluster.file,
        token or new_token(bench.cluster, NAMESPACE, SCALER),
        NAMESPACE,
    )
    flags = ("--evaluation-period=1s", "--enable-leader-election=false")
    scaler = Scaler(bench.cluster, folder, *flags, kubeconfig=kubeconfig)
    try:
        yield scaler
    finally:
        scaler.stop()


def readiness(scaler: Scaler) -> tuple[int, str]:
    """Code and text of its readiness probe."""
    url = f"http://127.0.0.1:{scaler.health_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def waits(scaler: Scaler, *words: str) -> None:
    """It says what is wrong, stays unready, goes on trying, and ends in order when told."""
    lines = eventually(lambda: scaler.said(LISTING), within=WITHIN)
    for word in words:
        assert word in lines[0]["error"]
    code, text = readiness(scaler)
    assert (code, "[-]autoscalers-listed failed" in text) == (500, True), text
    # The same trouble is told once, not at every attempt.
    assert len(scaler.said(LISTING)) == 1
    scaler.process.check()
    assert scaler.terminate() == 0


def test_a_wrong_certificate_authority_is_named_and_nothing_is_scaled(bench: Bench, tmp_path: Path):
    other = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with stranger(bench, tmp_path, authority=other) as scaler:
        waits(scaler, "no trust in the server's certificate; check the certificate authority")


@pytest.mark.parametrize("kind", ["expired", "foreign"])
def test_a_token_that_is_refused_is_named_with_what_to_renew(
    bench: Bench, tmp_path: Path, kind: str
):
    own = new_token(bench.cluster, NAMESPACE, SCALER)
    token = expired_token(bench.cluster, own) if kind == "expired" else foreign_token()
    with stranger(bench, tmp_path, token=token) as scaler:
        waits(scaler, "401 Unauthorized", "renew the token or certificate in the kubeconfig")


def test_a_last_scale_in_the_future_is_told_and_starts_the_windows_now(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.show(500)
    bench.seat.end()
    bench.apply(autoscaler(upscaleForbiddenWindowSeconds=8, downscaleForbiddenWindowSeconds=8))
    ahead = "2099-01-01T00:00:00Z"
    bench.set_status({"currentReplicas": 2, "desiredReplicas": 2, "lastScaleTime": ahead})
    bench.seat.restart()
    bench.await_condition("AbleToScale", "False", "BackoffBoth")
    (line,) = [
        line
        for line in bench.seat.scaler.log()
        if line.get("wpa_namespace") == bench.namespace and "in the future" in line["msg"]
    ]
    assert line["field"] == f"lastScaleTime {ahead}"
    assert "check the clocks" in line["msg"]
    # Not in 2099: after its own window.
    bench.await_replicas(5)
    scaled = eventually(lambda: bench.status()["lastScaleTime"], lambda text: text != ahead)
    assert scaled < "2099"


def test_a_scale_without_a_selector_is_refused(bench: Bench):
    # D19: the empty selector matches every pod of the namespace.
    rights = (MANIFESTS / "examples" / "custom-target-rbac.yaml").read_text()
    rights = rights.replace("argoproj.io", "blind.example.test").replace("rollouts", "widgets")
    bench.cluster.kubectl("apply", "-f", "-", stdin=rights)
    crd = definition("blind.example.test", "Widget", selector=False)
    apply(bench.cluster.kubectl, crd)
    bench.cluster.kubectl("wait", "crd/widgets.blind.example.test", "--for=condition=Established")
    bench.run(workload("Deployment", "bystander", 3))
    version = "blind.example.test/v1alpha1"
    widget = {"apiVersion": version, "kind": "Widget", "metadata": {"name": "web"}}
    bench.apply(widget | {"spec": {"replicas": 2}})
    patch = json.dumps({"status": {"replicas": 2}})
    bench.kubectl("patch", "widget", "web", "--subresource=status", "--type=merge", "-p", patch)
    bench.show(900)
    bench.apply(autoscaler(kind="Widget", api_version=version))
    active = bench.await_condition("ScalingActive", "False", "InvalidSelector")
    assert active["message"] == "the scale target has no pod selector"
    bench.let_evaluate(3)
    assert bench.replicas(resource=f"{version}/widgets") == 2
    assert bench.scale_writes() == []


def test_pods_without_a_start_time_count_by_their_creation(bench: Bench):
    # D4, P-07: scheduled pods that no kubelet spoke of; then Ready ones that lack startTime.
    delay = 12
    bench.apply(workload("Deployment", "web", 2, **{STATE: "unseen"}))
    bench.show(500)
    bench.apply(autoscaler(readinessDelaySeconds=delay))
    active = bench.await_condition("ScalingActive", "False", "FailedGetExternalMetric")
    assert "among the 2 pods, none is ready" in active["message"]

    for pod in eventually(lambda: pods(bench.kubectl, "web"), lambda found: len(found) == 2):
        name = pod["metadata"]["name"]
        patch = json.dumps({"status": ready_without_start()})
        bench.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch)
    bench.await_replicas(5)
    found = pods(bench.kubectl, "web")
    started = sorted(pod["metadata"]["creationTimestamp"] for pod in found)[:2]
    assert [pod["status"].get("startTime") for pod in found] == [None] * len(found)
    scaled = eventually(lambda: bench.status().get("lastScaleTime"))
    assert seconds(str(scaled)) - seconds(started[-1]) >= delay - 1


def ready_without_start() -> dict[str, Any]:
    """The status of a pod that runs and is Ready, but does not say since when it runs."""
    return {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def seconds(text: str) -> float:
    """A Kubernetes time as seconds."""
    return parse_rfc3339(text) / 1000


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"target": "nobody"}, '"nobody" not found; scale not found'),
        ({"kind": "Deploymint"}, 'no matches for kind "Deploymint" in group "apps"'),
        ({"kind": "ControllerRevision"}, 'kind "ControllerRevision" in group "apps" has no scale'),
        ({"api_version": "apps/v1/x"}, 'no matches for kind "Deployment" in group "apps/v1"'),
    ],
    ids=["name", "kind", "not scalable", "version"],
)
def test_a_target_that_cannot_be_found_is_named(bench: Bench, target: dict[str, str], reason: str):
    bench.show(900)
    bench.apply(autoscaler(**target))
    able = bench.await_condition("AbleToScale", "False", "FailedProcessWPA")
    assert reason in able["message"]
    (event,) = eventually(lambda: bench.events("FailedProcessWPA"))
    assert reason in event["message"]


def test_denied_scales_are_named_with_the_missing_right(bench: Bench):
    bench.kubectl("create", "-f", "-", stdin=json.dumps(replication_controller()))
    bench.show(900)
    bench.apply(autoscaler(kind="ReplicationController", api_version="v1"))
    able = bench.await_condition("AbleToScale", "False", "FailedProcessWPA")
    assert "cannot get resource" in able["message"]
    assert "grant it with a Role or ClusterRole" in able["message"]
    assert bench.scale_writes() == []


def replication_controller() -> dict[str, Any]:
    """A kind with a scale subresource that the shipped rights do not cover."""
    template = workload("Deployment", "web", 1)["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"app": "web"}, "template": template},
    }
