"""`kubectl wpa` on a real cluster, by people with the cluster's own roles edit and view (W-O09)."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import apply
from tests.e2e.scaler.objects import autoscaler
from tests.plugin import put_plugin

AUTOSCALERS = "watermarkpodautoscalers.datadoghq.com"
"""Spelled out: tests of the CRD serve copies of it under the same short name."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def person(kubectl: Kubectl, cluster: ControlPlane, role: str, folder: Path) -> Run:
    """`kubectl wpa dry-run` as somebody who has `role` in the namespace of `kubectl`."""
    namespace = kubectl.namespace
    kubectl("create", "serviceaccount", role)
    account = f"--serviceaccount={namespace}:{role}"
    kubectl("create", "rolebinding", role, f"--clusterrole={role}", account)
    config = cluster.service_account_kubeconfig(namespace, role)
    put_plugin(folder)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": path, "HOME": str(folder), "KUBECONFIG": str(config)}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        # kubectl takes no flags before a plugin's name.
        command = [str(kubectl.program), "wpa", "dry-run", *arguments, "-n", namespace]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=60, env=environ
        )

    eventually(lambda: run("list", "--all").returncode, lambda code: code == 0)
    return run


@pytest.mark.usefixtures("installation")
def test_editors_hold_and_release_a_batch_and_viewers_only_look(
    cluster: ControlPlane, kubectl: Kubectl, namespace: str, tmp_path: Path
):
    one, two, other = (autoscaler(name) for name in ("one", "two", "other"))
    for held in (one, two):
        held["metadata"]["labels"] = {"batch": "next"}
    apply(kubectl, one, two, other)
    editor = person(kubectl, cluster, "edit", tmp_path / "edit")
    viewer = person(kubectl, cluster, "view", tmp_path / "view")

    title = f"WatermarkPodAutoscaler '{namespace}/{{}}' dry-run option is now {{}}\n"
    changed = editor("enable", "-l", "batch=next")
    assert (changed.returncode, changed.stderr) == (0, "")
    assert changed.stdout == title.format("one", "true") + title.format("two", "true")

    states = viewer("list", "--all", "-o", "csv").stdout.splitlines()
    assert states == [f"{namespace},{name}" for name in (
        "one,enabled", "other,disabled", "two,enabled")]  # fmt: skip
    refused = viewer("disable", "-l", "batch=next")
    assert (refused.returncode, refused.stdout) == (0, "")
    assert "one: unable to set dry-run option to false, err: " in refused.stderr
    assert "403 Forbidden" in refused.stderr
    assert refused.stderr.endswith("2 of 2 failed, see the errors above\n")

    assert editor("disable", "one").stdout == title.format("one", "false")
    found = json.loads(kubectl("get", AUTOSCALERS, "one", "-o", "json", "--show-managed-fields"))
    assert found["spec"]["dryRun"] is False
    assert "kubectl-wpa" in {entry["manager"] for entry in found["metadata"]["managedFields"]}
