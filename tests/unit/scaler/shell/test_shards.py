"""Shards: every object has one writer at most, always, and one again soon after any trouble."""

import asyncio
from collections.abc import AsyncIterator, Set
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random

import looptime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kube.client.credentials import Credentials, Identity
from kube.client.errors import KubeError
from kube.client.leases import DURATION, RETRY
from kube.client.transport import ApiClient
from scaler.core.sharding import member_of, shard_of
from scaler.shell.leadership import LEASE, Leadership, Shards, Single, lease_of
from tests.unit.kube.client.lease_server import LeaseServer, OffsetClock, Trouble
from tests.unit.kube.client.scripted import failure, serving

COUNT = 3
UIDS = [next(f"{n}" for n in range(1000) if shard_of(f"{n}", COUNT) == shard)
        for shard in range(COUNT)]  # fmt: skip
"""One object of each shard."""
PERIOD = 15_000
FAILOVER = 15.0
"""Seconds in which the objects of a dead scaler have another one, at the default timings."""


def now() -> float:
    return asyncio.get_running_loop().time()


class Member:
    """One scaler that takes part."""

    def __init__(self, leadership: Leadership, told: list[tuple[str, bool]]) -> None:
        self.leadership = leadership
        self.told = told
        self._task = asyncio.create_task(leadership.run())

    def holds(self) -> set[int]:
        """The shards whose objects it may write to right now."""
        if self._task.done():
            return set()
        return {shard for shard, uid in enumerate(UIDS) if self.leadership.held(uid)}

    async def die(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def leave(self) -> None:
        await self.die()
        await self.leadership.release()


class Party:
    """A server of leases, and scalers that share the shards."""

    def __init__(self, server: LeaseServer, url: str, stack: AsyncExitStack) -> None:
        self.server = server
        self.everybody: list[Member] = []
        self._url = url
        self._stack = stack

    async def enter(self, name: str, *, count: int = COUNT, wall: float = 0.0) -> Member:
        """Start a scaler; with a count of 1 one that shares nothing."""
        clock = OffsetClock(wall, 100.0 * wall)
        credentials = Credentials(self._url, identity=Identity(f"Bearer {name}"))
        client = ApiClient(credentials, user_agent="test", qps=0, clock=clock)
        told: list[tuple[str, bool]] = []
        errors: list[KubeError] = []
        leadership: Leadership
        if count == 1:
            leadership = Single(
                client, "system", name, clock, period=PERIOD,
                on_change=lambda lease, leading, _: told.append((lease, leading)),
                on_error=errors.append, random=Random(name),
            )  # fmt: skip
        else:
            leadership = Shards(
                client, "system", name, clock, count=count, period=PERIOD,
                on_change=lambda lease, leading, _: told.append((lease, leading)),
                on_error=errors.append, random=Random(name),
            )  # fmt: skip
        member = Member(leadership, told)
        self._stack.push_async_callback(client.close)
        self._stack.push_async_callback(member.die)
        self.everybody.append(member)
        return member

    def check(self) -> None:
        """Never two writers for one object."""
        for uid in UIDS:
            writers = [m for m in self.everybody if not m._task.done() and m.leadership.held(uid)]
            assert len(writers) <= 1, (now(), uid)

    async def watch(self, seconds: float) -> None:
        """Let time pass, looking at the fence four times a second."""
        for _ in range(round(seconds * 4)):
            await asyncio.sleep(0.25)
            self.check()

    async def complete(self, within: float, shards: Set[int] = frozenset(range(COUNT))) -> float:
        """Seconds until every object of those shards has a writer."""
        started = now()
        async with asyncio.timeout(within):
            while not shards <= set().union(*(m.holds() for m in self.everybody)):
                await asyncio.sleep(0.1)
                self.check()
        return now() - started


@asynccontextmanager
async def party() -> AsyncIterator[Party]:
    server = LeaseServer()
    async with serving(server.handle) as url, AsyncExitStack() as stack:
        yield Party(server, url, stack)


def test_objects_are_spread_evenly_and_for_ever():
    uids = [f"5f1c2d3e-{n:04x}-4b6a-9c8d-0123456789ab" for n in range(6000)]
    for count in (2, 3, 7, 16):
        found = [shard_of(uid, count) for uid in uids]
        sizes = [found.count(shard) for shard in range(count)]
        assert min(sizes) > 0.8 * len(uids) / count
        assert max(sizes) < 1.2 * len(uids) / count
    assert shard_of("5f1c2d3e-0000-4b6a-9c8d-0123456789ab", 3) == 1


@given(st.integers(1, 64), st.sets(st.text(min_size=1), min_size=1, max_size=12))
def test_every_shard_has_one_member_and_all_agree(count, members):
    found = [member_of(shard, sorted(members, reverse=True)) for shard in range(count)]
    assert found == [member_of(shard, sorted(members)) for shard in range(count)]
    sizes = [found.count(member) for member in members]
    assert sum(sizes) == count
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_one_member_takes_all_shards_and_shares_them_when_others_come():
    async with party() as p:
        first = await p.enter("first")
        await p.complete(FAILOVER)
        second = await p.enter("second", wall=-500.0)
        third = await p.enter("third", wall=900.0)
        await p.watch(20)
        assert sorted(len(one.holds()) for one in (first, second, third)) == [1, 1, 1]
        await p.watch(60)
        assert [leading for _, leading in second.told] == [True], "and then nothing moves"
        assert p.server.leases[LEASE]["spec"]["holderIdentity"] == f"shards-of-{COUNT}"


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_shards_of_a_dead_member_are_taken_within_fifteen_seconds():
    async with party() as p:
        members = [await p.enter(name) for name in ("a", "b", "c")]
        await p.watch(30)
        orphans = members[1].holds()
        await members[1].die()
        took = await p.complete(FAILOVER, orphans)
        assert took >= DURATION - 2 * RETRY, "not before it has stopped"
        # What moves between the living is seen, yielded, let go of and taken.
        await p.complete(5 * RETRY)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_shards_of_a_member_that_leaves_are_taken_at_the_next_try():
    async with party() as p:
        members = [await p.enter(name) for name in ("a", "b", "c")]
        await p.watch(30)
        await members[0].leave()
        # Seen, yielded by whom the rest falls to somebody else, let go of, taken.
        await p.complete(5 * RETRY)
        await members[1].leave()
        await members[2].leave()
        assert p.server.leases[LEASE]["spec"].get("holderIdentity", "") == ""
        alone = await p.enter("alone", count=1)
        await p.watch(RETRY + 1)
        assert len(alone.holds()) == COUNT


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_scaler_knows_the_leases_that_it_leads_by():
    async with party() as p:
        members = [await p.enter(name) for name in ("a", "b")]
        assert members[0].leadership.leases == ()
        await p.watch(30)
        for one in members:
            known = {lease.name for lease in one.leadership.leases}
            assert known == {lease_of(shard) for shard in one.holds()} != set()
        await members[0].leave()
        assert members[0].leadership.leases == ()
        await members[1].leave()
        alone = await p.enter("alone", count=1)
        await p.watch(RETRY + 1)
        (lease,) = alone.leadership.leases
        assert (lease.kind, lease.namespace, lease.name) == ("Lease", "system", LEASE)


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("count", [1, 2], ids=["a scaler without shards", "another count"])
async def test_who_shares_differently_waits_until_the_party_is_over(count):
    async with party() as p:
        members = [await p.enter(name) for name in ("a", "b")]
        await p.watch(20)
        other = await p.enter("other", count=count)
        await p.watch(60)
        assert other.holds() == set()
        for member in members:
            await member.leave()
        await p.watch(2 * DURATION)
        assert len(other.holds()) == COUNT


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_party_waits_for_a_scaler_without_shards():
    async with party() as p:
        alone = await p.enter("alone", count=1)
        await p.watch(10)
        member = await p.enter("a")
        await p.watch(60)
        assert (len(alone.holds()), len(member.holds())) == (COUNT, 0)
        await alone.die()
        # Nobody ever saw the shards' own leases: they have to be missing for a while.
        await p.watch(FAILOVER + DURATION)
        assert len(member.holds()) == COUNT


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    "annotation", ["", "no json", "[1]", '{"x": 1}', '{"ghost/1": "2099-01-01T00:00:00Z"}']
)
async def test_an_edited_register_is_put_right(annotation):
    async with party() as p:
        members = [await p.enter(name) for name in ("a", "b")]
        await p.watch(20)
        meta = p.server.leases[LEASE]["metadata"]
        meta["annotations"] = {"watermark-autoscaler/members": annotation, "kept": "yes"}
        await p.watch(60)
        assert sorted(len(one.holds()) for one in members) == [1, 2]
        meta = p.server.leases[LEASE]["metadata"]
        assert meta["annotations"]["kept"] == "yes"
        assert "ghost" not in meta["annotations"]["watermark-autoscaler/members"]


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    "edit",
    [
        {"holderIdentity": ""},
        {"leaseDurationSeconds": 0},
        {"renewTime": "2099-01-01T00:00:00.000000Z", "leaseDurationSeconds": 2**31 - 1},
    ],
    ids=str,
)
async def test_edits_of_all_leases_move_nothing_and_let_nobody_in(edit):
    async with party() as p:
        members = [await p.enter(name) for name in ("a", "b")]
        await p.watch(30)
        lone = await p.enter("lone", count=1)
        held = [one.holds() for one in members]
        for _ in range(6):
            for name in list(p.server.leases):
                p.server.edit(name, **edit)
            await p.watch(3.3)
            assert [one.holds() for one in members] == held
        assert lone.told == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_deleted_leases_are_made_again():
    async with party() as p:
        members = [await p.enter(name) for name in ("a", "b")]
        await p.watch(20)
        p.server.leases.clear()
        await p.watch(40)
        assert sorted(len(one.holds()) for one in members) == [1, 2]
        assert set(p.server.leases) == {LEASE, *(lease_of(shard) for shard in range(COUNT))}


