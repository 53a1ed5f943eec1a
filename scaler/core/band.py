"""Is the band between the marks wide enough to come to rest in (landscape §4.3)?

A constant load that is shared evenly settles when some count is left alone with it. Between a count
c and the next one, c + m with the modulo m, there is a load that neither can keep if and only if
c * high < (c + m) * low, tolerance included: too much for c, too little for c + m. Shrinking rounds
up to a multiple, so that load must also be under (c + 1) times the low mark itself. The worst c is
the smallest one, the minimum. Windows and velocity limits only slow such a swing down.
"""

from kube.vocab.quantity import format_milli
from scaler.core.metric_spec import Metric
from scaler.core.spec import Spec
from scaler.core.watermarks import up_to_multiple


def narrow_band(spec: Spec) -> str:
    """Which metric can make the count swing for ever, and what would end it; "" where none can.

    Only values that are shared among the replicas are judged: `average`, and Resource metrics.
    """
    for metric in spec.metrics:
        if spec.average or metric.kind == "Resource":
            text = _judge(spec, metric)
            if text:
                return text
    return ""


def _judge(spec: Spec, metric: Metric) -> str:
    modulo, high = spec.modulo, metric.high * (1000 + spec.tolerance)
    low, bare = metric.low * (1000 - spec.tolerance), metric.low * 1000
    count = up_to_multiple(spec.min_replicas, modulo)
    swinging = min((count + modulo) * low, (count + 1) * bare)
    if count + modulo > spec.max_replicas or count * high >= swinging:
        return ""
    wanted = -(-swinging // (count * (1000 + spec.tolerance)))
    text = (
        f"the watermarks of {metric.name} are so close that a constant load can make the count "
        f"swing between {count} and {count + modulo}: raise highWatermark to at least "
        f"{format_milli(wanted)}"
    )
    enough = [
        -(-steps * mark // (high - mark))
        for steps, mark in ((modulo, low), (1, bare))
        if high > mark
    ]
    if enough:
        text += f" or minReplicas to at least {up_to_multiple(min(enough), modulo)}"
    return text
