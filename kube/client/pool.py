"""The connections to one API server.

They are not bounded here: a bounded pool has one queue, which whatever hangs would fill, and each
watch pins a connection (HTTP/1.1). `bulkheads` bounds the calls, and there are few watches. Nothing
is left to the HTTP library's defaults that hurt here: its total timeout kills watches, its
keep-alive is as short as our tick, its `trust_env` costs more than the request (python-stack §3.8,
§6).
"""

from typing import Final

import aiohttp
from yarl import URL

from kube.client.credentials import Credentials
from kube.client.errors import Trouble, Unreachable
from kube.client.requests import Request

KEEP_ALIVE: Final = 75.0
CONNECT: Final = 10.0


class Pool:
    """Opens requests; its session is made on first use, inside the running loop."""

    def __init__(self, credentials: Credentials, *, user_agent: str) -> None:
        self._credentials = credentials
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def close(self) -> None:
        """Close all connections for good."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def open(self, request: Request, header: str) -> "aiohttp.client._RequestContextManager":
        """Start `request` with `header` as its `Authorization`."""
        headers = {"Accept": request.accept}
        if header:
            headers["Authorization"] = header
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        credentials = self._credentials
        if self._session is None:
            self._session = self._opened()
        return self._session.request(
            request.method,
            URL(credentials.host + request.target, encoded=True),
            data=request.body,
            headers=headers,
            # A redirect would carry the token to another server.
            allow_redirects=False,
            proxy=credentials.proxy,
            server_hostname=credentials.server_name,
        )

    def unreachable(self, request: Request, error: Exception) -> Unreachable:
        """Our error for one of the HTTP library's or of the socket's."""
        target = f"{self._credentials.host}: {request.title}"
        return Unreachable(target, _trouble_of(error), str(error) or type(error).__name__)

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("the API client is closed")
        connector = aiohttp.TCPConnector(
            limit=0,
            ssl=self._credentials.tls or True,
            keepalive_timeout=KEEP_ALIVE,
            ttl_dns_cache=30,
        )
        return aiohttp.ClientSession(
            connector=connector,
            # The whole is the caller's to bound: a watch's deadline counts lines, not bytes.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=None),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )


def _trouble_of(error: Exception) -> Trouble:
    match error:
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case aiohttp.ClientSSLError():
            return "tls"
        case aiohttp.ClientConnectorError() | aiohttp.ClientProxyConnectionError():
            return "connect"
        case _:
            return "reset"
