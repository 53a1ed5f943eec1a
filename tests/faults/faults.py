"""The rows of the matrix, in the order of the report."""

from functools import partial

from tests.faults import api_faults, daemon_faults, pod_faults, real, upstream_faults
from tests.faults.plan import LEASE, QUERY, SAMPLE, SUCCESSION
from tests.faults.run import Fault

_upstream = partial(Fault, slack=SAMPLE)

FAULTS = (
    _upstream("Prometheus down", upstream_faults.prometheus_down),
    Fault("Prometheus slow (30 s)", upstream_faults.prometheus_slow, slack=SAMPLE + QUERY),
    _upstream("Prometheus empty", upstream_faults.prometheus_empty),
    _upstream("NaN", upstream_faults.not_a_number),
    _upstream("partial: one of three exporters gone", upstream_faults.partial),
    _upstream("frozen timestamps", upstream_faults.frozen),
    _upstream("Prometheus' clock 10 min ahead", upstream_faults.prometheus_ahead),
    _upstream("Prometheus' clock 10 min behind", upstream_faults.prometheus_behind),
    _upstream("wrong sign", upstream_faults.wrong_sign),
    _upstream("adapter's clock 10 min ahead", upstream_faults.adapter_ahead),
    _upstream("adapter's clock 10 min behind", upstream_faults.adapter_behind),
    _upstream("adapter killed", upstream_faults.adapter_killed),
    _upstream("adapter hung", upstream_faults.adapter_hung),
    _upstream("adapter answers 5xx", upstream_faults.adapter_failing),
    _upstream("adapter's certificate expired", upstream_faults.certificate_expired),
    Fault("kube-apiserver down", api_faults.down, slack=LEASE),
    Fault("kube-apiserver restarted", api_faults.restarted),
    Fault("429 storm", api_faults.too_many_requests),
    Fault("stale reads", api_faults.stale_reads),
    Fault("409 on every first write", api_faults.conflicts),
    Fault("watch silent", api_faults.watch_silent),
    Fault("pods flapping Ready", pod_faults.flapping),
    Fault("all pods Pending", pod_faults.all_pending),
    Fault("pods evicted", pod_faults.evicted),
    Fault("scaler killed", daemon_faults.killed, slack=SUCCESSION),
    Fault("scaler killed every 25 s", daemon_faults.killed_again_and_again, slack=SUCCESSION),
    Fault(
        "scaler paused (SIGSTOP) 60 s, real time",
        real.paused,
        real.paused_site,
        virtual=False,
        slack=LEASE,
    ),
    Fault("scaler out of disk, real time", real.out_of_disk, real.ProcessSite, virtual=False),
    Fault("scaler's clock jumps 10 min ahead", daemon_faults.clock_forward),
    Fault("scaler's clock jumps 10 min back", daemon_faults.clock_back),
    Fault("scaler's clock jumps 90 s ahead", daemon_faults.clock_forward_a_little),
    Fault("scaler's clock jumps 90 s back", daemon_faults.clock_back_a_little),
)
