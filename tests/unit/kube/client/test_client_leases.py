"""Leadership: at most one holder at any time, and soon another one when it is gone (V-09)."""

import asyncio
import math

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube.client.leases import DURATION, LONGEST, RENEW_WITHIN, RETRY, SHORTER
from kube.vocab.times import SECOND, parse_rfc3339
from tests.unit.kube.client.lease_server import EPOCH, Contest, Elector, Trouble, contest

TAKEOVER = DURATION + 2 * RETRY
"""Seconds after a holder's death: it is seen one retry late, and tried for one retry late."""


def now() -> float:
    return asyncio.get_running_loop().time()


async def seconds_until(what: Elector) -> float:
    """How long until that elector holds the lease."""
    started = now()
    async with asyncio.timeout(60):
        while not what.held():  # noqa: ASYNC110 - the question is when
            await asyncio.sleep(0.1)
    return now() - started


async def two(c: Contest) -> tuple[Elector, Elector]:
    """A holder, and one that wants the lease too."""
    first = await c.enter("first")
    await asyncio.sleep(1)
    second = await c.enter("second", wall=-300.0, offset=1e6)
    await asyncio.sleep(10)
    assert (first.held(), second.held()) == (True, False)
    return first, second


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_first_makes_the_lease_and_keeps_renewing_it():
    async with contest() as c:
        first = await c.enter("first")
        await asyncio.sleep(0.5)
        assert first.held()
        assert first.told == [True]
        assert first.election.previous_renewal is None
        assert (
            c.server.spec.items()
            >= {
                "holderIdentity": "first",
                "leaseDurationSeconds": DURATION,
            }.items()
        )
        acquired = c.server.spec["acquireTime"]
        assert c.server.spec["renewTime"] == acquired
        assert 0 <= parse_rfc3339(acquired) - EPOCH <= RETRY * SHORTER * SECOND
        assert c.server.lease is not None
        assert c.server.lease["metadata"]["name"] == "lock"
        await asyncio.sleep(60)
        assert c.server.renewed >= EPOCH + 58 * SECOND
        assert c.server.spec["acquireTime"] == acquired
        assert c.server.spec.get("leaseTransitions", 0) == 0
        assert [code for _, code in c.server.codes if code >= 400] == [404]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_dead_holder_is_followed_after_the_leases_duration():
    async with contest() as c:
        first, second = await two(c)
        await first.die()
        last, taken = c.server.renewed, parse_rfc3339(c.server.spec["acquireTime"])
        waited = await seconds_until(second)
        assert DURATION - RETRY <= waited <= TAKEOVER
        assert second.election.previous_renewal == last
        assert second.election.previous_tenure == last - taken > 0
        assert second.election.transitions == 1
        assert c.server.spec["leaseTransitions"] == 1
        assert c.server.spec["holderIdentity"] == "second"
        assert second.told == [True]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_holder_that_leaves_is_followed_at_the_next_try():
    async with contest() as c:
        first, second = await two(c)
        await first.leave()
        assert first.told == [True, False]
        assert c.server.spec.get("holderIdentity", "") == ""
        let_go = c.server.renewed
        assert await seconds_until(second) <= RETRY + 0.2
        assert second.election.previous_renewal == let_go


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_leaving_in_the_middle_of_a_renewal_lets_go_all_the_same():
    async with contest() as c:
        first = await c.enter("first")
        await asyncio.sleep(1)
        taken = c.server.renewed
        # The first renewal is done, but its answer has not come when the holder leaves.
        c.server.troubles["first"] = [(1.0, 60.0, "lost")]
        await asyncio.sleep(1.5)
        assert c.server.renewed > taken
        c.server.troubles.clear()
        await first.leave()
        assert c.server.spec.get("holderIdentity", "") == ""


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_who_does_not_hold_the_lease_does_not_let_go_of_it():
    async with contest() as c:
        first, second = await two(c)
        await second.leave()
        assert c.server.spec["holderIdentity"] == "first"
        assert first.held()


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("kind", ["cut", "lost", "error", "slow"])
async def test_a_holder_in_trouble_stops_before_another_may_start(kind):
    async with contest() as c:
        first, second = await two(c)
        cut = now()
        c.server.troubles["first"] = [(cut, 60.0, kind)]
        while now() < cut + 60:
            await asyncio.sleep(0.25)
            assert not (first.held() and second.held()), now() - cut
            if kind != "slow" and now() > cut + RENEW_WITHIN + 0.3 + RETRY * (kind == "lost"):
                assert not first.held()
        # Answers that are late, but come, keep a holder in office.
        assert second.held() == (kind != "slow")
        await asyncio.sleep(20)
        assert first.held() == (kind == "slow")
        assert first.told == ([True] if kind == "slow" else [True, False])


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_deleted_lease_is_made_again_by_its_holder():
    async with contest() as c:
        first, second = await two(c)
        c.server.lease = None
        for _ in range(200):
            await asyncio.sleep(0.1)
            assert first.held()
            assert not second.held()
        assert c.server.spec["holderIdentity"] == "first"
        assert [error.code for error in first.errors] == [404]  # type: ignore[attr-defined]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_who_was_away_does_not_take_a_missing_lease_for_a_free_one():
    async with contest() as c:
        first, second = await two(c)
        c.server.troubles["second"] = [(now(), 20.0, "cut")]
        await asyncio.sleep(19)
        c.server.lease = None
        # The holder finds out at its next renewal only.
        c.server.troubles["first"] = [(now(), 2.0, "cut")]
        for _ in range(120):
            await asyncio.sleep(0.1)
            assert not (first.held() and second.held())
        await asyncio.sleep(5)
        assert (first.held(), second.held()) == (True, False)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_edited_lease_is_renewed_after_one_conflict():
    async with contest() as c:
        first, _ = await two(c)
        c.server.edit(leaseDurationSeconds=99)
        await asyncio.sleep(5)
        assert ("PUT", 409) in c.server.codes
        assert first.held()
        assert first.told == [True]
        assert c.server.spec["leaseDurationSeconds"] == DURATION


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_lease_given_to_somebody_else_is_left_to_them():
    async with contest() as c:
        first, second = await two(c)
        c.server.edit(holderIdentity="upstream")
        await asyncio.sleep(2 * RETRY + 0.5)
        assert not first.held()
        assert first.told == [True, False]
        await asyncio.sleep(DURATION + 2 * RETRY)
        assert first.held() != second.held(), "nobody renews it: one of ours takes it back"


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    "edit",
    [
        {"leaseDurationSeconds": 0},
        {"leaseDurationSeconds": -5},
        {"leaseDurationSeconds": 1},
        {"leaseDurationSeconds": 2**31 - 1},
        {"renewTime": "2099-01-01T00:00:00.000000Z"},
        {"renewTime": "1970-01-01T00:00:00.000000Z"},
        {"holderIdentity": ""},
        {"holderIdentity": "", "leaseDurationSeconds": 0, "renewTime": None},
    ],
    ids=str,
)
async def test_an_edit_of_the_lease_makes_no_second_holder_and_is_put_right(edit):
    async with contest() as c:
        first, second = await two(c)
        for _ in range(8):
            c.server.edit(**edit)
            for _ in range(13):
                await asyncio.sleep(0.25)
                assert (first.held(), second.held()) == (True, False), now()
        await asyncio.sleep(2 * RETRY)
        assert (c.server.spec["holderIdentity"], second.told) == ("first", [])
        assert c.server.spec["leaseDurationSeconds"] == DURATION
        assert 0 <= EPOCH + now() * SECOND - c.server.renewed <= 2 * RETRY * SECOND


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    "edit",
    [{"leaseDurationSeconds": 2**31 - 1}, {"leaseDurationSeconds": -5}, {"holderIdentity": ""}],
    ids=str,
)
async def test_whatever_a_dead_holder_s_lease_says_it_is_followed(edit):
    async with contest() as c:
        first, second = await two(c)
        await first.die()
        c.server.edit(**edit)
        async with asyncio.timeout(LONGEST + 2 * RETRY):
            while not second.held():  # noqa: ASYNC110 - the question is when
                await asyncio.sleep(0.1)
        assert second.election.transitions == 1


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("renewed", [None, "", "yesterday"])
async def test_a_lease_that_tells_no_time_is_waited_for_and_taken(renewed):
    async with contest() as c:
        await two(c)
        c.server.edit(holderIdentity="gone", renewTime=renewed)
        c.server.troubles = {"first": [(now(), math.inf, "cut")]}
        third = await c.enter("third")
        c.server.troubles["second"] = c.server.troubles["first"]
        assert await seconds_until(third) >= DURATION
        assert third.election.previous_renewal is None


