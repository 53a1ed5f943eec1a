"""Scalers that are killed at random requests, all the time. A thousand kills: `make kills`."""

from random import Random

import pytest

from tests.kills.campaign import CREWS, disturbed, undisturbed


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_kills_lose_nothing_and_cut_nothing_short(tmp_path):
    random = Random(7)
    reference = await undisturbed(tmp_path / "undisturbed", random, 2)
    lives = [
        await disturbed(tmp_path / f"{number}", crew, reference, random)
        for number, crew in enumerate(CREWS)
    ]
    assert [life.problems for life in lives] == [[]] * len(CREWS)
    assert sum(life.deaths for life in lives) >= 50
