"""The `/metrics` of the simulation, read back as Prometheus would."""

from sandbox.prometheus.samples import Labels
from sandbox.prometheus.scraping import read_exposition
from sandbox.workload.exposition import nsqd_text, pods_text, whole_text
from sandbox.workload.script import parse_script
from sandbox.workload.simulation import Simulation

SCRIPT = parse_script(
    """
nsqd: [nsqd, nsqd2, nsqd3]
consumers:
- {namespace: kodo, deployment: kodo-x, container: kodo-x, drainPerSecond: 30, cpuRequest: 0.5}
topics:
- {name: df_logging, channel: kodo-x, consumer: kodo/kodo-x}
- {name: df_replay, channel: kodo-x, consumer: kodo/kodo-x, paused: true}
- {name: df_unread}
phases:
- {name: calm, seconds: 1, rates: {df_logging: 300, df_replay: 30, df_unread: 3}}
- {name: quiet, seconds: 1, rates: {}}
""",
    "load.yaml",
)


def _read(text: bytes) -> dict[Labels, float]:
    return read_exposition(text.decode(), {})


def _value(text: bytes, **labels: str) -> float:
    (found,) = [v for k, v in _read(text).items() if labels.items() <= dict(k).items()]
    return found


def test_each_nsqd_shows_its_own_third() -> None:
    simulation = Simulation(SCRIPT)
    simulation.advance(2000)
    for name in SCRIPT.nsqd:
        text = nsqd_text(simulation, name)
        assert _value(text, __name__="nsq_channel_depth", topic="df_logging", paused="false") == 100
        assert _value(text, __name__="nsq_channel_depth", topic="df_replay", paused="true") == 10
        assert _value(text, __name__="nsq_channel_message_count", topic="df_logging") == 100
        assert _value(text, __name__="nsq_topic_depth", topic="df_unread") == 1
        assert _value(text, __name__="nsq_topic_depth", topic="df_logging") == 0
        depths = [dict(k) for k in _read(text) if dict(k)["__name__"] == "nsq_channel_depth"]
        assert {(d["topic"], d["channel"]) for d in depths} == {
            ("df_logging", "kodo-x"),
            ("df_replay", "kodo-x"),
        }


def test_in_flight_is_what_consumers_hold() -> None:
    simulation = Simulation(SCRIPT)
    simulation.set_ready({"kodo/kodo-x": frozenset({"a", "b"})})
    simulation.advance(1000)
    for queue in simulation.nsq.queues:
        if queue.topic.name == "df_logging":
            assert queue.in_flight > 0
            assert queue.in_flight == _value(
                nsqd_text(simulation, queue.nsqd),
                __name__="nsq_channel_in_flight_count",
                topic="df_logging",
            )


def test_cpu_of_a_busy_pod_is_its_request_and_leaves_with_it() -> None:
    simulation = Simulation(SCRIPT)
    simulation.set_ready({"kodo/kodo-x": frozenset({"a", "b"})})
    simulation.advance(1000)
    before = _value(pods_text(simulation), __name__="container_cpu_usage_seconds_total", pod="a")
    simulation.advance(1000)
    text = pods_text(simulation)
    used = _value(text, __name__="container_cpu_usage_seconds_total", pod="a", container="kodo-x")
    assert 0.4 <= used - before <= 0.5  # more than one pod's worth is waiting
    request = _value(text, __name__="kube_pod_container_resource_requests", pod="a")
    assert request == 0.5
    simulation.set_ready({"kodo/kodo-x": frozenset({"b"})})
    assert {dict(k)["pod"] for k in _read(pods_text(simulation))} == {"b"}


def test_the_page_for_eyes_has_everything_and_the_phase() -> None:
    simulation = Simulation(SCRIPT)
    simulation.set_ready({"kodo/kodo-x": frozenset({"a"})})
    simulation.advance(1500)
    text = whole_text(simulation)
    assert _value(text, __name__="workload_phase_left_seconds", phase="quiet") == 0.5
    assert (
        _value(text, __name__="nsq_channel_message_count", topic="df_logging", instance="nsqd2")
        == 100
    )
    assert _value(text, __name__="kube_pod_container_resource_requests", pod="a") == 0.5
