"""The dashboard of one autoscaler: what it saw, what it wanted, what it did, and why not more."""

from typing import Final

from observability.grafana import Annotation, Board, Panel, Query, Row, Variable

_ONE: Final = '{wpa_namespace="$namespace", wpa_name="$autoscaler"}'
_ON_OFF: Final = ((0, "no", "text"), (1, "yes", "orange"))
_HOLDS: Final = ((0, "False", "transparent"), (1, "True", "blue"))
_BINDS: Final = ((1, "binds", "blue"),)
_TARGET: Final = '"resource_name", "$1", "created_by_name"'
"""What `label_replace` makes a target's name of."""
_STATE: Final = ((1, "so", "blue"),)


def _of(series: str, *by: str) -> str:
    """`series` of the chosen object, whatever its other labels."""
    grouping = f" by ({', '.join(by)}) " if by else ""
    return f"max{grouping}({series}{_ONE})"


def _stat(title: str, description: str, expr: str) -> Panel:
    return Panel(title, description, (Query(expr, instant=True),), "stat", width=4, height=4)


_NOW: Final = Row(
    "Now",
    (
        Panel(
            "Bound by",
            "The one rule that bound the last evaluation (docs/metrics.md lists them).",
            (Query(_of("wpa_scaler_binding_rule", "rule"), "{{rule}}", instant=True),),
            "stat",
            width=8,
            height=4,
            named=True,
        ),
        _stat(
            "Replicas asked of the target",
            "spec.replicas of its scale subresource.",
            _of("wpa_scaler_spec_replicas"),
        ),
        _stat(
            "Pods that count",
            "Ready, owned by the target, and older than readinessDelaySeconds.",
            _of("wpa_scaler_counted_pods"),
        ),
        Panel(
            "A count can be computed",
            "Condition ScalingActive.",
            (Query(_of("wpa_controller_scaling_active"), instant=True),),
            "stat",
            width=4,
            height=4,
            texts=((0, "no", "red"), (1, "yes", "green")),
        ),
        Panel(
            "Dry run",
            "Changes are computed and not applied.",
            (Query(_of("wpa_controller_dry_run"), instant=True),),
            "stat",
            width=4,
            height=4,
            texts=_ON_OFF,
        ),
    ),
)

_VALUE: Final = Row(
    "Value and replicas",
    (
        Panel(
            "Value between its watermarks",
            "What was compared with the watermarks, as numbers of the metric; with the algorithm "
            "average and for Resource metrics per pod. A gap is a metric without a value.",
            (
                Query(_of("wpa_controller_value", "metric_name") + " / 1000", "{{metric_name}}"),
                Query(
                    _of("wpa_controller_high_watermark", "metric_name") + " / 1000",
                    "{{metric_name}} high",
                ),
                Query(
                    _of("wpa_controller_low_watermark", "metric_name") + " / 1000",
                    "{{metric_name}} low",
                ),
            ),
            height=10,
            dashed=" (high|low)$",
        ),
        Panel(
            "Proposal, effective count, and what is there",
            "What each metric asks for; what is left of it after limits, windows and delays; what "
            "the target is asked for, and reports; what is Ready.",
            (
                Query(
                    _of("wpa_controller_replicas_scaling_proposal", "metric_name"),
                    "proposal of {{metric_name}}",
                ),
                Query(_of("wpa_controller_replicas_scaling_effective"), "effective"),
                Query(_of("wpa_scaler_spec_replicas"), "asked of the target"),
                Query(_of("wpa_scaler_running_replicas"), "reported by the target"),
                Query(_of("wpa_scaler_ready_pods"), "Ready"),
                Query(_of("wpa_scaler_foreign_pods"), "of others"),
                Query(_of("wpa_controller_min_replicas"), "minReplicas"),
                Query(_of("wpa_controller_max_replicas"), "maxReplicas"),
            ),
            height=10,
            steps=True,
            dashed="^(min|max)Replicas$",
        ),
    ),
)


def _pods(on: str = "") -> str:
    """How many pods the target has, as kube-state-metrics tells: those of its ReplicaSets (their
    names end in a hash), or of the target itself.
    """
    pods = f'kube_pod_info{{namespace="$namespace"{on}, created_by_kind'
    hashed = f'label_replace({pods}="ReplicaSet"}}, {_TARGET}, "(.+)-[^-]+")'
    direct = f'label_replace({pods}!="ReplicaSet"}}, {_TARGET}, "(.+)")'
    chosen = f"wpa_controller_max_replicas{_ONE}"
    return f"count(({hashed} or {direct}) and on (resource_name) {chosen})"


