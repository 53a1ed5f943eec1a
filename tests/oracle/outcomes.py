"""The conditions that a decision leaves, in a form that is easy to compare."""

from kube.vocab.conditions import Condition
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.observed import Observed
from scaler.core.spec import Spec
from scaler.core.status import status_after
from scaler.core.wire import AutoscalerStatus
from tests.oracle.worlds import NOW

NONE, SCALED, DRY = Applied(), Applied("scaled"), Applied("dry_run")
EARLIER = "2020-01-01T00:00:00Z"
EMPTY = AutoscalerStatus()


def conditions(
    spec: Spec,
    world: Observed,
    applied: Applied = NONE,
    before: AutoscalerStatus = EMPTY,
    *,
    at: int = NOW,
    quiet: bool = False,
) -> tuple[dict[str, Condition], tuple[str, str]]:
    """The conditions after deciding, by type, and what was written last."""
    status = status_after(spec, decide(spec, world, at), applied, before, quiet=quiet)
    found = {entry.type: entry for entry in status.conditions or ()}
    last = (status.last_condition_type, status.last_condition_state)
    return found, last


def told(entry: Condition) -> tuple[str, str, str]:
    """Status, reason and message."""
    return entry.status, entry.reason, entry.message
