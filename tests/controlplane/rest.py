"""Blocking JSON calls to the API server as its administrator, for fixtures and helpers.

What is under test talks through kube.client; the bed that carries it must not depend on it.
"""

import http.client
import json
import ssl
from typing import Any, Final

from tests.controlplane.pki import Pki

TIMEOUT: Final = 60.0


class Refused(Exception):
    """The server answered with an error; `code` is HTTP's, `body` what it said."""

    def __init__(self, title: str, code: int, body: str) -> None:
        super().__init__(f"{title}: {code} {body}")
        self.code = code
        self.body = body


class Rest:
    """One server, one identity, a connection per call."""

    def __init__(self, port: int, pki: Pki) -> None:
        self._port = port
        self._tls = ssl.create_default_context(cafile=pki.cluster.file)
        self._tls.load_cert_chain(pki.admin.certificate, pki.admin.key)

    def get(self, path: str) -> Any:
        """GET. Raises Refused; OSError where nobody answers."""
        return self._call("GET", path)

    def post(self, path: str, body: Any) -> Any:
        """POST. Raises as `get` does."""
        return self._call("POST", path, body)

    def delete(self, path: str) -> Any:
        """DELETE without waiting for dependents. Raises as `get` does."""
        return self._call("DELETE", path)

    def ready(self) -> bool:
        """Whether the server calls itself ready."""
        try:
            self._send("GET", "/readyz", None)
        except (OSError, http.client.HTTPException, Refused):
            return False
        return True

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self._send(method, path, body))

    def _send(self, method: str, path: str, body: Any) -> bytes:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, context=self._tls, timeout=TIMEOUT
        )
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            received = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise Refused(f"{method} {path}", answer.status, received.decode(errors="replace"))
        return received
