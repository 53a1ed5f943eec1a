"""The examples: accepted by the CRD, understood by the scaler, served by the adapter's rules."""

import re
import shutil
import subprocess

import pytest
import yaml
from msgspec import convert
from prometheus_client import CollectorRegistry

from adapter.core.configuration import read_configuration
from adapter.metrics import AdapterMetrics
from kube.service.metrics import LoopLag
from sandbox.apiserver.kinds.schema_validate import validate
from scaler.core.fleet import FleetBreaker
from scaler.core.spec import Spec, read_spec
from scaler.core.wire import KIND, Autoscaler
from scaler.shell.fleet_series import fleet_families
from scaler.state.catalogue import Catalogue
from tests.unit.manifests.manifest_files import (
    MANIFESTS,
    Object,
    crd_schema,
    documents,
    nodes,
    objects_below,
    yaml_files,
)

EXAMPLES = MANIFESTS / "examples"
AUTOSCALERS = {
    obj["metadata"]["name"]: obj for _, obj in objects_below(EXAMPLES) if obj["kind"] == KIND
}
RULE_FILES = [MANIFESTS / "adapter" / "rules.yaml", *yaml_files(EXAMPLES / "adapter-rules")]


def spec_of(name: str) -> Spec:
    return read_spec(convert(AUTOSCALERS[name], Autoscaler))


def fields(obj: Object, path: str) -> set[str]:
    found = {path}
    for key, value in obj.items():
        for entry in value if isinstance(value, list) else [value]:
            below = f"{path}.{key}" + ("[]" if isinstance(value, list) else "")
            found |= fields(entry, below) if isinstance(entry, dict) else {below}
    return found


def test_the_examples_of_the_scenarios_are_there():
    assert set(AUTOSCALERS) == {
        "kodo-x-metric",
        "kodo-x-queue-only",
        "kodo-x",
        "kodo-x-cpu-only",
        "biz1-peer",
        "example-watermarkpodautoscaler",
    }


@pytest.mark.parametrize("name", AUTOSCALERS)
def test_example_has_no_fault_and_no_unknown_field(name):
    obj = AUTOSCALERS[name]
    assert validate(crd_schema(), obj) == []
    known = {path for path, _ in nodes(crd_schema())}
    unknown = {
        field
        for field in fields(obj["spec"], "spec")
        if field not in known and ".matchLabels." not in field
    }
    assert unknown == set()


@pytest.mark.parametrize("name", AUTOSCALERS)
def test_example_is_valid_for_the_scaler(name):
    spec = spec_of(name)
    assert spec.target.kind == "Deployment"
    assert spec.min_replicas <= spec.max_replicas
    assert all(metric.low <= metric.high for metric in spec.metrics)


@pytest.mark.parametrize("name", AUTOSCALERS)
def test_a_doubling_does_not_block_the_next_step(name):
    """K-08: the share still Ready after the largest upscale is at least what the gate asks for."""
    spec = spec_of(name)
    assert spec.min_available * (100_000 + spec.up_factor) <= 100 * 100_000


def test_one_autoscaler_per_workload_in_each_file():
    for path in yaml_files(EXAMPLES):
        targets = [
            obj["spec"]["scaleTargetRef"]["name"]
            for obj in documents(path)
            if obj.get("kind") == KIND
        ]
        assert len(targets) == len(set(targets)), path


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_adapter_rules_load_without_a_warning(path):
    catalogue = read_configuration(path.read_text(), path.name)
    assert catalogue.names
    assert catalogue.warnings == ()


def test_every_metric_of_the_kodo_and_koupleless_examples_is_served():
    served = {
        name for path in RULE_FILES for name in read_configuration(path.read_text(), "").names
    }
    asked = {
        metric.name
        for name in AUTOSCALERS
        if name != "example-watermarkpodautoscaler"
        for metric in spec_of(name).metrics
        if metric.kind == "External"
    }
    assert asked == {"kodo_x_queue_backlog", "koupleless_ready_bases"}
    assert asked <= served


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
@pytest.mark.parametrize(
    "path",
    [*yaml_files(EXAMPLES / "recording-rules"), *yaml_files(EXAMPLES / "alerting-rules")],
    ids=lambda path: path.name,
)
def test_rules_are_accepted_by_prometheus(path):
    done = subprocess.run(
        ["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_series_the_adapter_asks_for_is_recorded():
    recorded = {
        rule["record"]
        for path in yaml_files(EXAMPLES / "recording-rules")
        for group in documents(path)[0]["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    asked = {
        rule["seriesQuery"].partition("{")[0]
        for path in RULE_FILES
        for rule in documents(path)[0]["externalRules"]
    }
    assert asked <= recorded


def test_alerts_watch_series_that_there_are():
    families = [*AdapterMetrics("test").registry.collect()]
    families += fleet_families(FleetBreaker(50, 10), Catalogue(lambda _key, _at_once: None))
    lag = CollectorRegistry()
    for program in ("wpa_adapter", "wpa_scaler"):
        LoopLag(program, lag)
    families += lag.collect()
    known = {
        f"{family.name}_total" if family.type == "counter" else family.name for family in families
    }
    known |= {
        f"{family.name}_{part}"
        for family in families
        if family.type == "histogram"
        for part in ("bucket", "count", "sum")
    }
    asked = [
        set(re.findall(r"wpa_(?:adapter|scaler)_\w+", rule["expr"]))
        for path in yaml_files(EXAMPLES / "alerting-rules")
        for group in documents(path)[0]["groups"]
        for rule in group["rules"]
    ]
    assert all(asked)
    assert set().union(*asked) <= known


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
@pytest.mark.parametrize("program", ["scaler", "adapter"])
def test_a_loop_that_stood_still_is_an_alert(program, tmp_path):
    series = f"wpa_{program}_event_loop_lag_seconds"
    alert = f"Wpa{program.title()}StandsStill"
    expected = {
        "exp_labels": {"severity": "warning", "instance": "still"},
        "exp_annotations": {
            "summary": f"wpa-{program} did nothing at all for more than a second; "
            "it has too little CPU, or a defect."
        },
    }
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f"{series}_count{{instance='{name}'}}", "values": "0+600x20"}
            for name in ("still", "busy")
        ]
        + [
            {"series": f"{series}_bucket{{instance='busy',le='1.0'}}", "values": "0+600x20"},
            {"series": f"{series}_bucket{{instance='still',le='1.0'}}",
             "values": "0+600x4 2999+600x15"},
        ],
        "alert_rule_test": [
            {"eval_time": "3m", "alertname": alert, "exp_alerts": []},
            {"eval_time": "6m", "alertname": alert, "exp_alerts": [expected]},
            {"eval_time": "20m", "alertname": alert, "exp_alerts": []},
        ],
    }  # fmt: skip
    rules = EXAMPLES / "alerting-rules" / f"wpa-{program}.yaml"
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": [test]}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
