"""Recorded evaluations decided again give byte-identical decisions."""

from random import Random

import msgspec

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.record import Record, pack, replay, unpack
from tests.oracle.chance import any_look, any_spec
from tests.oracle.worlds import NOW, given_spec, good, held_for, look

EVALUATIONS = 100_000
BATCH = 1_000


def test_replay_is_exact_over_a_hundred_thousand_evaluations():
    chance, done = Random(7), 0
    while done < EVALUATIONS:
        spec = any_spec(chance, wild=done % 2 == 0)
        records, said = [], []
        for number in range(BATCH):
            observed = any_look(chance, spec, wild=done % 2 == 0)
            decision = decide(spec, observed, NOW + number)
            said.append(msgspec.json.encode(decision))
            records.append(Record(NOW + number, 1, observed, Applied(), decision.rule))
        back = unpack(pack(records))
        assert back == records
        assert [msgspec.json.encode(replay(record, spec)) for record in back] == said
        done += BATCH


def test_a_record_takes_few_bytes_in_a_batch():
    spec = given_spec(maxReplicas=50)
    chance = Random(1)
    records = []
    for number in range(48):
        now = NOW + 15_000 * number
        readings = [good(chance.randint(100_000, 9_000_000))]
        observed = look(chance.randint(4, 9), *readings, memory=held_for(chance.randint(0, 400)))
        records.append(Record(now, 1, observed, Applied(), decide(spec, observed, now).rule))
    assert len(pack(records)) / len(records) <= 300
