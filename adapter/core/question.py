"""What is asked of a Prometheus for one metric request, and what the rule wants done with it."""

from typing import Literal

from msgspec import Struct

from adapter.core.upstream import DEFAULT


class Question(Struct, frozen=True):
    """One instant query. Equal questions have equal answers at the same instant."""

    promql: str
    upstream: str = DEFAULT
    """Name of the upstream to ask."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers of this query alone, beside those of the upstream."""
    times: str = ""
    """PromQL whose values are the instants, in epoch seconds, of the samples of `promql`: series by
    equal labels, or one sample without labels for all. Empty: the evaluation time is all there is.
    """
    form: str = ""
    """`promql` with placeholders where it has `values` (`adapter.core.planner_forms`). Questions of
    one form may be asked together. Empty: it is always asked alone."""
    times_form: str = ""
    """The same of `times`, with the same `values`."""
    values: tuple[str, ...] = ()
    """Label values, in the order of the placeholders of `form`."""
    max_series: int | None = None
    """Answers with more series are refused, before they are read in full; None: as the upstream
    has it. A query in place of several others must allow what those allow together."""


class Policy(Struct, frozen=True):
    """What a rule says about its values; None where the flags decide (external-metrics-api §17).

    Durations are seconds.
    """

    cache_ttl: float | None = None
    """How long an answer is handed out without asking again."""
    stale_for: float | None = None
    """Age up to which the last good answer stands in for a failing query."""
    timeout: float | None = None
    """How long a query may take."""
    max_series: int | None = None
    """Answers with more series are refused."""
    min_series: int | None = None
    """Answers with fewer usable series are refused: something that should be counted is missing."""
    window: int | None = None
    """Seconds over which the query looks; shown to callers as `window`."""
    expect: Literal["any", "one"] = "any"
    """`one`: more than one series is an error."""
    on_empty: Literal["empty", "zero", "error"] = "empty"
    """What a result without series becomes."""
    on_error: Literal["stale", "error", "value"] = "stale"
    """What a failing query becomes; `value` answers `error_milli`, and is never chosen silently."""
    error_milli: int = 0
    """Thousandths that `on_error: value` answers."""
    on_warnings: Literal["accept", "error"] = "accept"
    """What an answer with warnings (a partial one, with Thanos) becomes."""
    non_finite: Literal["drop", "error"] = "drop"
    """What NaN, infinities and histograms become (E-11)."""
