"""The product's own list-watch on pods, at work on a thread and a loop of its own."""

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from kube.client.configuration import load_credentials
from kube.client.items import Key, Undecodable
from kube.client.reflector import Reflector
from kube.client.reflector_stats import ReflectorStats
from kube.client.requests import Resource, list_of
from kube.client.transport import ApiClient
from kube.vocab.objects import ObjectMeta, Wire

PODS: Final = Resource("", "v1", "pods")
PATIENCE: Final = 30.0


class _Pod(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()


class PodWatch:
    """What a Reflector makes of a namespace's pods between entering and leaving."""

    def __init__(self, kubeconfig: Path, namespace: str, stalled_after: float) -> None:
        """`stalled_after`: seconds of silence after which the watch is not believed."""
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._stalled_after = stalled_after
        self._versions: dict[Key, str] = {}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), name="pod-watch")
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self.stats = ReflectorStats()

    @property
    def versions(self) -> dict[str, str]:
        """Name to resourceVersion of the pods that it believes in."""
        return {name: version for (_, name), version in dict(self._versions).items()}

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result(PATIENCE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        loop, over = self._ready.result()
        loop.call_soon_threadsafe(over.set)
        self._thread.join(PATIENCE)

    async def _work(self) -> None:
        try:
            credentials = await load_credentials(str(self._kubeconfig), environ={})
            async with ApiClient(credentials, user_agent="pod-watch", qps=0) as client:
                reflector = Reflector(
                    client,
                    list_of(PODS, self._namespace),
                    msgspec.json.Decoder(_Pod),
                    self,
                    stalled_after=self._stalled_after,
                )
                self.stats = reflector.stats
                work, over = asyncio.ensure_future(reflector.run()), asyncio.Event()
                self._ready.set_result((asyncio.get_running_loop(), over))
                await over.wait()
            # Only now: closing breaks the connection of the watch, which who is cancelled in the
            # middle of it would first take leave of, for longer than this loop lives.
            work.cancel()
            await asyncio.wait({work})
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    # What a reflector tells its sink

    def on_added(self, key: Key, item: _Pod | Undecodable) -> None:
        self._versions[key] = item.metadata.resource_version

    on_changed = on_added

    def on_deleted(self, key: Key) -> None:
        del self._versions[key]

    def on_synced(self) -> None:
        pass
