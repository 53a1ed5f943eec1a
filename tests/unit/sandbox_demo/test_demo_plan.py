"""What the demo sets up: objects, load, Prometheus' configuration, ports, flags."""

from pathlib import Path
from random import Random

import pytest
import yaml
from click.testing import CliRunner

from sandbox.cli import cli
from sandbox.demo import objects
from sandbox.demo.apply import resource_of
from sandbox.demo.load import demo_script
from sandbox.demo.monitoring import recording_rules, write_monitoring
from sandbox.demo.ports import free_ports
from sandbox.demo.shipped import read_manifests
from sandbox.prometheus.configuration import load_config, load_rules
from sandbox.prometheus.scraping import targets_of
from sandbox.workload.script import dump_script, parse_script
from sandbox.workload.simulation import Simulation


def test_both_deployments_share_selector_and_labels() -> None:
    first, second = objects.consumers()
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert first["spec"]["selector"] == second["spec"]["selector"]
    assert first["spec"]["template"] == second["spec"]["template"]


def test_autoscalers_are_the_shipped_ones_with_other_times_only() -> None:
    shipped = read_manifests("examples/kodo-split.yaml")
    for ours, theirs in zip(objects.autoscalers(), shipped, strict=True):
        changed = {key for key in ours["spec"] if ours["spec"][key] != theirs["spec"].get(key)}
        assert changed
        assert all(key.endswith("Seconds") for key in changed)


def test_every_object_has_a_known_resource() -> None:
    everything = [
        *objects.definitions(),
        *objects.identities(),
        *objects.aggregation(1234, b"pem"),
        *objects.consumers(),
        *objects.autoscalers(),
    ]
    for manifest in everything:
        resource = resource_of(manifest)
        assert resource.namespaced == ("namespace" in manifest["metadata"])


def test_the_api_server_checks_the_adapters_certificate() -> None:
    service, api_service = objects.aggregation(1234, b"pem")
    assert service["spec"]["externalName"] == "localhost"
    assert "insecureSkipTLSVerify" not in api_service["spec"]
    assert api_service["spec"]["caBundle"] == "cGVt"
    assert api_service["spec"]["service"]["port"] == 1234


def test_the_stand_in_understands_what_is_written_for_prometheus(tmp_path: Path) -> None:
    config_file = write_monitoring(tmp_path, 1111, {"wpa-adapter": 2222, "wpa-scaler": 3333})
    config = load_config(config_file)
    rules = load_rules(config, tmp_path)
    assert [r.rule.record for r in rules].count("kodo:nsq_backlog:sum") == 2
    urls = [target.url for target in targets_of(config, tmp_path)]
    assert [u for u in urls if "/nsqd/" in u] == [
        f"http://127.0.0.1:1111/nsqd/{name}/metrics" for name in ("nsqd", "nsqd2", "nsqd3")
    ]
    assert {"http://127.0.0.1:2222/metrics", "http://127.0.0.1:3333/metrics"} <= set(urls)


def test_rules_are_the_shipped_expressions() -> None:
    (shipped,) = read_manifests("examples/recording-rules/kodo-backlog.yaml")
    expressions = {rule["expr"] for group in shipped["groups"] for rule in group["rules"]}
    ours = {rule.expr for group in recording_rules().groups for rule in group.rules}
    assert ours <= expressions


@pytest.mark.parametrize("seconds", [60, 90, 600])
def test_the_script_fills_the_duration_and_loads_as_promised(seconds: float) -> None:
    script = demo_script(seconds, repeat=False)
    assert sum(phase.seconds for phase in script.phases) == pytest.approx(seconds)
    assert parse_script(dump_script(script), "written") == script
    simulation = Simulation(script)
    pods = {"forethought-kodo/kodo-x": 3, "forethought-kodo/kodo-x-metric": 2}
    simulation.set_ready(
        {key: frozenset(f"{key}-{i}" for i in range(n)) for key, n in pods.items()}
    )

    def backlog(consumer: str) -> int:
        return sum(
            q.depth
            for q in simulation.nsq.queues
            if q.topic.consumer == consumer and not q.topic.paused
        )

    simulation.advance(round(script.phases[0].seconds * 1000) - 1)
    # Three and two pods: in the band of 100 to 1000 per replica.
    assert 3 * 101 < backlog("forethought-kodo/kodo-x") < 3 * 990
    assert 2 * 101 < backlog("forethought-kodo/kodo-x-metric") < 2 * 990
    simulation.advance(round(script.phases[1].seconds * 1000))
    assert 3 * 101 < backlog("forethought-kodo/kodo-x") < 3 * 990
    assert backlog("forethought-kodo/kodo-x-metric") > 2 * 1010


def test_ports_are_free_and_different() -> None:
    ports = free_ports(20, Random(1))
    assert len(set(ports)) == 20
    assert free_ports(20, Random(1)) == ports  # released again


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "10s"], "need 60s at least"),
        (["--for", "soon"], "is not a duration"),
        (["--for", "90s", "--report", "/dev/null/x.json"], "/dev/null cannot be written"),
        (["--check"], "needs --for"),
        (["--prometheus", "fake"], "fake"),
    ],
)
def test_wrong_flags_are_refused_before_anything_starts(arguments, said) -> None:
    result = CliRunner().invoke(cli, ["demo", *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_a_real_prometheus_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    result = CliRunner().invoke(cli, ["demo", "--prometheus", "real"])
    assert result.exit_code == 2
    assert "use --prometheus stand-in" in result.output


def test_a_wrong_script_or_configuration_ends_with_code_2(tmp_path: Path) -> None:
    script = tmp_path / "load.yaml"
    script.write_text(yaml.safe_dump({"nsqd": []}))
    for arguments in (
        ["workload", "--kubeconfig", "k", "--script", str(script)],
        ["prometheus", "--config.file", str(tmp_path / "gone.yml")],
    ):
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 2, result.output
        assert str(tmp_path) in result.output
        assert "Traceback" not in result.output
