"""Row 002, the acceptance table of the split: cases 5a to 5e, steps 1 to 9 (scenarios §3.4)."""

import pytest

from tests.scenarios.moved_pods import FutureVersion, Storage
from tests.scenarios.split import Split, split

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

OLD, NEW = 1_050_000, 1_000_610
"""The last version of the old storage that anybody heard of, and the first list of the new one."""


async def before_the_move(s: Split) -> None:
    """Steps 1 to 3: all is well; then nobody writes pods, and a scale is not carried out."""
    await s.at(5)
    assert len(s.sink.items) == 5
    await s.at(30)
    s.old.add(s.pod(6), 1_000_010)
    s.report(6)
    await s.at(60)
    s.old.bookmark(1_004_000)
    await s.at(70)
    assert s.sink.view() == s.old.view()
    s.world.metrics.show("backlog", 8000)
    await s.at(120)
    s.old.bookmark(OLD)
    await s.at(178)
    assert (s.replicas, s.scale_writes()) == (8, [(75, 200)])
    page = await s.page()
    assert (page["currentReplicas"], page["runningReplicas"], page["ownedPods"]) == (8, 6, 6)
    assert page["metrics"][0]["proposal"] == 8, "what is not carried out asks for no more (V-08)"


async def the_move(s: Split, *, still_old: bool) -> Storage:
    """Steps 4 and 5: away for five seconds, in the middle of an evaluation; then another storage,
    or both in turn.
    """
    new = Storage(NEW)
    for number in range(1, 7):
        new.add(s.pod(number), NEW)
    await s.at(180)
    s.go_away()
    await s.at(185)
    if still_old:
        s.old.version = 1_051_000
    s.come_back(*([new, s.old] if still_old else [new]))
    return new


async def later_changes(s: Split, new: Storage) -> None:
    """Steps 6 and 7: at versions below what was heard of before, one without a word."""
    await s.at(190)
    s.report(8)
    new.add(s.pod(7), 1_000_611)
    new.add(s.pod(8), 1_000_612)
    new.delete("pod-1", 1_000_613)
    s.report(7)
    await s.at(200)
    new.delete("pod-2", 1_000_614, told=False)
    s.report(6)


async def to_the_end(s: Split, new: Storage, *, still_old: bool = False) -> None:
    """Steps 8 and 9: the lease is lost; after that nothing happens but bookmarks, and the end of
    the old server.
    """
    holder = s.world.lease()["holderIdentity"]
    await s.at(210)
    s.lose_lease()
    await s.at(220)
    assert s.world.lease()["holderIdentity"] == holder, "leadership is kept or retaken (V-09)"
    assert s.lease_answers(210) >= {("PUT", 409), ("GET", 404), ("POST", 201)}
    for second in range(240, 900, 60):
        await s.at(second)
        if second == 240 and still_old:
            s.go_away()
            s.come_back(new)
        new.bookmark(new.version + 1)
    await s.at(900)


CASES: list[tuple[str, FutureVersion, float, dict[str, int]]] = [
    # The case, what a watch from the future hears, when the move is known at the latest, relists.
    ("5a", "told", 195, {"too_large": 1, "demanded": 1}),
    ("5b", "silent", 365, {"stalled": 1}),
    ("5c", "late", 195, {"too_large": 1, "demanded": 1}),
    ("5d", "gone", 195, {"expired": 1, "demanded": 1}),
]


@pytest.mark.parametrize(("case", "future", "known", "relists"), CASES, ids=[c[0] for c in CASES])
async def test_a_move_of_the_pods_loses_nothing(tmp_path, case, future, known, relists):
    """V-01, V-02, V-03, V-04, V-08, V-09, V-14."""
    async with split(tmp_path, replicas=6, running=5, value=5500) as s:
        s.pods.future = future
        await before_the_move(s)
        new = await the_move(s, still_old=False)
        await later_changes(s, new)
        if case != "5b":
            # What is wrong with a healthy watch only the target's own count can tell (D36).
            assert "pod-2" in s.sink.view()
            assert {"pod-7", "pod-8"} < s.sink.view().keys()
            assert "pod-1" not in s.sink.view()
            s.watcher.relist()
        await s.at(205)
        assert (await s.page())["ownedPods"] == 7, "every change is known within 15 s"
        if case != "5b":
            assert s.sink.view() == new.view()
        await to_the_end(s, new)

        assert s.watcher.stats.relists == relists
        assert s.sink.view() == new.view()
        assert s.watcher.stats.version == str(new.version)
        assert 185 <= s.lists()[1] <= known
        assert [one for one in s.pods.asked if one.verb == "list" and one.version] == []
        await one_scaler_wrote_once(s)


async def one_scaler_wrote_once(s: Split) -> None:
    assert s.scale_writes() == [(75, 200)]
    assert s.writers() == {s.leader.token}
    assert not s.leader.over
    assert s.turns(180) == [], "no flap"
    page = await s.page()
    assert (page["ownedPods"], page["rule"]) == (6, "guarded_by_current")


async def test_two_servers_that_take_turns_end_on_the_new_view(tmp_path):
    """V-02, V-03: case 5e, where an old server is there for another minute."""
    async with split(tmp_path, replicas=6, running=5, value=5500) as s:
        await before_the_move(s)
        new = await the_move(s, still_old=True)
        await later_changes(s, new)
        await to_the_end(s, new, still_old=True)
        # Each watch reaches the new server, each list the old one, until that is gone.
        assert s.watcher.stats.relists["too_large"] > 1
        assert s.watcher.stats.relists.keys() <= {"too_large", "expired", "stalled"}
        assert s.watcher.stats.sink_errors == 0
        assert s.sink.view() == new.view()
        await one_scaler_wrote_once(s)


@pytest.mark.parametrize(
    ("old", "value", "right"),
    [(6, 75, 6), (12, 1200, 10)],
    ids=["too-few-would-shrink-to-4", "too-many-would-grow-to-15"],
)
async def test_an_old_view_that_takes_turns_does_not_scale(tmp_path, old, value, right):
    """V-07: `absolute` multiplies by the pods that are there. Eight are, and the target says so."""
    async with split(
        tmp_path, replicas=8, running=8, value=500, algorithm="absolute", maxReplicas=30
    ) as s:
        await s.at(10)
        new = Storage(NEW)
        for number in range(1, 9):
            new.add(s.pod(number), NEW)
        s.old.pods.clear()
        for number in range(1, old + 1):
            s.old.add(s.pod(number), 1_051_000)
        s.come_back(s.old, new)
        s.world.metrics.show("backlog", value)
        # The old view is seen at 16, 46, 76 …, the new one at 31.
        await s.at(25)
        assert (await s.page())["rule"] == "pods_differ"
        await s.at(130)
        assert s.scale_writes() == [(30, 200)]
        assert s.replicas == right


async def test_a_kind_that_counts_otherwise_is_believed_after_two_evaluations(tmp_path):
    """V-07, D36: fresh lists that say the same are trusted; nothing is frozen for ever."""
    async with split(tmp_path, replicas=8, running=8, value=500, algorithm="absolute") as s:
        s.report(9)
        s.world.metrics.show("backlog", 75)
        await s.at(25)
        assert s.scale_writes() == []
        await s.at(60)
        assert (s.scale_writes(), s.replicas) == ([(30, 200)], 6)
