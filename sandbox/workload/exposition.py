"""The simulation in Prometheus' text format, under the names real exporters use.

Three kinds of exporters of a real cluster are played here: one lovoo/nsq_exporter beside each nsqd
(names and labels of `nsq_*`), cAdvisor (`container_cpu_usage_seconds_total`) and
kube-state-metrics (`kube_pod_container_resource_requests`).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sandbox.workload.nsq import Queue
from sandbox.workload.simulation import PodCpu, Simulation

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class _Families(Collector):
    """Families that are made already, in the shape `generate_latest` asks for."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def nsqd_text(simulation: Simulation, nsqd: str) -> bytes:
    """What the exporter of one nsqd shows; the instance label is the scraper's to add."""
    queues = [queue for queue in simulation.nsq.queues if queue.nsqd == nsqd]
    return _text(_nsq(queues, with_instance=False))


def pods_text(simulation: Simulation) -> bytes:
    """What cAdvisor and kube-state-metrics show of the consumers' pods."""
    return _text(_pods(simulation.pods))


def whole_text(simulation: Simulation) -> bytes:
    """Everything on one page, for eyes: the nsqd as label `instance`, and the script's phase."""
    phase = GaugeMetricFamily(
        "workload_phase_left_seconds", "Time left in the phase of the script", labels=["phase"]
    )
    moment = simulation.moment
    phase.add_metric([moment.phase.name], moment.left_ms / 1000)
    families = [*_nsq(simulation.nsq.queues, with_instance=True), *_pods(simulation.pods), phase]
    return _text(families)


def _text(families: Iterable[Metric]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return generate_latest(registry)


def _nsq(queues: Iterable[Queue], *, with_instance: bool) -> list[Metric]:
    instance = ["instance"] if with_instance else []
    topic_labels = ["topic", "paused", *instance]
    labels = ["topic", "channel", "paused", *instance]
    depth = GaugeMetricFamily("nsq_channel_depth", "Messages waiting", labels=labels)
    flight = GaugeMetricFamily("nsq_channel_in_flight_count", "Messages handed out", labels=labels)
    # A gauge upstream too, although it only grows.
    count = GaugeMetricFamily("nsq_channel_message_count", "Messages received", labels=labels)
    topic_depth = GaugeMetricFamily(
        "nsq_topic_depth", "Messages no channel has taken over", labels=topic_labels
    )
    for queue in queues:
        where = [queue.nsqd] if with_instance else []
        topic = queue.topic
        waiting = 0 if topic.channel else queue.depth
        topic_depth.add_metric([topic.name, "false", *where], waiting)
        if not topic.channel:
            continue
        values = [topic.name, topic.channel, str(topic.paused).lower(), *where]
        depth.add_metric(values, queue.depth)
        flight.add_metric(values, queue.in_flight)
        count.add_metric(values, queue.arrived)
    return [depth, flight, count, topic_depth]


def _pods(pods: Iterable[PodCpu]) -> list[Metric]:
    usage = CounterMetricFamily(
        "container_cpu_usage_seconds", "CPU time used", labels=["namespace", "pod", "container"]
    )
    requests = GaugeMetricFamily(
        "kube_pod_container_resource_requests",
        "Requested resources",
        labels=["namespace", "pod", "container", "resource", "unit"],
    )
    for cpu in pods:
        consumer = cpu.consumer
        container = consumer.container or consumer.deployment
        values = [consumer.namespace, cpu.pod, container]
        usage.add_metric(values, round(cpu.seconds, 6))
        requests.add_metric([*values, "cpu", "core"], consumer.cpu_request)
    return [usage, requests]
