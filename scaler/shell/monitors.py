"""DatadogMonitors, read live for lifecycle control (wpa-behaviour §19)."""

from typing import Any, Final

import msgspec

from kube.client.errors import KubeError
from kube.client.requests import Resource, get_of
from kube.client.transport import ApiClient
from kube.vocab.objects import Wire
from scaler.core.lifecycle import Monitor

MONITORS: Final = Resource("datadoghq.com", "v1alpha1", "datadogmonitors")


class _Monitor(Wire, frozen=True):
    """Whatever somebody wrote there: a state that is no text is none."""

    status: Any = None


_MONITOR: Final = msgspec.json.Decoder(_Monitor)


class Monitors:
    """Asks for the monitors of autoscalers."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def read(self, namespace: str, name: str) -> Monitor:
        """The monitor as it is now. Never raises for what the server says: that is part of it."""
        try:
            found = await self._client.read(get_of(MONITORS, namespace, name), _MONITOR)
        except KubeError as error:
            return Monitor(error=str(error))
        state = found.status.get("monitorState") if isinstance(found.status, dict) else None
        return Monitor(state if isinstance(state, str) else None)