TROUBLES = st.lists(
    st.tuples(
        st.integers(1, 90).map(float),
        st.sampled_from([1.0, 3.0, 7.0, 12.0, 25.0]),
        st.sampled_from(["cut", "lost", "slow", "error"]),
    ),
    max_size=3,
)
"""Of one elector."""


@given(
    troubles=st.tuples(TROUBLES, TROUBLES),
    deaths=st.lists(st.tuples(st.integers(5, 80), st.booleans(), st.booleans()), max_size=2),
    deleted=st.none() | st.integers(20, 60),
    walls=st.tuples(st.integers(-3600, 3600), st.integers(-3600, 3600)),
)
@settings(max_examples=20)
def test_two_never_hold_at_once_whatever_befalls_them(troubles, deaths, deleted, walls):
    """`deaths`: at that second the one or the other ends, orderly or not, and comes back 1 s later
    under another name.
    """
    with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(noop_cycles=8)) as runner:
        runner.run(_contest(troubles, dict(_by_second(deaths)), deleted, walls))


def _by_second(
    deaths: list[tuple[int, bool, bool]],
) -> list[tuple[int, tuple[bool, bool]]]:
    return [(second, (who, orderly)) for second, who, orderly in deaths]


async def _contest(
    troubles: tuple[list[Trouble], list[Trouble]],
    deaths: dict[int, tuple[bool, bool]],
    deleted: int | None,
    walls: tuple[int, int],
) -> None:
    async with contest() as c:
        names = ["a", "b"]
        c.server.troubles = dict(zip(names, troubles, strict=True))
        electors = [
            await c.enter(name, wall=wall, offset=100.0 * wall)
            for name, wall in zip(names, walls, strict=True)
        ]
        everybody = list(electors)
        for tick in range(480):
            await asyncio.sleep(0.25)
            assert sum(elector.held() for elector in everybody) <= 1, now()
            second, rest = divmod(tick + 1, 4)
            # Whoever starts while the lease is missing cannot know of a holder.
            if rest == 0 and second == deleted and not deaths:
                c.server.lease = None
            if rest == 0 and second in deaths:
                who, orderly = deaths[second]
                await (electors[who].leave() if orderly else electors[who].die())
                names[who] += "'"
                c.server.troubles[names[who]] = troubles[who]
                electors[who] = await c.enter(names[who], wall=walls[who])
                everybody.append(electors[who])
        await asyncio.sleep(TAKEOVER)
        # All troubles are over by now: somebody leads.
        assert sum(elector.held() for elector in everybody) == 1
