"""The demo's workload: one quiet consumer, one that gets a burst."""

from typing import Final

from sandbox.demo.timing import PHASES
from sandbox.workload.script import ConsumerSpec, Phase, Script, TopicSpec

NAMESPACE: Final = "forethought-kodo"
NSQD: Final = ("nsqd", "nsqd2", "nsqd3")
CHANNEL: Final = "kodo-x"
DRAIN_PER_POD: Final = 150
PICKUP_MILLIS: Final = 2000

_METRIC: Final = f"{NAMESPACE}/kodo-x-metric"
_OTHER: Final = f"{NAMESPACE}/kodo-x"

# Messages per second. In balance the backlog is rate times pick-up time: 240 and 900 in calm. The
# burst exceeds what 2 and 4 pods drain and is less than what 8 do.
_STEADY: Final = {"df_logging": 280, "df_tracing": 110, "df_rum": 60, "df_backup_log": 1}
_CALM: Final = {"df_metric_app": 70, "df_metric_host": 30, "df_object": 12, "df_keyevent": 8}
_BURST: Final = {"df_metric_app": 560, "df_metric_host": 320, "df_object": 12, "df_keyevent": 8}


def demo_script(seconds: float, *, repeat: bool) -> Script:
    """Calm, burst, calm in `seconds`; kodo-x gets the same load throughout."""
    rates = {"calm": _CALM, "burst": _BURST, "calm again": _CALM}
    return Script(
        nsqd=list(NSQD),
        pickup_millis=PICKUP_MILLIS,
        consumers=[_consumer("kodo-x-metric"), _consumer("kodo-x")],
        topics=[
            *(TopicSpec(name=name, channel=CHANNEL, consumer=_METRIC) for name in _CALM),
            *(
                TopicSpec(name=n, channel=CHANNEL, consumer=_OTHER, paused=n == "df_backup_log")
                for n in _STEADY
            ),
        ],
        phases=[
            Phase(name=name, seconds=seconds * part, rates={**rates[name], **_STEADY})
            for name, part in PHASES
        ],
        repeat=repeat,
    )


def _consumer(deployment: str) -> ConsumerSpec:
    return ConsumerSpec(
        namespace=NAMESPACE,
        deployment=deployment,
        container="kodo-x",
        drain_per_second=DRAIN_PER_POD,
        cpu_request=0.5,
    )
