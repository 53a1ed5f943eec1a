"""Scripts: phases over time, and what is said of a wrong file."""

import pytest

from sandbox.workload.script import ScriptError, dump_script, load_script, parse_script

TEXT = """
nsqd: [nsqd, nsqd2]
pickupMillis: 1000
consumers:
- {namespace: forethought-kodo, deployment: kodo-x-metric, container: kodo-x, drainPerSecond: 150}
topics:
- {name: df_metric_a, channel: kodo-x, consumer: forethought-kodo/kodo-x-metric}
- {name: df_unread}
phases:
- {name: calm, seconds: 10, rates: {df_metric_a: 100}}
- {name: burst, seconds: 2.5, rates: {df_metric_a: 900}}
"""


def test_phases_follow_each_other_and_the_last_stays() -> None:
    script = parse_script(TEXT, "load.yaml")
    seen = [(script.at(t).phase.name, script.at(t).left_ms) for t in (0, 9_999, 10_000, 12_400)]
    assert seen == [("calm", 10_000), ("calm", 1), ("burst", 2500), ("burst", 100)]
    assert script.at(99_000).phase.name == "burst"


def test_a_repeating_script_starts_over() -> None:
    script = parse_script(TEXT + "repeat: true\n", "load.yaml")
    assert script.at(12_500).phase.name == "calm"
    assert script.at(25_000 + 11_000).phase.name == "burst"


def test_what_is_written_reads_back(tmp_path) -> None:
    script = parse_script(TEXT, "load.yaml")
    path = tmp_path / "load.yaml"
    path.write_text(dump_script(script))
    assert load_script(path) == script


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("drainPerSecond: 150", "drainPerSecond: 0", "$.consumers[0].drainPerSecond"),
        ("pickupMillis", "pickupMilis", "pickupMilis"),
        ("consumer: forethought-kodo/kodo-x-metric", "consumer: kodo-x", "'kodo-x' is not in"),
        ("rates: {df_metric_a: 900}", "rates: {df_metric_z: 900}", "unknown topic 'df_metric_z'"),
        ("name: df_unread", "name: df_metric_a", "'df_metric_a' is given twice"),
        ("channel: kodo-x, ", "", "channel and consumer go together"),
        ("seconds: 10", "seconds: -1", "$.phases[0].seconds"),
        ("nsqd: [nsqd, nsqd2]", "nsqd: [", "not YAML"),
    ],
)
def test_a_wrong_script_names_file_and_field(old, new, said) -> None:
    assert old in TEXT
    with pytest.raises(ScriptError) as caught:
        parse_script(TEXT.replace(old, new), "load.yaml")
    assert str(caught.value).startswith("load.yaml: ")
    assert said in str(caught.value)


def test_a_missing_script_is_named(tmp_path) -> None:
    with pytest.raises(ScriptError, match=r"gone\.yaml: cannot be read"):
        load_script(tmp_path / "gone.yaml")
