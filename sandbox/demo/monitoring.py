"""The demo's Prometheus: what it scrapes and records. Both kinds read the same files."""

from collections.abc import Mapping
from pathlib import Path

from sandbox.demo.load import NSQD
from sandbox.demo.shipped import read_manifests
from sandbox.demo.timing import SCRAPE
from sandbox.prometheus.configuration import (
    Global,
    PrometheusConfig,
    Rule,
    RuleFile,
    RuleGroup,
    ScrapeConfig,
    StaticConfig,
    dump_yaml,
)


def write_monitoring(folder: Path, workload_port: int, daemons: Mapping[str, int]) -> Path:
    """Write `prometheus.yml` and its rules; `daemons` are ports of plain `/metrics` by job name."""
    (folder / "rules.yml").write_text(dump_yaml(recording_rules()))
    path = folder / "prometheus.yml"
    path.write_text(dump_yaml(scrape_configuration(workload_port, daemons)))
    return path


def scrape_configuration(workload_port: int, daemons: Mapping[str, int]) -> PrometheusConfig:
    """Three nsqd exporters, the kubelet's view of the pods, and both daemons."""
    workload = f"127.0.0.1:{workload_port}"
    exporters = [
        _target(workload, instance=name, __metrics_path__=f"/nsqd/{name}/metrics") for name in NSQD
    ]
    interval = f"{SCRAPE}s"
    return PrometheusConfig(
        global_=Global(
            scrape_interval=interval, scrape_timeout=interval, evaluation_interval=interval
        ),
        rule_files=["rules.yml"],
        scrape_configs=[
            ScrapeConfig(job_name="nsq-exporter", static_configs=exporters),
            ScrapeConfig(
                job_name="kubelet",
                metrics_path="/pods/metrics",
                static_configs=[_target(workload, instance="laptop")],
            ),
            *(
                ScrapeConfig(job_name=job, static_configs=[_target(f"127.0.0.1:{port}")])
                for job, port in daemons.items()
            ),
        ],
    )


def recording_rules() -> RuleFile:
    """The shipped recording rules of the split, unchanged but for their interval; no alerts."""
    (document,) = read_manifests("examples/recording-rules/kodo-backlog.yaml")
    groups = []
    for group in document["groups"]:
        rules = [
            Rule(record=rule["record"], expr=rule["expr"], labels=rule.get("labels", {}))
            for rule in group["rules"]
            if "record" in rule
        ]
        if rules:
            groups.append(RuleGroup(name=group["name"], interval=f"{SCRAPE}s", rules=rules))
    return RuleFile(groups=groups)


def _target(address: str, **labels: str) -> StaticConfig:
    return StaticConfig(targets=[address], labels=labels)
