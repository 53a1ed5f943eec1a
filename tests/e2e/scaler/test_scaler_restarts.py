"""The status is the memory: what a restarted scaler knows of delays and windows (D15, D24)."""

import time
from typing import Final

from kube.vocab.times import Millis, parse_rfc3339
from scaler.shell.leadership import LEASE
from tests.controlplane.waiting import eventually
from tests.e2e.daemons import NAMESPACE
from tests.e2e.scaler.bench import WITHIN, Bench
from tests.e2e.scaler.objects import Json, autoscaler, external, workload

PERIOD: Final = "--evaluation-period=8s"
"""A gap of up to 28 s is a short one: more than a restart takes on a busy machine."""


def since(bench: Bench, kind: str, name: str) -> Millis:
    """When this condition became True, 0 while it is not."""
    found = bench.condition(kind, name)
    return parse_rfc3339(found["lastTransitionTime"]) if found.get("status") == "True" else 0


def last_scale(bench: Bench, name: str) -> Millis:
    """When the target was scaled last, 0 for never."""
    text = bench.status(name).get("lastScaleTime")
    return parse_rfc3339(text) if text else 0


def held_for(bench: Bench) -> Millis:
    """How long the leader has had its lease by now."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{LEASE}"
    spec = bench.cluster.rest.get(path)["spec"]
    return parse_rfc3339(spec["renewTime"]) - parse_rfc3339(spec["acquireTime"])


def waiting_pair(bench: Bench, delay: int) -> None:
    """`up` wants to grow, `down` to shrink, and both have to wait for `delay` seconds. Where they
    may go then does not suffice, so that the conditions that are the delays' memory stay.
    """
    autoscalers: list[Json] = []
    for name, value, spec in (
        ("up", 2000, {"upscaleDelayAboveWatermarkSeconds": delay, "maxReplicas": 8}),
        ("down", 40, {"downscaleDelayBelowWatermarkSeconds": delay}),
    ):
        bench.run(workload("Deployment", name, 4))
        bench.show(value, metric=name)
        fields: Json = spec
        autoscalers.append(autoscaler(name, external(name), target=name, **fields))
    bench.apply(*autoscalers)
    bench.await_rule("upscale_delay", "up")
    bench.await_rule("downscale_delay", "down")


def test_delays_in_both_directions_continue_after_a_quick_restart(bench: Bench):
    bench.seat.restart(PERIOD)
    waiting_pair(bench, 40)
    started = eventually(
        lambda: (
            since(bench, "AboveHighWatermark", "up"),
            since(bench, "BelowLowWatermark", "down"),
        ),
        all,
    )
    # After less than two periods nobody would know whether it had begun to look.
    eventually(lambda: held_for(bench), lambda found: found >= 16_000, within=WITHIN)
    bench.seat.restart(PERIOD)
    bench.await_replicas(8, "up")
    bench.await_replicas(1, "down")
    ends = eventually(lambda: (last_scale(bench, "up"), last_scale(bench, "down")), all)
    # Still the instants from before the restart: had the scaler forgotten them, they were later.
    assert (
        since(bench, "AboveHighWatermark", "up"), since(bench, "BelowLowWatermark", "down")
    ) == started  # fmt: skip
    assert [end - start >= 40_000 for start, end in zip(started, ends, strict=True)] == [True, True]


def test_forbidden_windows_outlast_a_restart(bench: Bench):
    bench.seat.restart(PERIOD)
    bench.run(workload("Deployment", "web", 2))
    bench.show(300)
    bench.apply(autoscaler(upscaleForbiddenWindowSeconds=30))
    bench.await_replicas(3)
    first = eventually(lambda: last_scale(bench, "web"))
    bench.show(600)
    bench.seat.restart(PERIOD)
    bench.await_condition("AbleToScale", "False", "BackoffUpscale")
    assert (bench.replicas(), last_scale(bench, "web")) == (3, first)
    bench.await_replicas(6)
    second = eventually(
        lambda: last_scale(bench, "web"), lambda found: found != first, within=WITHIN
    )
    assert second - first >= 30_000
    assert bench.status()["scalingEventsCount"] == 2


def test_a_long_outage_starts_the_downscale_delay_anew_and_does_not_count_for_the_upscale_delay(
    bench: Bench,
):
    # D15: with a period of one second, more than 3.5 s without an evaluation is a long gap.
    waiting_pair(bench, 20)
    up = eventually(lambda: since(bench, "AboveHighWatermark", "up"))
    down = eventually(lambda: since(bench, "BelowLowWatermark", "down"))
    eventually(lambda: held_for(bench), lambda found: found >= 2_000, within=WITHIN)
    bench.seat.end()
    time.sleep(6)
    back = time.time() * 1000
    bench.seat.restart()
    bench.await_replicas(8, "up")
    bench.await_replicas(1, "down")
    ends = eventually(lambda: (last_scale(bench, "up"), last_scale(bench, "down")), all)
    assert since(bench, "BelowLowWatermark", "down") >= back - 1000 > down
    assert ends[1] - since(bench, "BelowLowWatermark", "down") >= 20_000
    # The six seconds and more without a scaler are taken off, the time before them is not.
    assert up + 5_000 <= since(bench, "AboveHighWatermark", "up") <= ends[0] - 20_000
