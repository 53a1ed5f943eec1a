"""Who may read: the real TokenReview, SubjectAccessReview and authentication ConfigMap decide."""

import json
import time
from pathlib import Path

import pytest

from tests.controlplane.kubectl import Kubectl, KubectlFailed
from tests.controlplane.waiting import eventually
from tests.e2e.callers import (
    ask,
    client_pair,
    expired_token,
    foreign_token,
    metric_path,
    new_token,
)
from tests.e2e.daemons import ADAPTER, Installation, account

UNCACHED = 120.0
"""Seconds after which a changed permission counts: the adapter keeps verdicts for 10."""


@pytest.fixture
def metric(installation: Installation, namespace: str) -> str:
    """Path of a metric with one value."""
    for name in ("queue_depth", "queue_age_seconds"):
        installation.gauges.set(name, 4, namespace=namespace, queue="a")
    path = metric_path(namespace)
    admin = installation.cluster.pki.admin
    eventually(lambda: ask(installation.adapter.port, path, pair=admin).json["items"])
    return path


def test_user_without_the_role_gets_403_through_the_aggregator_and_directly(
    installation: Installation, kubectl: Kubectl, namespace: str, metric: str
):
    kubectl("create", "serviceaccount", "robot")
    user = f"system:serviceaccount:{namespace}:robot"
    refused = (
        f'queue_depth.external.metrics.k8s.io is forbidden: User "{user}" cannot list resource '
        f'"queue_depth" in API group "external.metrics.k8s.io" in the namespace "{namespace}"'
    )
    robot = kubectl.as_user(installation.cluster.service_account_kubeconfig(namespace, "robot"))
    token = new_token(installation.cluster, namespace, "robot")
    with pytest.raises(KubectlFailed) as raised:
        robot("get", "--raw", metric)
    assert refused in raised.value.stderr
    direct = ask(installation.adapter.port, metric, token=token)
    assert direct.failure(403, "Forbidden").startswith(refused)

    # A role can name single metrics: the resource of a request is the metric.
    resource = "--resource=queue_depth.external.metrics.k8s.io"
    kubectl("create", "role", "depth", "--verb=list", resource)
    kubectl("create", "rolebinding", "depth", "--role=depth", f"--serviceaccount={namespace}:robot")
    found = eventually(
        lambda: ask(installation.adapter.port, metric, token=token),
        lambda answer: answer.code == 200,
        within=UNCACHED,
    )
    assert [one["value"] for one in found.json["items"]] == ["4"]
    assert json.loads(robot("get", "--raw", metric))["items"][0]["value"] == "4"
    other = metric_path(namespace, "queue_age_seconds")
    with pytest.raises(KubectlFailed, match=r"cannot list resource .*queue_age_seconds"):
        robot("get", "--raw", other)
    ask(installation.adapter.port, other, token=token).failure(403, "Forbidden")


def test_reviews_are_made_with_the_adapters_own_account(
    installation: Installation, kubectl: Kubectl, namespace: str, metric: str
):
    kubectl("create", "serviceaccount", "robot")
    token = new_token(installation.cluster, namespace, "robot")
    ask(installation.adapter.port, metric, token=token).failure(403, "Forbidden")

    def asked() -> set[tuple[str, str, int]]:
        events = installation.cluster.audit_events(account(ADAPTER))
        return {(one.verb, one.object_ref.resource, one.code) for one in events if one.object_ref}

    wanted = {
        ("create", "tokenreviews", 201),
        ("create", "subjectaccessreviews", 201),
        ("get", "configmaps", 200),
        # Its list comes as a stream, which is a watch.
        ("watch", "configmaps", 200),
    }
    eventually(asked, lambda found: wanted <= found)
    assert asked() == wanted


