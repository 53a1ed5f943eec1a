"""E-12: what the dashboard shows of real and virtual nodes, asked of Prometheus itself."""

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from observability import autoscaler_board
from observability.grafana import panels_of

PANEL = "Pods on real and on virtual nodes"
HERE = 'namespace="forethought-kodo"'
NODES = ["node-1", "node-1", "node-2", "virtual-kubelet-a", "virtual-kubelet-b", ""]
"""Where the pods of kodo-x run."""
EXPECTED = {"real nodes": 3, "virtual nodes": 2, "without a node": 1}


def queries(target: str) -> dict[str, str]:
    """The panel's queries by legend, for the autoscaler of `target`."""
    (panel,) = (one for one in panels_of(autoscaler_board.BOARD) if one.title == PANEL)
    chosen = {"$namespace": "forethought-kodo", "$autoscaler": target}
    found = {}
    for query in panel.queries:
        expr = query.expr
        for name, value in chosen.items():
            expr = expr.replace(name, value)
        found[query.legend] = expr
    return found


def pod(name: str, node: str, owner: str, kind: str = "ReplicaSet", where: str = HERE) -> str:
    labels = f'{where},pod="{name}",created_by_kind="{kind}",created_by_name="{owner}"'
    return f'kube_pod_info{{{labels},node="{node}"}}'


def series() -> list[dict[str, str]]:
    """Pods of kodo-x, of others with a similar name, and of other places."""
    found = [pod(f"x-{number}", node, "kodo-x-5d7c") for number, node in enumerate(NODES)]
    found += [
        pod("m-0", "node-1", "kodo-x-metric-7f9b"),
        pod("y-0", "virtual-kubelet-a", "kodo-x-5d7c", where='namespace="other"'),
        pod("s-0", "virtual-kubelet-b", "stateful-x", "StatefulSet"),
        pod("j-0", "node-2", "", ""),
    ]
    for name in ("kodo-x", "kodo-x-metric", "stateful-x"):
        own = f'wpa_namespace="forethought-kodo",wpa_name="{name}",resource_name="{name}"'
        found.append(f'wpa_controller_max_replicas{{{own},dry_run="false"}}')
    return [{"series": one, "values": "1x20"} for one in found]


def check(tmp_path, target: str, expected: dict[str, int]) -> None:
    cases: list[dict[str, Any]] = [
        {
            "expr": expr,
            "eval_time": "2m",
            "exp_samples": [{"labels": "{}", "value": expected[legend]}],
        }
        for legend, expr in queries(target).items()
    ]
    test = {"interval": "15s", "input_series": series(), "promql_expr_test": cases}
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(path)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("kodo-x", EXPECTED),
        ("kodo-x-metric", {"real nodes": 1, "virtual nodes": 0, "without a node": 0}),
        ("stateful-x", {"real nodes": 0, "virtual nodes": 1, "without a node": 0}),
    ],
)
def test_pods_are_counted_by_kind_of_node(tmp_path, target, expected):
    assert list(queries(target)) == list(expected)
    check(tmp_path, target, expected)
