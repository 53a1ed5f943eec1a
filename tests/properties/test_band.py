"""A constant load comes to rest wherever the band is wide enough, and only there."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from kube.vocab.quantity import parse_milli
from scaler.core.band import narrow_band
from scaler.core.conditions import NARROW
from scaler.core.decision import decide
from scaler.core.observed import Memory
from scaler.core.spec import Spec
from scaler.core.wire import AutoscalerStatus
from tests.oracle.outcomes import conditions
from tests.oracle.worlds import NOW, good, look, metric, plain_spec, ready_pods

PERIOD = 15_000


@st.composite
def specs(draw: st.DrawFn, *, close: bool = False) -> Spec:
    """Specifications whose only limits are the bounds; with `close`, marks close to each other."""
    high = draw(st.integers(1, 100_000))
    low = max(1, high * draw(st.integers(85 if close else 1, 100)) // 100)
    modulo = draw(st.sampled_from([1, 1, 2, 5]))
    least = draw(st.integers(1, 3 if close else 12)) * modulo
    return plain_spec(
        (metric(high, low),),
        average=True,
        min_replicas=least,
        max_replicas=least + draw(st.integers(2, 30)) * modulo,
        tolerance=draw(st.sampled_from([0, 10] if close else [0, 10, 100, 333])),
        modulo=modulo,
        up_factor=10**9,
        down_factor=99_999,
        up_window=1,
        down_window=1,
        up_delay=0,
        down_delay=0,
        converge=None,
    )


def counts(spec: Spec, load: int, start: int, turns: int = 60) -> list[int]:
    """The counts of a target under a constant load."""
    found, memory = [start], Memory()
    for turn in range(turns):
        now = NOW + turn * PERIOD
        current = found[-1]
        world = look(current, good(load), pods=ready_pods(current), memory=memory)
        decision = decide(spec, world, now)
        memory = structs.replace(decision.memory, last_scale=None)
        found.append(decision.desired)
    return found


def too_much(spec: Spec, count: int) -> int:
    """The least load that is above the band of `count` replicas, where a swing would begin."""
    (signal,) = spec.metrics
    return signal.high * (1000 + spec.tolerance) * count // 1000 + 1


@given(st.one_of(specs(), specs(close=True)), st.data())
@settings(max_examples=600)
def test_with_a_wide_enough_band_no_constant_load_swings(spec, data):
    assume(narrow_band(spec) == "")
    (signal,) = spec.metrics
    multiples = st.integers(spec.min_replicas // spec.modulo, spec.max_replicas // spec.modulo)
    start = data.draw(multiples) * spec.modulo
    load = data.draw(
        st.one_of(st.just(too_much(spec, start)), st.integers(1, signal.high * spec.max_replicas))
    )
    path = counts(spec, load, start)
    assert len(set(path[-10:])) == 1, path


@given(specs(close=True))
@settings(max_examples=400)
def test_where_it_warns_there_is_a_load_that_never_settles(spec):
    assume(narrow_band(spec) != "")
    (signal,) = spec.metrics
    count = spec.min_replicas
    tolerated = signal.low * (1000 - spec.tolerance) * (count + spec.modulo)
    load = too_much(spec, count)
    assume(load * 1000 < min(tolerated, signal.low * 1000 * (count + 1)))
    path = counts(spec, load, count)
    assert len(set(path[-10:])) > 1, path


@given(specs(close=True))
@settings(max_examples=400)
def test_either_remedy_ends_the_warning(spec):
    text = narrow_band(spec)
    assume(text)
    (signal,) = spec.metrics
    words = text.split()
    high = parse_milli(words[words.index("highWatermark") + 4])
    raised = structs.replace(signal, high=high)
    assert narrow_band(structs.replace(spec, metrics=(raised,))) == ""
    if "minReplicas" in words:
        low = int(words[words.index("minReplicas") + 4])
        more = structs.replace(spec, min_replicas=low, max_replicas=low + 10 * spec.modulo)
        assert narrow_band(more) == ""


def test_the_warning_is_a_condition_that_comes_and_goes():
    close = plain_spec(
        (metric(1000, 900),), average=True, tolerance=0, min_replicas=2, max_replicas=9
    )
    wide = plain_spec(
        (metric(2000, 900),), average=True, tolerance=0, min_replicas=2, max_replicas=9
    )
    world = look(4, good(3800), pods=ready_pods(4))
    warned, _ = conditions(close, world)
    assert warned[NARROW].status == "True"
    assert (
        "raise highWatermark to at least 1350m or minReplicas to at least 9"
        in warned[NARROW].message
    )
    before = AutoscalerStatus(conditions=tuple(warned.values()))
    calm, _ = conditions(wide, world, before=before)
    assert NARROW not in calm
