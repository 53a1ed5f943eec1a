"""Whatever arrives as JSON is refused with a text or decided about; nothing raises."""

from random import Random
from typing import get_args

from scaler.core.trace import Rule
from tests.oracle.arrivals import check_arrival, check_reply
from tests.oracle.worlds import NOW

DOCUMENTS = 10_000
"""`make fuzz` tries a hundred times as many."""


def test_any_object_is_refused_with_a_text_or_decided_about():
    met = {check_arrival(Random(seed)) for seed in range(DOCUMENTS)}
    assert met == set(get_args(Rule))


def test_any_reply_of_a_recommender_is_refused_with_a_text_or_evidence():
    states = {check_reply(Random(seed), 120_000, NOW).state for seed in range(DOCUMENTS)}
    assert states == {"ok", "stale", "nan", "infinite", "error"}
