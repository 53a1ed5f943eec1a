"""Messages are neither lost nor invented, whatever rates, pods and steps come."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox.workload.nsq import ConsumerGroup, Nsq, Topic, share

TOPICS = [
    Topic(name="df_metric_a", channel="kodo-x", consumer="metric"),
    Topic(name="df_metric_b", channel="kodo-x", consumer="metric"),
    Topic(name="df_logging", channel="kodo-x", consumer="other"),
    Topic(name="df_paused", channel="kodo-x", consumer="other", paused=True),
    Topic(name="df_unread"),
]
NSQD = ["nsqd", "nsqd2", "nsqd3"]

steps = st.lists(
    st.tuples(
        st.integers(1, 500),
        st.dictionaries(st.sampled_from([t.name for t in TOPICS]), st.integers(0, 5000)),
        st.dictionaries(st.sampled_from(["metric", "other"]), st.integers(0, 9)),
    ),
    max_size=40,
)
groups = st.builds(
    ConsumerGroup, drain_per_second=st.integers(1, 2000), max_in_flight=st.integers(1, 300)
)


@given(steps=steps, metric=groups, other=groups, pickup_ms=st.integers(1, 5000))
def test_every_message_is_waiting_in_flight_or_consumed(steps, metric, other, pickup_ms) -> None:
    nsq = Nsq(NSQD, TOPICS, {"metric": metric, "other": other}, pickup_ms)
    sent = dict.fromkeys((t.name for t in TOPICS), 0)
    for millis, rates, ready in steps:
        consumed_before = {name: _consumed(nsq, name) for name in ("metric", "other")}
        handled = nsq.advance(millis, rates, ready)
        for name, rate in rates.items():
            sent[name] += rate * millis
        for queue in nsq.queues:
            assert queue.depth >= 0
            assert queue.in_flight >= 0
            assert queue.arrived == queue.consumed + queue.depth + queue.in_flight
        for name, group in (("metric", metric), ("other", other)):
            done = _consumed(nsq, name) - consumed_before[name]
            assert done == handled[name].messages <= handled[name].capacity
            held = sum(q.in_flight for q in nsq.queues if q.topic.consumer == name)
            assert held <= ready.get(name, 0) * group.max_in_flight
    for topic in TOPICS:
        arrived = sum(q.arrived for q in nsq.queues if q.topic == topic)
        assert 0 <= sent[topic.name] - 1000 * arrived < 1000 * len(NSQD)


@given(step=st.integers(1, 400), seconds=st.integers(1, 20), pods=st.integers(0, 5))
def test_capacity_does_not_depend_on_the_length_of_steps(step, seconds, pods) -> None:
    group = ConsumerGroup(drain_per_second=7, max_in_flight=100)
    nsq = Nsq(["nsqd"], TOPICS[:1], {"metric": group}, 1000)
    capacity, passed = 0, 0
    while passed < seconds * 1000:
        length = min(step, seconds * 1000 - passed)
        capacity += nsq.advance(length, {}, {"metric": pods})["metric"].capacity
        passed += length
    assert capacity == 7 * seconds * pods


@given(wants=st.lists(st.integers(0, 10_000), max_size=12), budget=st.integers(0, 50_000))
def test_a_share_uses_the_budget_and_gives_nobody_too_much(wants, budget) -> None:
    given_out = share(budget, wants)
    assert sum(given_out) == min(budget, sum(wants))
    assert all(0 <= got <= want for got, want in zip(given_out, wants, strict=True))


def test_balance_is_arrival_rate_times_pickup_time() -> None:
    group = ConsumerGroup(drain_per_second=150, max_in_flight=200)
    nsq = Nsq(NSQD, TOPICS[:1], {"metric": group}, 2000)
    for _ in range(600):
        nsq.advance(100, {"df_metric_a": 120}, {"metric": 2})
    depth = sum(q.depth for q in nsq.queues)
    assert 0.9 * 240 <= depth <= 1.1 * 240


def test_overload_grows_by_what_cannot_be_drained() -> None:
    group = ConsumerGroup(drain_per_second=100, max_in_flight=50)
    nsq = Nsq(NSQD, TOPICS[:1], {"metric": group}, 1000)
    for _ in range(600):
        nsq.advance(100, {"df_metric_a": 500}, {"metric": 2})
    left = sum(q.depth + q.in_flight for q in nsq.queues)
    # 60 s of 500 arriving and 200 leaving, less what the first batches lacked
    assert 18_000 <= left <= 18_200


def test_a_pod_that_leaves_gives_its_messages_back() -> None:
    group = ConsumerGroup(drain_per_second=1, max_in_flight=500)
    nsq = Nsq(["nsqd"], TOPICS[:1], {"metric": group}, 1)
    nsq.advance(100, {"df_metric_a": 5000}, {"metric": 1})
    (queue,) = nsq.queues
    assert (queue.depth, queue.in_flight) == (0, 500)
    nsq.advance(100, {}, {"metric": 0})
    assert (queue.depth, queue.in_flight) == (500, 0)


def _consumed(nsq: Nsq, consumer: str) -> int:
    return sum(q.consumed for q in nsq.queues if q.topic.consumer == consumer)
