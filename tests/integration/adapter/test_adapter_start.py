"""Starting while the cluster is away or refuses; sharing a port; how long reviews hold."""

from contextlib import suppress

import aiohttp
import pytest

from adapter.settings import Remembered
from kube.service.runtime import UsageError
from kube.service.settings import Address
from tests.integration.adapter.kit.apiserver import FakeApiServer
from tests.integration.adapter.kit.server import METRIC, ROOT, adapter, until

pytestmark = pytest.mark.asyncio


async def test_an_api_server_that_is_away_is_waited_for(tmp_path):
    def away(cluster: FakeApiServer) -> None:
        cluster.away = True

    async with adapter(tmp_path, before=away) as it:
        assert (await it.ask("/livez")).status == 200
        unready = await it.ask("/readyz?verbose")
        assert unready.status == 500
        assert b"[-]front-proxy-authority" in unready.body
        (await it.ask(ROOT)).failure(503, "ServiceUnavailable")
        it.cluster.away = False

        async def ready() -> bool:
            return (await it.ask("/readyz")).status == 200

        await until(ready)
        assert (await it.ask(METRIC, user="hpa")).status == 200


async def test_trust_that_is_refused_ends_the_start_unless_tolerated(tmp_path):
    def nothing(_: object) -> dict[str, str]:
        return {}

    with pytest.raises(UsageError, match="extension-apiserver-authentication: "):
        async with adapter(tmp_path, trust=nothing):
            pass
    async with adapter(tmp_path, trust=nothing, tolerate_lookup_failure=True) as it:
        ready = await it.ask("/readyz?verbose")
        assert ready.status == 200
        assert b"[+]front-proxy-authority failed" in ready.body
        # A front proxy whose authority nobody knows is a stranger.
        forged = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
        assert (await it.ask(ROOT, headers=forged)).status == 403
        it.cluster.publish(it.certificates.trust())

        async def believed() -> bool:
            # A certificate of an authority that is not known yet ends its connection.
            with suppress(aiohttp.ClientError):
                return (await it.ask(METRIC, user="hpa")).status == 200
            return False

        await until(believed)


async def test_two_processes_may_share_a_port(tmp_path):
    async with adapter(tmp_path, share_port=True) as first:
        address = Address("127.0.0.1", first.server.address.port)
        async with adapter(tmp_path, share_port=True, address=address) as second:
            assert second.server.address.port == first.server.address.port
        with pytest.raises(UsageError, match="the port is in use"):
            async with adapter(tmp_path, address=address):
                pass


async def test_reviews_hold_as_long_as_the_flags_say(tmp_path):
    remembered = Remembered(token=5.0, allowed=60.0, denied=1.0)
    async with adapter(tmp_path, remembered=remembered) as it:
        it.cluster.tokens["good"] = {"username": "alice"}

        async def asked(user: str) -> int:
            it.cluster.access_reviews.clear()
            await it.ask(METRIC, user=user)
            return len(it.cluster.access_reviews)

        assert (await asked("hpa"), await asked("eve")) == (1, 1)
        assert (await asked("hpa"), await asked("eve")) == (0, 0)
        await it.ask(METRIC, headers={"Authorization": "Bearer good"})
        it.clock.ahead += 2
        assert (await asked("hpa"), await asked("eve")) == (0, 1)
        await it.ask(METRIC, headers={"Authorization": "Bearer good"})
        assert it.cluster.token_reviews == ["good"]
        it.clock.ahead += 4
        await it.ask(METRIC, headers={"Authorization": "Bearer good"})
        assert it.cluster.token_reviews == ["good", "good"]
        it.clock.ahead += 60
        assert await asked("hpa") == 1