TROUBLES = st.lists(
    st.tuples(
        st.integers(1, 90).map(float),
        st.sampled_from([1.0, 3.0, 7.0, 9.0, 12.0, 25.0]),
        st.sampled_from(["cut", "lost", "slow", "error"]),
    ),
    max_size=3,
)


@given(
    troubles=st.tuples(TROUBLES, TROUBLES, TROUBLES),
    deaths=st.lists(st.tuples(st.integers(5, 80), st.integers(0, 2), st.booleans()), max_size=2),
    walls=st.tuples(*[st.integers(-3600, 3600)] * 3),
)
@example(  # A shard taken from a member that came after the taker's last look at the register.
    (
        [(83.0, 1.0, "slow"), (19.0, 9.0, "cut"), (68.0, 25.0, "slow")],
        [(4.0, 12.0, "lost"), (10.0, 9.0, "lost")],
        [(76.0, 7.0, "error")],
    ),
    [],
    (3422, -3280, 2104),
)
@example(  # A shard held under a name that was given up while the answer was on its way.
    (
        [(11.0, 3.0, "error"), (19.0, 9.0, "slow")],
        [(60.0, 25.0, "lost"), (71.0, 9.0, "cut")],
        [(69.0, 7.0, "slow")],
    ),
    [(12, 0, False), (15, 2, False)],
    (-3483, 2908, -227),
)
@settings(max_examples=15)
def test_two_never_write_to_one_object_whatever_befalls_them(troubles, deaths, walls):
    """`deaths`: at that second that member ends, orderly or not; another one comes 1 s later."""
    with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(noop_cycles=8)) as runner:
        runner.run(_lives(troubles, deaths, walls))


