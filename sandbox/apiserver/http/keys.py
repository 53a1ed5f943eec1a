"""What travels with a request from one handler to the next."""

from typing import Final

from aiohttp import web

from sandbox.apiserver.access.identity import User
from sandbox.apiserver.http.requestinfo import RequestInfo

INFO: Final = web.RequestKey("info", RequestInfo)
"""What is asked for; always there."""

USER: Final = web.RequestKey("user", User)
"""Who asks; set by authentication."""
