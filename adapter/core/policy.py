"""What a rule makes of an answer: refusals, a zero for no series (external-metrics-api §17).

Pure: the answer and the policy decide alone.
"""

from adapter.core.question import Policy
from adapter.core.results import Answer, Sample, UpstreamError


def judged(answer: Answer, policy: Policy, at: int) -> Answer:
    """`answer` as `policy` wants it handed out; `at` is the evaluation time, epoch milliseconds.

    Raises UpstreamError for an answer that the rule refuses.
    """
    series = len(answer.samples) + answer.dropped
    if policy.on_warnings == "error" and answer.warnings:
        raise UpstreamError("partial answer", f"{answer.warnings} warnings")
    if policy.non_finite == "error" and answer.dropped:
        raise UpstreamError("not a number", f"{answer.dropped} of {series} series")
    if policy.min_series is not None and len(answer.samples) < policy.min_series:
        found = f"{len(answer.samples)} usable series, a whole answer has {policy.min_series}"
        raise UpstreamError("partial answer", found)
    if policy.max_series is not None and series > policy.max_series:
        raise UpstreamError("too large", f"{series} series, at most {policy.max_series} are served")
    if policy.expect == "one" and series > 1:
        raise UpstreamError("several series", f"{series} series where the rule expects one")
    if answer.samples:
        return answer
    if policy.on_empty == "error":
        raise UpstreamError("no series", answer.absence)
    if policy.on_empty == "zero" and not series:
        # Series without a usable value are there: what they count is unknown, which is never zero.
        return Answer((Sample({}, at, 0),), warnings=answer.warnings)
    return answer


def fallback(policy: Policy, at: int) -> Answer | None:
    """The value that the rule names for a failing query at `at`, epoch milliseconds, if any."""
    if policy.on_error != "value":
        return None
    return Answer((Sample({}, at, policy.error_milli),))


def stale_for(policy: Policy, otherwise: float) -> float:
    """Seconds up to which an old answer stands in for a failing query; `otherwise` unless the rule
    says so.
    """
    if policy.on_error == "error":
        return 0.0
    return otherwise if policy.stale_for is None else policy.stale_for
