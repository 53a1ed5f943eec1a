"""The workload's HTTP side."""

import aiohttp
import pytest

from kube.service.listeners import listening
from kube.service.settings import Address
from sandbox.workload.app import make_app
from sandbox.workload.script import parse_script
from sandbox.workload.simulation import Simulation

SCRIPT = parse_script(
    """
nsqd: [nsqd, nsqd2]
consumers: []
topics: [{name: df_unread}]
phases:
- {name: calm, seconds: 10, rates: {df_unread: 100}}
- {name: burst, seconds: 10, rates: {df_unread: 200}}
""",
    "script",
)


@pytest.mark.asyncio
async def test_pages_and_the_script_that_can_be_started_over() -> None:
    simulation = Simulation(SCRIPT)
    simulation.advance(12_000)
    async with (
        aiohttp.ClientSession() as session,
        listening(make_app(simulation), Address("127.0.0.1", 0), flag="-") as bound,
    ):
        url = f"http://127.0.0.1:{bound.port}"
        async with session.get(f"{url}/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert "nsq_topic_depth{" in await response.text()
        async with session.get(f"{url}/nsqd/nsqd2/metrics") as response:
            assert 'topic="df_unread"} 700.0' in await response.text()
        async with session.get(f"{url}/nsqd/nsqd9/metrics") as response:
            assert response.status == 404
            assert "there are nsqd, nsqd2" in await response.text()
        async with session.get(f"{url}/script") as response:
            assert await response.json() == {"phase": "burst", "left": 8.0, "elapsed": 12.0}
        async with session.post(f"{url}/script") as response:
            assert await response.json() == {"phase": "calm", "left": 10.0, "elapsed": 0.0}
    assert sum(queue.depth for queue in simulation.nsq.queues) == 1400
