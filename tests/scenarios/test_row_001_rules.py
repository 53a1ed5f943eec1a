"""Row 001's recording rules, evaluated by Prometheus itself."""

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from sandbox.demo.shipped import manifests_folder

RULES = manifests_folder() / "examples" / "recording-rules" / "kodo-cpu.yaml"
NAMESPACE = 'namespace="forethought-kodo"'
OWNERS = {"kodo-x-aaaaaa": "kodo-x", "kodo-x-metric-bbbbbb": "kodo-x-metric"}
PODS = {
    "kodo-x-aaaaaa-ccccc": "kodo-x-aaaaaa",
    "kodo-x-aaaaaa-ddddd": "kodo-x-aaaaaa",
    "kodo-x-metric-bbbbbb-eeeee": "kodo-x-metric-bbbbbb",
}


def series() -> list[dict[str, str]]:
    """Each pod uses 6 cores, and two virtual nodes of one address report all of them."""
    found = {
        f'kube_replicaset_owner{{{NAMESPACE},replicaset="{name}",owner_kind="Deployment",'
        f'owner_name="{owner}"}}': "1x20"
        for name, owner in OWNERS.items()
    }
    for pod, replicaset in PODS.items():
        where = f'{NAMESPACE},pod="{pod}"'
        owner = f'{where},owner_kind="ReplicaSet",owner_name="{replicaset}"'
        request = f'{where},container="kodo-x",resource="cpu",unit="core"'
        found[f"kube_pod_owner{{{owner}}}"] = "1x20"
        found[f"kube_pod_container_resource_requests{{{request}}}"] = "15x20"
        for node in ("virtual-kubelet-1", "virtual-kubelet-2"):
            usage = f'{where},container="kodo-x",node="{node}"'
            found[f"container_cpu_usage_seconds_total{{{usage}}}"] = "0+90x20"
    return [{"series": name, "values": values} for name, values in found.items()]


@pytest.mark.prometheus
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
@pytest.mark.parametrize(
    ("record", "value"),
    [
        ("kodo:cpu_cores:sum", 12),
        ("kodo:cpu_requests:sum", 30),
        ("kodo:cpu_utilization:percent", 40),
    ],
)
def test_cpu_is_that_of_one_deployment_and_counted_once(tmp_path, record, value):  # E-11, K-03
    labels = f'{record}{{deployment="kodo-x",{NAMESPACE}}}'
    case: dict[str, Any] = {
        "expr": record,
        "eval_time": "4m",
        "exp_samples": [{"labels": labels, "value": value}],
    }
    test = {"interval": "15s", "input_series": series(), "promql_expr_test": [case]}
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": [test]}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
