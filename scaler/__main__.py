"""Command line of wpa-scaler."""

import sys
from typing import Any

import click

from kube.service import runtime
from kube.service.logs import ENCODERS, LEVELS, TIMESTAMPS
from kube.service.settings import address, double_dashes, duration
from scaler.app import PATIENCE, serve
from scaler.core.label_tags import LabelTag, read_label_tags
from scaler.core.recommender import Tls
from scaler.settings import Settings
from scaler.shell.leadership import MOST_SHARDS, own_namespace

# A switch as Go programs take it: alone, or with =true or =false.
_SWITCH: Any = {"type": bool, "is_flag": False, "flag_value": True}
_EPILOG = """
\b
Examples:
  wpa-scaler --kubeconfig ~/.kube/config --logEncoder console
  wpa-scaler --evaluation-period 5s --metrics-addr 127.0.0.1:8383

Inside a pod no flag is needed: the service account is used. Exit codes: 0 stopped, 1 failed,
2 configuration.
"""


def _label_tags(_ctx: click.Context, _param: click.Parameter, text: str) -> tuple[LabelTag, ...]:
    try:
        return read_label_tags(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--kubeconfig", metavar="FILE", help="How to reach the cluster; else KUBECONFIG, "
              "the pod's service account, ~/.kube/config.")  # fmt: skip
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.")
@click.option("--watch-namespace", "namespaces", envvar="WATCH_NAMESPACE", default="",
              metavar="NAMES", help="Only look after these namespaces, comma separated; "
              "empty is all.")  # fmt: skip
@click.option("--evaluation-period", "period", type=duration, default="15s", show_default=True,
              help="Time between two evaluations of an object.")  # fmt: skip
@click.option("--max-sample-age", type=duration, default="120s", show_default=True,
              help="A metric sample older than this is unavailable; annotation "
              "wpa.datadoghq.com/max-sample-age sets it per object.")  # fmt: skip
@click.option("--metrics-addr", "metrics_address", type=address, default=":8383",
              show_default=True, help="Where to serve /metrics and /autoscalers.")  # fmt: skip
@click.option("--health-port", type=click.IntRange(0, 65535), default=9440, show_default=True,
              help="Where to serve /healthz, /livez and /readyz.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), default=64, show_default=True,
              help="Evaluations at the same time; never two of one object.")  # fmt: skip
@click.option(
    "--enable-leader-election",
    "leader_election",
    **_SWITCH,
    default=True,
    show_default=True,
    help="Only the holder of the Lease watermarkpodautoscaler-lock acts.",
)
@click.option(
    "--leader-election-namespace",
    default=own_namespace,
    metavar="NAME",
    help="Namespace of that Lease.  [default: the pod's own, else default]",
)
@click.option("--shards", type=click.IntRange(1, MOST_SHARDS), default=1, show_default=True,
              help="Spread the autoscalers over so many Leases, so that several scalers work side "
              "by side; the same number for all of them. Needs leader election.")  # fmt: skip
@click.option("--fleet-breaker-share", type=click.IntRange(0, 100), default=50, show_default=True,
              metavar="PERCENT", help="Freeze all shrinking once so many of the metrics that were "
              "there are missing, of all, of one source or of one name; 0 never does.")  # fmt: skip
@click.option("--fleet-thaw-percent", type=click.IntRange(1, 100), default=10, show_default=True,
              metavar="PERCENT", help="After that, remove no more of all replicas in a "
              "minute.")  # fmt: skip
@click.option("--client-qps", type=click.FloatRange(0), default=1000, show_default=True,
              help="Limit of requests per second to the Kubernetes API, burst 1.5 times that; "
              "0 is no limit.")  # fmt: skip
@click.option("--client-timeout", type=duration, default="10s", show_default=True,
              help="Limit of one request to the Kubernetes API.")  # fmt: skip
@click.option("--skipNotScalingEvents", "skip_not_scaling_events", **_SWITCH,
              help="Say that nothing is scaled in a condition instead of an event.")  # fmt: skip
@click.option("--cluster-name", envvar="K8S_CLUSTER_NAME", default="", metavar="NAME",
              help="Name of the cluster, told to recommenders.")  # fmt: skip
@click.option("--tls-ca-file", default="", metavar="FILE",
              help="Certificates that recommenders are checked against, where an object names "
              "none; else the system's.")  # fmt: skip
@click.option("--tls-cert-file", default="", metavar="FILE",
              help="Client certificate towards recommenders, where an object names "
              "none.")  # fmt: skip
@click.option("--tls-key-file", default="", metavar="FILE",
              help="Key of that certificate.")  # fmt: skip
@click.option("--tls-server-name", default="", metavar="NAME",
              help="Name to expect in a recommender's certificate, for objects without "
              "tlsConfig.")  # fmt: skip
@click.option("--tls-insecure-skip-verify", **_SWITCH,
              help="Accept any certificate of a recommender, for objects without "
              "tlsConfig.")  # fmt: skip
@click.option("--labels-as-tags", "label_tags", envvar="DD_LABELS_AS_TAGS", default="",
              metavar="KEYS", callback=_label_tags, help="Labels of autoscalers to show in the "
              "series wpa_controller_labels_info, separated by blanks.")  # fmt: skip
@click.option("--loglevel", "log_level", type=click.Choice(list(LEVELS), case_sensitive=False),
              default="info", show_default=True, help="Lowest level to log.")  # fmt: skip
@click.option("--logEncoder", "log_encoder", type=click.Choice(ENCODERS), default="json",
              show_default=True, help="Form of log lines.")  # fmt: skip
@click.option("--log-timestamp-format", "log_timestamps", type=click.Choice(TIMESTAMPS),
              default="millis", show_default=True, help="Form of times in log lines.")  # fmt: skip
@click.version_option(package_name="watermark-autoscaler", prog_name="wpa-scaler")
def command(namespaces: str, period: int, **options: Any) -> None:
    """Keep the targets of WatermarkPodAutoscalers between their two watermarks.

    Every autoscaler is evaluated once per period: its metric is read through the Kubernetes API and
    compared with the high and the low watermark, and the target's replica count is changed within
    velocity limits, bounds, forbidden windows and delays. Without good evidence nothing is scaled.
    """
    if period <= 0:
        raise click.BadParameter("must be above 0", param_hint="--evaluation-period")
    if options["shards"] > 1 and not options["leader_election"]:
        raise click.BadParameter("needs --enable-leader-election", param_hint="--shards")
    named = tuple(name.strip() for name in namespaces.split(",") if name.strip())
    tls = _tls(options)
    settings = Settings(namespaces=named, period=period, recommender_tls=tls, **options)
    sys.exit(runtime.run(lambda stop: serve(settings, stop), program="wpa-scaler", drain=PATIENCE))


def _tls(options: dict[str, Any]) -> Tls | None:
    """Takes the --tls-* flags out of `options`; None where none is set."""
    tls = Tls(
        ca_file=options.pop("tls_ca_file"),
        cert_file=options.pop("tls_cert_file"),
        key_file=options.pop("tls_key_file"),
        server_name=options.pop("tls_server_name"),
        insecure=options.pop("tls_insecure_skip_verify") or False,
    )
    return None if tls == Tls() else tls


def main() -> None:
    """Entry point; takes `-flag` for `--flag` as Go programs do."""
    command(args=double_dashes(sys.argv[1:]), prog_name="wpa-scaler")


if __name__ == "__main__":
    main()
