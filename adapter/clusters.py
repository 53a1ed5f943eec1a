"""How API servers are reached: one client for each kubeconfig."""

import os
from contextlib import AsyncExitStack
from typing import Final

from adapter.settings import UpstreamAuth
from kube.client.configuration import load_credentials
from kube.client.credentials import Credentials
from kube.client.transport import ApiClient
from kube.service.runtime import UsageError

_TIMEOUT: Final = 10.0
"""Seconds of one call; also what a review may take."""


class Clusters:
    """Clients by kubeconfig; "" is the pod's service account or the usual files."""

    def __init__(self, user_agent: str, stack: AsyncExitStack) -> None:
        """Clients are closed with `stack`."""
        self._user_agent = user_agent
        self._stack = stack
        self._clients: dict[str, ApiClient] = {}

    async def client(self, kubeconfig: str) -> ApiClient:
        """The client for `kubeconfig`. Raises ConfigError."""
        if kubeconfig not in self._clients:
            credentials = await load_credentials(kubeconfig or None)
            # Reviews are cached and shared; pacing them would let callers wait for each other.
            made = ApiClient(
                credentials,
                user_agent=self._user_agent,
                qps=0,
                timeout=_TIMEOUT,
                retry_within=2.0,
            )
            self._clients[kubeconfig] = await self._stack.enter_async_context(made)
        return self._clients[kubeconfig]


async def upstream_credentials(auth: UpstreamAuth) -> Credentials | None:
    """Who we are at Prometheus, where the flags take that from a cluster. Raises ConfigError."""
    if auth.kubeconfig:
        return await load_credentials(auth.kubeconfig)
    if not auth.in_cluster:
        return None
    pod = {name: value for name, value in os.environ.items() if name.startswith("KUBERNETES_")}
    if "KUBERNETES_SERVICE_HOST" not in pod:
        raise UsageError(
            "--prometheus-auth-incluster: not in a pod (KUBERNETES_SERVICE_HOST is not set); "
            "name a kubeconfig with --prometheus-auth-config"
        )
    # Nothing else of the environment: $KUBECONFIG would come first.
    return await load_credentials(environ=pod)
