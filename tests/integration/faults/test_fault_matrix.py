"""Some rows of the fault matrix; `make faults` plays all of them."""

import pytest

from tests.faults.play import play
from tests.faults.report import markdown


@pytest.mark.parametrize(
    "name",
    [
        "partial: one of three exporters gone",
        "frozen timestamps",
        "adapter hung",
        "kube-apiserver restarted",
        "all pods Pending",
        "scaler's clock jumps 90 s ahead",
    ],
)
def test_a_fault_shrinks_nothing_that_is_needed_and_growth_comes_with_its_end(name):
    row = play(name)
    assert row.good, markdown([row])
