"""The simulated NSQ: exact bookkeeping of messages, no clock, no I/O.

A topic's messages spread evenly over the nsqd instances. On each instance its channel is one
`Queue`: messages wait (`depth`), are handed to consumers (`in_flight`) and leave (`consumed`).
All consumers of one Deployment form a `ConsumerGroup` that is connected to every instance.

Counts are integers and remainders are carried, so at any moment, for every queue,
`arrived == consumed + depth + in_flight`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

SECOND: Final = 1000


class Topic(Struct, frozen=True, kw_only=True):
    """A topic and the one channel that the named consumer group reads.

    Without a channel messages stay in the topic. A paused channel hands nothing out.
    """

    name: str
    channel: str = ""
    consumer: str = ""
    paused: bool = False


class ConsumerGroup(Struct, frozen=True, kw_only=True):
    """What one Ready pod of a group can do: messages per second, messages held at a time."""

    drain_per_second: int
    max_in_flight: int


class Queue(Struct, kw_only=True):
    """A topic's channel on one nsqd; without a channel, the topic itself."""

    nsqd: str
    topic: Topic
    depth: int = 0
    in_flight: int = 0
    arrived: int = 0
    consumed: int = 0
    owed: int = 0
    """Arrivals not yet whole, in units of 1 / (1000 * number of nsqd) message."""
    fetching: int = 0
    """Fetched messages not yet whole, in units of 1 / pick-up time (ms) message."""


class Handled(Struct, frozen=True):
    """What a group did in one step: messages handled, and how many it could have."""

    messages: int = 0
    capacity: int = 0


class Nsq:
    """All nsqd instances and what the consumer groups do with them.

    `pickup_ms` is how long a message waits on average before consumers, who fetch in batches,
    take it. It gives a queue in balance a depth above zero: arrival rate times pick-up time.
    """

    def __init__(
        self,
        nsqd: Sequence[str],
        topics: Sequence[Topic],
        groups: Mapping[str, ConsumerGroup],
        pickup_ms: int,
    ) -> None:
        self.queues = [Queue(nsqd=name, topic=topic) for name in nsqd for topic in topics]
        self._share = SECOND * len(nsqd)
        self._groups = dict(groups)
        self._pickup_ms = pickup_ms
        self._owed = dict.fromkeys(groups, 0)
        self._served = {
            name: [q for q in self.queues if q.topic.channel and q.topic.consumer == name]
            for name in groups
        }

    def advance(
        self, step_ms: int, rates: Mapping[str, int], ready: Mapping[str, int]
    ) -> dict[str, Handled]:
        """Let `step_ms` milliseconds pass.

        `rates` are messages per second per topic, `ready` the Ready pods per consumer group; what
        is not named is 0. Steps should be well below the pick-up time.
        """
        for queue in self.queues:
            queue.owed += rates.get(queue.topic.name, 0) * step_ms
            messages, queue.owed = divmod(queue.owed, self._share)
            queue.arrived += messages
            queue.depth += messages
        return {name: self._serve(name, step_ms, ready.get(name, 0)) for name in self._groups}

    def _serve(self, name: str, step_ms: int, pods: int) -> Handled:
        group, queues = self._groups[name], self._served[name]
        room = pods * group.max_in_flight
        _requeue(queues, sum(q.in_flight for q in queues) - room)
        owed = self._owed[name] + pods * group.drain_per_second * step_ms if pods else 0
        capacity, self._owed[name] = divmod(owed, SECOND)
        done = share(capacity, [q.in_flight for q in queues])
        for queue, messages in zip(queues, done, strict=True):
            queue.in_flight -= messages
            queue.consumed += messages
        room -= sum(q.in_flight for q in queues)
        taken = share(room, [self._fetched(queue, step_ms) for queue in queues])
        for queue, messages in zip(queues, taken, strict=True):
            queue.depth -= messages
            queue.in_flight += messages
        return Handled(sum(done), capacity)

    def _fetched(self, queue: Queue, step_ms: int) -> int:
        """What consumers come for: of each message, step ÷ pick-up time."""
        if queue.topic.paused:
            return 0
        queue.fetching += queue.depth * step_ms
        messages, queue.fetching = divmod(queue.fetching, self._pickup_ms)
        return min(queue.depth, messages)


def _requeue(queues: Sequence[Queue], excess: int) -> None:
    """Give back what consumers held that have left: nsqd requeues when a connection closes."""
    for queue in queues:
        back = min(queue.in_flight, max(excess, 0))
        queue.in_flight -= back
        queue.depth += back
        excess -= back


def share(budget: int, wants: Sequence[int]) -> list[int]:
    """Divide `budget` among `wants`, in proportion and never more than wanted.

    Uses all of the budget where the wants allow it; what proportion leaves over goes in order.
    """
    total = sum(wants)
    if total <= budget:
        return list(wants)
    given = [want * budget // total for want in wants]
    left = budget - sum(given)
    for index, want in enumerate(wants):
        extra = min(left, want - given[index])
        given[index] += extra
        left -= extra
    return given
