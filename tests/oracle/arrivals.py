"""What becomes of any document that arrives: refused with a text, or decided about; never raised.

The way is that of the daemon: bytes are decoded, the catalogue keeps what they say, its status is
read as memory, and what can be evaluated is.
"""

from random import Random

import msgspec
from msgspec import structs

from kube.client.items import decode_item, key_of
from kube.vocab.objects import Wire
from kube.vocab.times import Millis
from scaler.core.decision import decide
from scaler.core.log_attributes import read_attributes
from scaler.core.observed import Reading
from scaler.core.recommender_wire import BadReply, read_reply, request_body, unknown_fields
from scaler.core.spec import HIGHEST_COUNT, Spec
from scaler.core.status import memory_of, status_of_refusal, times_ahead
from scaler.core.wire import Autoscaler, AutoscalerStatus
from scaler.state.catalogue import Catalogue, Entry
from tests.oracle.chance import any_look
from tests.oracle.documents import any_object, any_reply_body
from tests.oracle.laws import check_decision
from tests.oracle.scenes import any_sources
from tests.oracle.sources import max_age, reading_from
from tests.oracle.wild import Input, check_input
from tests.oracle.worlds import NOW, missing

MOST_PODS = 50
"""Pods whose usage is told where a target has thousands of millions of them."""
AUTOSCALER = msgspec.json.Decoder(Autoscaler)


def check_arrival(chance: Random) -> str:
    """Take in one object: the rule that decided about it, "invalid_spec" where it was refused."""
    entry = _kept(chance)
    now = NOW + chance.randint(0, 60_000)
    attributes = read_attributes(entry.autoscaler.metadata.annotations)
    msgspec.json.encode(attributes.values)
    if entry.spec is None:
        assert entry.refusal.strip()
        generation = entry.autoscaler.metadata.generation
        refused = status_of_refusal(entry.refusal, entry.status, now, generation=generation)
        _check_status(refused)
        return "invalid_spec"
    assert not entry.refusal
    _check_spec(entry.spec)
    return _decided(chance, entry.spec, entry.status, now)


def _kept(chance: Random) -> Entry:
    """What the catalogue makes of an object, and of another version of it."""
    catalogue = Catalogue(lambda _key, _at_once: None)
    item = decode_item(any_object(chance), AUTOSCALER)
    catalogue.on_added(key_of(item), item)
    if chance.randint(0, 3) == 0:
        catalogue.on_changed(key_of(item), decode_item(any_object(chance), AUTOSCALER))
    (found,) = catalogue
    return found


def _check_spec(spec: Spec) -> None:
    """What the rules of deciding rely on."""
    assert spec.target.kind
    assert spec.target.name
    assert spec.signals
    assert 1 <= spec.min_replicas <= spec.max_replicas <= HIGHEST_COUNT
    assert 1 <= spec.modulo <= HIGHEST_COUNT
    assert 0 <= spec.tolerance <= 1000
    assert spec.up_factor >= 0
    assert 0 <= spec.down_factor < 100_000
    assert all(metric.name and metric.low <= metric.high > 0 for metric in spec.metrics)


def _decided(chance: Random, spec: Spec, stored: AutoscalerStatus, now: Millis) -> str:
    world = any_look(chance, spec)
    current = world.scale.spec_replicas if world.scale else 1
    counted = world.pods.counted if world.pods else 1
    if spec.recommender is not None:
        question = request_body(spec, spec.recommender, current, counted, "")
        assert isinstance(msgspec.json.decode(question), dict)
        readings: tuple[Reading, ...] = (check_reply(chance, max_age(spec), now),)
    else:
        sources = any_sources(chance, spec, current, min(counted, MOST_PODS))
        readings = tuple(reading_from(spec, source, now) for source in sources)
    lease = chance.choice((None, NOW - 20_000, NOW + 3_600_000))
    times_ahead(stored, now)
    memory = memory_of(stored, now, lease)
    world = structs.replace(world, readings=readings, memory=memory)
    if chance.randint(0, 3):
        decision = decide(spec, world, now)
        check_decision(spec, world, decision)
        return decision.rule
    return check_input(Input(spec, world, now, stored, chance.random() < 0.5)).rule


def check_reply(chance: Random, age: Millis, now: Millis) -> Reading:
    """Read one reply of a recommender: refused with a text, or evidence."""
    body = any_reply_body(chance)
    assert all(isinstance(name, str) for name in unknown_fields(body))
    try:
        reading = read_reply(body, now, age)
    except BadReply as refusal:
        reading = missing("error", str(refusal))
    if reading.good:
        assert reading.advice is not None
        assert 0 <= reading.advice.replicas <= HIGHEST_COUNT
    else:
        assert reading.detail.strip()
    return reading


def _check_status(status: Wire) -> None:
    again = msgspec.json.decode(msgspec.json.encode(status), type=type(status))
    assert again == status