async def _lives(
    troubles: tuple[list[Trouble], ...],
    deaths: list[tuple[int, int, bool]],
    walls: tuple[int, ...],
) -> None:
    async with party() as p:
        names = ["a", "b", "c"]
        p.server.troubles = dict(zip(names, troubles, strict=True))
        members = [await p.enter(name, wall=wall) for name, wall in zip(names, walls, strict=True)]
        for second in range(120):
            await p.watch(1)
            for at, who, orderly in deaths:
                if at == second:
                    await (members[who].leave() if orderly else members[who].die())
                    names[who] += "'"
                    p.server.troubles[names[who]] = troubles[who]
                    members[who] = await p.enter(names[who], wall=walls[who])
        # All troubles are over by now.
        await p.watch(DURATION + 5 * RETRY)
        assert set().union(*(one.holds() for one in members)) == set(range(COUNT))
        assert sorted(len(one.holds()) for one in members) == [1, 1, 1]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_server_that_refuses_every_write_is_not_stormed():
    async with party() as p:
        member = await p.enter("a")
        await p.watch(20)
        assert len(member.holds()) == COUNT

        def refuse(*_: object, **__: object) -> object:
            return failure(409, "Conflict")

        p.server._store = refuse  # type: ignore[method-assign, assignment]
        p.server.codes.clear()
        await p.watch(20)
        assert member.holds() == set()
        # Eleven attempts on the register with ten tries of two calls each; then the shards rest.
        assert len(p.server.codes) <= 11 * 20 + COUNT * 30