def _where(on: str) -> str:
    """So many of the pods; 0 where all are elsewhere."""
    return f"{_pods(on)} or 0 * {_pods()}"


_PODS: Final = Row(
    "Pods",
    (
        Panel(
            "Availability gate",
            "Share of the target's pods that is Ready, and the share that has to be "
            "(minAvailableReplicaPercentage): below it nothing is scaled.",
            (
                Query(f"{_of('wpa_scaler_ready_pods')} / {_of('wpa_scaler_owned_pods')}", "Ready"),
                Query(_of("wpa_scaler_min_available_ratio"), "needed"),
            ),
            unit="percentunit",
            steps=True,
            dashed="^needed$",
        ),
        Panel(
            "Pods on real and on virtual nodes",
            "Where the target's pods run; nodes named virtual-kubelet-… are elastic capacity. "
            "Needs kube-state-metrics.",
            (
                Query(_where(', node!="", node!~"virtual-kubelet-.*"'), "real nodes"),
                Query(_where(', node=~"virtual-kubelet-.*"'), "virtual nodes"),
                Query(_where(', node=""'), "without a node"),
            ),
            stacked=True,
            steps=True,
        ),
    ),
)

_WHY: Final = Row(
    "Why",
    (
        Panel(
            "Binding rule over time",
            "One line per rule that bound an evaluation, coloured while it did.",
            (Query(_of("wpa_scaler_binding_rule", "rule"), "{{rule}}"),),
            "state-timeline",
            texts=_BINDS,
        ),
        Panel(
            "Conditions and limits",
            "What kubectl describe shows as conditions, and what keeps the count from following "
            "the metrics.",
            (
                Query(_of("wpa_controller_conditions", "condition"), "{{condition}}"),
                Query(_of("wpa_controller_restricted_scaling", "reason"), "{{reason}}"),
            ),
            "state-timeline",
            texts=_HOLDS,
        ),
        Panel(
            "State of the evidence",
            "Each metric's state: only ok may be acted on.",
            (
                Query(
                    _of("wpa_scaler_evidence_state", "metric_name", "state"),
                    "{{metric_name}}: {{state}}",
                ),
            ),
            "state-timeline",
            height=6,
            texts=_STATE,
        ),
        Panel(
            "Age of the evidence",
            "Age of the oldest sample at the decision; older than --max-sample-age is stale.",
            (Query(_of("wpa_scaler_evidence_age_seconds", "metric_name"), "{{metric_name}}"),),
            unit="s",
            height=6,
        ),
    ),
)

_WAITING: Final = Row(
    "Waiting",
    (
        Panel(
            "Countdowns",
            "Forbidden windows after the last scaling, and delays while a value is out of its "
            "watermarks: time until the direction is open.",
            (
                Query(
                    _of("wpa_controller_transition_countdown", "transition"),
                    "{{transition}} window",
                ),
                Query(
                    _of("wpa_scaler_delay_countdown_seconds", "transition"),
                    "{{transition}} delay",
                ),
            ),
            unit="s",
        ),
        Panel(
            "Replicas added and removed",
            "By this autoscaler, and how often it went back on itself.",
            (
                Query(f"sum(increase(wpa_controller_upscale_replicas_total{_ONE}[5m]))", "added"),
                Query(
                    f"-sum(increase(wpa_controller_downscale_replicas_total{_ONE}[5m]))",
                    "removed",
                ),
                Query(
                    f"sum(increase(wpa_scaler_direction_reversals_total{_ONE}[5m]))", "reversals"
                ),
            ),
            steps=True,
        ),
    ),
)

BOARD: Final = Board(
    uid="wpa-autoscaler",
    title="Watermark autoscaler / one autoscaler",
    description="What one WatermarkPodAutoscaler sees, wants and does, and which rule binds it.",
    variables=(
        Variable("namespace", "Namespace", "label_values(wpa_scaler_binding_rule, wpa_namespace)"),
        Variable(
            "autoscaler",
            "Autoscaler",
            'label_values(wpa_scaler_binding_rule{wpa_namespace="$namespace"}, wpa_name)',
        ),
    ),
    annotations=(
        Annotation(
            "Scaled up",
            f"sum(increase(wpa_controller_upscale_replicas_total{_ONE}[$__rate_interval])) > 0",
            "green",
        ),
        Annotation(
            "Scaled down",
            f"sum(increase(wpa_controller_downscale_replicas_total{_ONE}[$__rate_interval])) > 0",
            "orange",
        ),
    ),
    rows=(_NOW, _VALUE, _PODS, _WHY, _WAITING),
)
