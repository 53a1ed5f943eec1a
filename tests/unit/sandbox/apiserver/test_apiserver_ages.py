"""Ages as kubectl writes them."""

import pytest

from kube.vocab.times import parse_rfc3339
from sandbox.apiserver.tables.ages import age, human_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (185, "3m5s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (7 * 3600 + 720, "7h12m"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (3 * 86400 + 3600, "3d1h"),
        (100 * 86400, "100d"),
        (3 * 365 * 86400, "3y"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_duration(seconds: int, text: str):
    assert human_duration(seconds) == text


def test_age_of_a_time_and_of_none():
    now = parse_rfc3339("2026-01-01T00:01:00Z")
    assert age("2026-01-01T00:00:15Z", now) == "45s"
    assert age(None, now) == "<unknown>"
    assert age("soon", now) == "<invalid>"
