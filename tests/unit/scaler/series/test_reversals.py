"""An object's scalings: how many replicas, and how often it went back on itself."""

import pytest

from scaler.core.wire import Autoscaler, AutoscalerStatus
from scaler.state.catalogue import Entry


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ([], (0, 0, 0)),
        ([3], (3, 0, 0)),
        ([3, 2], (5, 0, 0)),
        ([3, -1], (3, 1, 1)),
        ([-1, -1, -1], (0, 3, 0)),
        ([3, -1, -1, 2, -4], (5, 6, 3)),
    ],
)
def test_scalings_add_up(changes, counts):
    entry = Entry(Autoscaler(), None, "", AutoscalerStatus(), None)
    for change in changes:
        entry.scaled(change)
    assert (entry.upscaled, entry.downscaled, entry.reversals) == counts