def test_nobody_reads_health_and_nothing_else(installation: Installation, metric: str):
    for path in ("/healthz", "/livez", "/readyz"):
        answer = ask(installation.adapter.port, path)
        assert (answer.code, answer.body) == (200, b"ok")
    message = ask(installation.adapter.port, metric).failure(403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "queue_depth"' in message
    message = ask(installation.adapter.port, "/metrics").failure(403, "Forbidden")
    assert message.startswith('forbidden: User "system:anonymous" cannot get path "/metrics"')


def test_client_certificate_is_a_user_and_cannot_pose_as_the_front_proxy(
    installation: Installation, metric: str, tmp_path: Path
):
    cluster, port = installation.cluster, installation.adapter.port
    masters = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
    assert ask(port, metric, pair=cluster.pki.admin).code == 200
    jane = client_pair(cluster, tmp_path, "jane", "people")
    message = ask(port, metric, pair=jane).failure(403, "Forbidden")
    assert 'User "jane" cannot list' in message
    # Of the right name, but issued by the authority for people.
    impostor = client_pair(cluster, tmp_path, "front-proxy-client")
    message = ask(port, metric, pair=impostor, headers=masters).failure(403, "Forbidden")
    assert 'User "front-proxy-client" cannot list' in message
    message = ask(port, metric, headers=masters).failure(403, "Forbidden")
    assert 'User "system:anonymous" cannot list' in message
    # Of the right authority, but of another name than the cluster's settings allow.
    stranger = cluster.pki.front_proxy.client(tmp_path, "somebody-else")
    ask(port, metric, pair=stranger, headers=masters).failure(401, "Unauthorized")
    assert ask(port, metric, pair=cluster.pki.proxy_client, headers=masters).code == 200


def test_expired_foreign_and_broken_tokens_are_401_and_do_no_harm(
    installation: Installation, kubectl: Kubectl, namespace: str, metric: str
):
    cluster, port = installation.cluster, installation.adapter.port
    kubectl("create", "serviceaccount", "robot")
    good = new_token(cluster, namespace, "robot")
    ask(port, metric, token=good).failure(403, "Forbidden")
    apiserver = int(cluster.server.rpartition(":")[2])
    for token in (expired_token(cluster, good), foreign_token(), "nonsense", f"{good}x", "€"):
        for server in (port, apiserver):
            sent = token.encode().decode("latin-1")
            assert ask(server, metric, token=sent).failure(401, "Unauthorized") == "Unauthorized"
    assert ask(port, "/livez").code == 200
    ask(port, metric, token=good).failure(403, "Forbidden")


def test_deleted_account_is_out_within_seconds(
    installation: Installation, kubectl: Kubectl, namespace: str, metric: str
):
    kubectl("create", "serviceaccount", "robot")
    kubectl("create", "rolebinding", "r", "--clusterrole=external-metrics-reader",
            f"--serviceaccount={namespace}:robot")  # fmt: skip
    token = new_token(installation.cluster, namespace, "robot")
    port = installation.adapter.port
    eventually(lambda: ask(port, metric, token=token).code, lambda code: code == 200)
    kubectl("delete", "serviceaccount", "robot")
    started = time.monotonic()
    # Ten seconds in the adapter, ten in the API server.
    eventually(lambda: ask(port, metric, token=token).code, lambda code: code == 401)
    assert time.monotonic() - started < 60


def test_scraper_role_reads_the_adapters_own_metrics(
    installation: Installation, kubectl: Kubectl, namespace: str
):
    kubectl("create", "serviceaccount", "scraper")
    token = new_token(installation.cluster, namespace, "scraper")
    port = installation.adapter.port
    message = ask(port, "/metrics", token=token).failure(403, "Forbidden")
    assert 'cannot get path "/metrics"' in message
    binding = f"scraper-{namespace}"
    kubectl("create", "clusterrolebinding", binding, "--clusterrole=wpa-adapter-metrics-scraper",
            f"--serviceaccount={namespace}:scraper")  # fmt: skip
    try:
        found = eventually(
            lambda: ask(port, "/metrics", token=token),
            lambda answer: answer.code == 200,
            within=UNCACHED,
        )
    finally:
        kubectl("delete", "clusterrolebinding", binding)
    assert b"wpa_adapter_requests_total" in found.body
