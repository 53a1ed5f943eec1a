"""What of PromQL is known to treat each series, or each group, without regard to the others."""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PER_GROUP: Final = _words("sum min max avg count group stddev stdvar quantile")
"""Aggregations. `topk` and its like choose among series and keep their labels; `count_values` makes
labels."""

PER_SERIES: Final = _words(
    """abs acos acosh asin asinh atan atanh ceil clamp clamp_max clamp_min cos cosh day_of_month
    day_of_week day_of_year days_in_month deg exp floor hour ln log10 log2 minute month rad round
    sgn sin sinh sqrt tan tanh timestamp year"""
)
"""Functions of instant vectors. `absent` makes a series out of none, `label_replace` changes
labels, `histogram_quantile` reads several series at once."""

PER_RANGE: Final = _words(
    """avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time
    max_over_time min_over_time predict_linear present_over_time quantile_over_time rate resets
    stddev_over_time stdvar_over_time sum_over_time"""
)
"""Functions of ranges."""

CONSTANT: Final = _words("pi time")
"""Functions without series: the same number for all."""

SET_OPERATORS: Final = _words("and or unless")

OPERATORS: Final = SET_OPERATORS | _words("+ - * / % ^ atan2 == != > < >= <=")
"""Binary operators, which match series by their labels."""
