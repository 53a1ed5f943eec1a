"""Whatever was decided can be told: as log lines that are JSON, and as series (D20)."""

from random import Random
from typing import get_args

import msgspec
import pytest

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.log_lines import log_lines
from scaler.core.own_gauges import FAMILIES, own_gauges
from scaler.core.trace import Rule
from tests.oracle.chance import any_look, any_spec
from tests.oracle.worlds import NOW

APPLIED = (Applied(), Applied("scaled"), Applied("dry_run"), Applied("failed", "denied"))


@pytest.mark.parametrize("seed", range(8))
def test_any_decision_can_be_told(seed):
    chance, rules = Random(seed), set(get_args(Rule))
    for number in range(1_500):
        wild = number % 2 == 0
        spec = any_spec(chance, wild=wild)
        decision = decide(spec, any_look(chance, spec, wild=wild), NOW)
        applied = chance.choice(APPLIED)
        lines = list(log_lines(spec, decision, applied, changed=chance.random() < 0.5))
        for line in lines:
            msgspec.json.encode(line.fields)
        assert lines[-1].fields["rule"] in rules
        assert lines[-1].fields["desiredReplicas"] == decision.desired
        shown = list(own_gauges(spec, decision))
        for gauge in shown:
            assert len(gauge.labels) == len(FAMILIES[gauge.name].labels)
        assert len({(gauge.name, gauge.labels) for gauge in shown}) == len(shown)
