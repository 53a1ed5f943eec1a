"""After any script of changes and faults, what the sink was told equals what the server has."""

import asyncio
from random import Random
from typing import Any

import looptime
import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kube.client.reflector import Reflector
from kube.client.requests import list_of
from kube.vocab.times import LoopClock
from tests.unit.kube.client.collection_server import CollectionServer
from tests.unit.kube.client.reflecting import Recorder, agreement
from tests.unit.kube.client.scripted import WIDGETS, Widget, client_of, failure

NAMES = st.sampled_from([f"w{i}" for i in range(6)])
FAULTS = st.sampled_from(["cut", "garbage", "500", "403", "410", "429", "ok"])

STEPS = st.one_of(
    st.tuples(st.just("put"), NAMES, st.sampled_from([1, 2, "undecodable"])),
    st.tuples(st.just("put"), NAMES, st.sampled_from([1, 2, "undecodable"])),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("replace"), NAMES),
    st.tuples(st.just("bookmark")),
    st.tuples(st.just("cut")),
    st.tuples(st.just("forget")),
    st.tuples(st.just("move"), st.integers(200, 2000)),
    st.tuples(st.just("leap"), st.integers(1, 5000)),
    st.tuples(st.just("after_move"), st.sampled_from(["too_large", "silent", "gone"])),
    st.tuples(st.just("fail_lists"), st.lists(FAULTS, max_size=3)),
    st.tuples(st.just("fail_watches"), st.lists(FAULTS, max_size=4)),
    st.tuples(st.just("relist")),
    st.tuples(
        st.just("outage"), st.sets(NAMES), st.sets(NAMES), st.sampled_from(["", "forget", "move"])
    ),
    st.tuples(st.just("pause"), st.sampled_from([0.01, 1.0, 40.0, 160.0])),
    st.tuples(st.just("pause"), st.sampled_from([0.01, 1.0, 40.0, 160.0])),
)


def fault(name: str) -> Any:
    if name == "ok":
        return None
    if name.isdigit():
        return failure(int(name), "", retryAfterSeconds=1 if name == "429" else 0)
    return name


class Stage:
    """What the steps of a script do."""

    def __init__(self, server: CollectionServer, reflector: Reflector[Widget]) -> None:
        self._server = server
        self._reflector = reflector

    async def take(self, step: Any) -> None:
        name, *values = step
        own = getattr(self, name, None)
        if own is None:
            getattr(self._server, name)(*values)
        else:
            await own(*values)

    async def replace(self, name: str) -> None:
        self._server.delete(name)
        self._server.put(name)

    async def outage(self, deleted: set[str], put: set[str], end: str) -> None:
        """Things happen that no watch was there to see."""
        self._server.cut()
        if end == "move":
            self._server.move(500)
        for name in sorted(deleted):
            self._server.delete(name)
        for name in sorted(put):
            self._server.put(name)
        if end == "forget":
            self._server.forget()

    async def leap(self, distance: int) -> None:
        """Versions jump ahead, but not over a reader from before a move: nothing could tell."""
        if int(self._reflector.stats.version or 0) <= self._server.version:
            self._server.version += distance
            self._server.bookmark()

    async def after_move(self, behaviour: str) -> None:
        self._server.after_move = behaviour

    async def fail_lists(self, faults: list[str]) -> None:
        self._server.failing_lists = [fault(name) for name in faults]

    async def fail_watches(self, faults: list[str]) -> None:
        self._server.failing_watches = [fault(name) for name in faults]

    async def relist(self) -> None:
        self._reflector.relist()

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def play(script: list[Any], seed: int, streams: bool) -> None:
    server, sink = CollectionServer(), Recorder()
    server.streams = streams
    async with client_of(server.handle) as client:
        reflector = Reflector(
            client,
            list_of(WIDGETS, "ns"),
            msgspec.json.Decoder(Widget),
            sink,
            clock=LoopClock(0),
            random=Random(seed),
            limit=2,
        )
        work = asyncio.ensure_future(reflector.run())
        stage = Stage(server, reflector)
        for step in script:
            await stage.take(step)
        await agreement(server, sink, every=10)
        # A view that agreed by chance is caught by what comes next.
        server.put("last")
        await agreement(server, sink, every=10)
        assert len(reflector) == len(server.objects)
        assert not work.done()
        work.cancel()
        await asyncio.wait({work})
        assert reflector.stats.sink_errors == 0, reflector.stats.last_error


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=25), st.integers(0, 2**16), st.booleans())
@example(
    [("put", "w1", 1), ("pause", 1.0), ("leap", 5000), ("pause", 1.0), ("move", 4000)], 0, False
)
def test_the_sink_ends_with_the_server_s_view(script, seed, streams):
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(play(script, seed, streams))
