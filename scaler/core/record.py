"""Evaluations as records: small, and exact when decided again.

A record holds what `decide` was given, not what it said: the function is pure, so the decision, its
trace and its counterfactual come back by running it. Batches are compressed together, since one
look at a target is much like the next. JSON, because values may exceed 64 bits (D1).
"""

import zlib
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from kube.vocab.times import Millis
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.observed import Observed
from scaler.core.spec import Spec
from scaler.core.trace import Decision, Rule


class Record(Struct, frozen=True, array_like=True, gc=False):
    """One evaluation: when, of which version of the specification, what was seen, what came of it.

    `rule` repeats the binding rule, so that changes of reason are found without deciding again.
    """

    at: Millis
    version: int
    observed: Observed
    applied: Applied
    rule: Rule


_BATCH: Final = msgspec.json.Decoder(list[Record])


EMPTY: Final = zlib.compress(b"[]")
"""A batch without records."""


def append(batch: bytes, record: Record) -> bytes:
    """The batch with one record more; nothing is decoded for it."""
    before = zlib.decompress(batch)[:-1]
    comma = b"" if before == b"[" else b","
    return zlib.compress(before + comma + msgspec.json.encode(record) + b"]", level=1)


def close(batch: bytes) -> bytes:
    """The same batch, smaller: worth the time once it is full."""
    return zlib.compress(zlib.decompress(batch), level=9)


def pack(records: Sequence[Record]) -> bytes:
    """A compressed batch."""
    return zlib.compress(msgspec.json.encode(records), level=9)


def unpack(batch: bytes) -> list[Record]:
    """The records of a batch, equal to those that were packed."""
    return _BATCH.decode(zlib.decompress(batch))


def replay(record: Record, spec: Spec) -> Decision:
    """The decision of a recorded evaluation, exactly; `spec` is that of the record's version."""
    return decide(spec, record.observed, record.at)
