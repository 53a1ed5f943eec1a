"""The dashboard of all autoscalers: what binds them, who flaps, who wants more."""

from typing import Final

from observability.grafana import Board, Panel, Query, Row, Variable

_SOME: Final = '{wpa_namespace=~"$namespace"}'
_OBJECT: Final = "{{wpa_namespace}}/{{wpa_name}}"


def _each(series: str) -> str:
    """One value per object, whatever its other labels."""
    return f"max by (wpa_namespace, wpa_name) ({series}{_SOME})"


def _or_zero(expr: str) -> str:
    """A count of what is not there is 0."""
    return f"{expr} or vector(0)"


def _stat(title: str, description: str, expr: str, *, alarming: bool = True) -> Panel:
    query = Query(expr, instant=True)
    return Panel(title, description, (query,), "stat", width=6, height=4, alarming=alarming)


_SHORT: Final = (
    f"clamp_min({_each('wpa_controller_replicas_scaling_proposal')} - "
    f"{_each('wpa_controller_replicas_scaling_effective')}, 0)"
)

_COUNTS: Final = Row(
    "Autoscalers",
    (
        _stat(
            "Evaluated",
            "Autoscalers that were evaluated since the start or the change of leaders.",
            _or_zero(f"count({_each('wpa_scaler_binding_rule')})"),
            alarming=False,
        ),
        _stat(
            "Without a count",
            "No replica count can be computed (ScalingActive is not True): they are held.",
            _or_zero(f"count({_each('wpa_controller_scaling_active')} == 0)"),
        ),
        _stat(
            "Refused or unevaluated",
            "Exist, and have no evaluation: an invalid spec, or a scaler that does not lead.",
            "max(wpa_scaler_autoscalers) - "
            "(count(max by (wpa_namespace, wpa_name) (wpa_scaler_binding_rule)) or vector(0))",
        ),
        _stat(
            "At maxReplicas and asking for more",
            "A metric asks for more than maxReplicas allows.",
            _or_zero(
                f"count({_each('wpa_controller_replicas_scaling_proposal')} > "
                f"{_each('wpa_controller_max_replicas')})"
            ),
        ),
        _stat(
            "Blocked for lack of Ready pods",
            "Fewer pods are Ready than minAvailableReplicaPercentage asks for: nothing is scaled.",
            _or_zero(
                "count(max by (wpa_namespace, wpa_name) (wpa_scaler_binding_rule"
                '{wpa_namespace=~"$namespace", rule="not_enough_available"}))'
            ),
        ),
        _stat(
            "With pods of others",
            "The target's selector also matches pods that belong to others (K-03).",
            _or_zero(f"count({_each('wpa_scaler_foreign_pods')} > 0)"),
        ),
        _stat(
            "With a rival",
            "Another controller sets the replica count of the same target (D37).",
            _or_zero(f"count({_each('wpa_scaler_conflicting_controllers')} > 0)"),
        ),
        _stat(
            "In dry run",
            "Changes are computed and not applied.",
            _or_zero(f"sum({_each('wpa_controller_dry_run')})"),
            alarming=False,
        ),
    ),
)

_RULES: Final = Row(
    "What binds",
    (
        Panel(
            "Objects by binding rule",
            "Which rule bound each object's last evaluation.",
            (
                Query(
                    "count by (rule) (max by (wpa_namespace, wpa_name, rule) "
                    f"(wpa_scaler_binding_rule{_SOME}))",
                    "{{rule}}",
                ),
            ),
            stacked=True,
            steps=True,
        ),
        Panel(
            "Evidence by state",
            "Metrics by the state of their last value: only ok may be acted on.",
            (
                Query(
                    "count by (state) (max by (wpa_namespace, wpa_name, metric_name, state) "
                    f"(wpa_scaler_evidence_state{_SOME}))",
                    "{{state}}",
                ),
            ),
            stacked=True,
            steps=True,
        ),
        Panel(
            "Wants more than it has",
            "Replicas between what a metric asks for and what limits, windows and delays leave.",
            (Query(f"topk(10, {_SHORT})", _OBJECT, instant=True),),
            "bargauge",
            width=8,
        ),
        Panel(
            "Changes of direction in the last hour",
            "Scalings in the other direction than the one before: the ones that flap.",
            (
                Query(
                    "topk(10, sum by (wpa_namespace, wpa_name) "
                    f"(increase(wpa_scaler_direction_reversals_total{_SOME}[1h])))",
                    _OBJECT,
                    instant=True,
                ),
            ),
            "bargauge",
            width=8,
        ),
        Panel(
            "Replicas added and removed",
            "By all chosen autoscalers together.",
            (
                Query(f"sum(increase(wpa_controller_upscale_replicas_total{_SOME}[5m]))", "added"),
                Query(
                    f"-sum(increase(wpa_controller_downscale_replicas_total{_SOME}[5m]))",
                    "removed",
                ),
            ),
            width=8,
        ),
        Panel(
            "All objects",
            "Each with the rule that bound it; open one with its own dashboard.",
            (
                Query(
                    f"max by (wpa_namespace, wpa_name, rule) (wpa_scaler_binding_rule{_SOME})",
                    instant=True,
                ),
            ),
            "table",
            width=24,
        ),
    ),
)

_OUTAGES: Final = Row(
    "Outages",
    (
        _stat(
            "Fleet breaker open",
            "Scalers that freeze all shrinking, because many metrics went missing together.",
            _or_zero('sum(wpa_scaler_fleet_breaker_state{state="open"})'),
        ),
        _stat(
            "Thawing",
            "Scalers that let little shrink at a time, after the breaker was open.",
            _or_zero('sum(wpa_scaler_fleet_breaker_state{state="thawing"})'),
        ),
        Panel(
            "Metrics that were there",
            "What the fleet breaker counts: fresh, or missing since they were there.",
            (Query("sum by (state) (wpa_scaler_fleet_metrics)", "{{state}}"),),
            width=12,
            height=4,
            stacked=True,
            steps=True,
        ),
        Panel(
            "Held back by the fleet breaker",
            "Replicas that would have gone at the latest evaluations.",
            (Query("sum by (rule) (wpa_scaler_fleet_held_replicas)", "{{rule}}"),),
            width=12,
            stacked=True,
            steps=True,
        ),
        Panel(
            "Openings of the fleet breaker",
            "By what lacked too many metrics: all of them (overall), one source, one name.",
            (
                Query(
                    "sum by (group) (increase(wpa_scaler_fleet_breaker_opened_total[1h]))",
                    "{{group}}",
                ),
            ),
            width=12,
        ),
    ),
)

BOARD: Final = Board(
    uid="wpa-fleet",
    title="Watermark autoscaler / all autoscalers",
    description="Every WatermarkPodAutoscaler: what binds it, who flaps, who wants more.",
    variables=(
        Variable(
            "namespace",
            "Namespace",
            "label_values(wpa_scaler_binding_rule, wpa_namespace)",
            several=True,
        ),
    ),
    rows=(_COUNTS, _RULES, _OUTAGES),
)
