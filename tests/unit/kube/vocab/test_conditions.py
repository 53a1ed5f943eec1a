"""A condition's time moves only with its status."""

import msgspec
import pytest

from kube.vocab.conditions import Condition, condition

EARLIER = "2026-01-01T00:00:00Z"
NOW = 1_767_229_200_999
NOW_TEXT = "2026-01-01T01:00:00Z"


def test_a_new_condition_starts_now_in_whole_seconds():
    made = condition("Ready", True, "Because", "of this", at=NOW, before=None)
    assert made == Condition("Ready", "True", NOW_TEXT, "Because", "of this")
    assert made.is_true


@pytest.mark.parametrize(
    ("status", "holds", "since"),
    [
        ("True", True, EARLIER), ("False", False, EARLIER), ("True", False, NOW_TEXT),
        ("False", True, NOW_TEXT), ("Unknown", True, NOW_TEXT), ("Unknown", False, NOW_TEXT),
    ],
)  # fmt: skip
def test_time_moves_with_the_status_alone(status, holds, since):
    before = Condition("Ready", status, EARLIER, "Old", "old text")
    made = condition("Ready", holds, "New", "new text", at=NOW, before=before)
    assert (made.last_transition_time, made.reason, made.message) == (since, "New", "new text")


def test_a_stored_condition_without_a_time_gets_one():
    before = Condition("Ready", "True", None, "Old", "")
    assert (
        condition("Ready", True, "r", "m", at=NOW, before=before).last_transition_time == NOW_TEXT
    )


def test_only_true_is_true():
    assert [Condition("Ready", status).is_true for status in ("True", "False", "Unknown", "")] == [
        True, False, False, False,
    ]  # fmt: skip


def test_wire_names():
    made = condition("Ready", False, "r", "m", at=NOW, before=None)
    assert msgspec.to_builtins(made) == {
        "type": "Ready", "status": "False", "lastTransitionTime": NOW_TEXT, "reason": "r",
        "message": "m",
    }  # fmt: skip
