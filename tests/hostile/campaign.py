"""Many wild requests in a row, the first from a given seed."""

import tempfile
from pathlib import Path

from tests.hostile.attack import Attack
from tests.integration.adapter.kit.server import RULES
from tests.integration.adapter.kit.wire import in_process


class CampaignError(AssertionError):
    """A request whose answer, or whose query, is not as it must be."""

    def __init__(self, seed: int) -> None:
        super().__init__(f"the request of seed {seed}")
        self.seed = seed


async def campaign(first: int, count: int) -> dict[str, int]:
    """Send `count` requests; returns how often which status came. Raises CampaignError."""
    with tempfile.TemporaryDirectory() as folder:
        async with in_process(Path(folder), rules=RULES) as line:
            attack = Attack(line)
            for seed in range(first, first + count):
                try:
                    await attack.one(seed)
                except Exception as error:
                    raise CampaignError(seed) from error
            await attack.aftermath()
            return dict(attack.seen)
