"""The golden corpus: exchanges as data, sent to an adapter, answers compared to the last byte.

tests/golden/adapter/README.md explains the files.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import trustme
import yaml

from tests.integration.adapter.kit.prometheus import document, vector
from tests.integration.adapter.kit.server import METRIC, ROOT, Answer, client_certificate
from tests.integration.adapter.kit.wire import Connection, Line

FOLDER = Path(__file__).parents[2] / "golden" / "adapter"
BETWEEN = 120.0
"""Seconds between exchanges: what is remembered of an answer or a verdict has passed by then."""
_DEFAULT_VECTOR = [[{"__name__": "m"}, "1"]]


class Expected(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What must come back; what is not given is not looked at."""

    status: int
    headers: dict[str, str | None] = {}
    """Exact values; null: absent."""
    json: Any = msgspec.UNSET
    text: str | None = None
    has: list[str] = []
    failure: dict[str, Any] | None = None
    """The members of a Status that are not the same in every one."""
    queries: list[str] | None = None
    reviewed: list[dict[str, str]] | None = None
    """Attributes of the access reviews that were made."""
    closes: bool = False


class Exchange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One request and its answer."""

    name: str
    expect: Expected
    request: str = ""
    raw: str = ""
    """The whole request as it goes over the wire, instead of `request`; \\n stands for CR LF."""
    selector: str | None = None
    headers: dict[str, str | list[str]] = {}
    caller: str | dict[str, Any] = "root"
    prometheus: dict[str, Any] = {}
    keep: str = ""
    """Name under which the answer's ETag can be used further down."""
    decision: str = ""
    """Where we differ from the reference: our decision, E-n."""
    reference: str = ""
    """What the reference does there."""


class Corpus(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One file."""

    about: str
    exchanges: list[Exchange]
    rules: str = ""
    request: str = ""
    """The request of exchanges that give none."""


def files() -> list[Path]:
    """The corpus, in order."""
    return sorted(FOLDER.glob("*.yaml"))


def read(path: Path) -> Corpus:
    """The exchanges of a file."""
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Corpus)


class Player:
    """Plays the exchanges of a file against one adapter, over connections that stay open."""

    def __init__(self, line: Line, corpus: Corpus) -> None:
        self._line = line
        self._it = line.harness
        self._corpus = corpus
        self._kept: dict[str, str] = {}
        self._connections: dict[str, Connection] = {}
        self._certificates: dict[str, trustme.LeafCert] = {}
        self._it.cluster.tokens = {"good": {"username": "alice", "groups": ["team"]}}

    async def mismatches(self) -> list[str]:
        """What was not as the file says, one line each."""
        found = []
        for exchange in self._corpus.exchanges:
            differences = [text async for text in self._play(exchange)]
            found += [f"{exchange.name}: {text}" for text in differences]
        for connection in self._connections.values():
            connection.close()
        return found

    async def _play(self, exchange: Exchange) -> Any:
        it = self._it
        it.clock.ahead += BETWEEN
        it.prometheus.queries.clear()
        it.cluster.access_reviews.clear()
        _script(it.prometheus, exchange.prometheus)
        where = _certificate_of(exchange.caller)
        if where not in self._connections:
            self._connections[where] = await self._line.connect(self._certificate(where))
        connection = self._connections[where]
        try:
            answer = await connection.ask(self._request(exchange))
        except EOFError:
            self._connections.pop(where).close()
            yield "the connection was closed without an answer"
            return
        if exchange.expect.closes:
            if rest := await connection.ends():
                yield f"more bytes after the answer: {rest[:60]!r}"
            del self._connections[where]
        elif answer.headers.get("Connection", "").lower() == "close":
            yield "the connection is closed"
        for text in self._compare(exchange.expect, answer):
            yield text
        if exchange.keep:
            self._kept[exchange.keep] = answer.headers["ETag"]

    def _request(self, exchange: Exchange) -> bytes:
        if exchange.raw:
            return self._filled(exchange.raw).replace("\n", "\r\n").encode("utf-8")
        target = exchange.request or self._corpus.request
        if exchange.selector is not None:
            target = target.replace("{selector}", quote(exchange.selector, safe=""))
        headers: dict[str, str | list[str]] = {
            "Host": "adapter",
            **_identity(exchange.caller),
            **exchange.headers,
        }
        lines = [f"{target} HTTP/1.1"]
        for name, values in headers.items():
            lines += [f"{name}: {one}" for one in ([values] if isinstance(values, str) else values)]
        return self._filled("\r\n".join([*lines, "", ""])).encode("utf-8")

    def _filled(self, text: str) -> str:
        known = {"ROOT": ROOT, "METRIC": METRIC, **self._kept}
        for name, value in known.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _certificate(self, where: str) -> trustme.LeafCert | None:
        if not where:
            return None
        if where not in self._certificates:
            authority, _, name = where.partition("/")
            issuer = getattr(self._it.certificates, authority)
            self._certificates[where] = client_certificate(issuer, name, "staff")
        return self._certificates[where]

    def _compare(self, expect: Expected, answer: Answer) -> Iterator[str]:
        if answer.status != expect.status:
            yield f"status {answer.status}, not {expect.status}: {answer.body[:300]!r}"
            return
        for name, value in expect.headers.items():
            wanted = None if value is None else self._filled(value)
            if answer.headers.get(name) != wanted:
                yield f"header {name}: {answer.headers.get(name)!r}, not {wanted!r}"
        yield from _compare_body(expect, answer, self._it.prometheus.url)
        if expect.queries is not None and self._it.prometheus.queries != expect.queries:
            yield f"queries {self._it.prometheus.queries}, not {expect.queries}"
        if expect.reviewed is not None:
            made = [_attributes(spec) for spec in self._it.cluster.access_reviews]
            if made != expect.reviewed:
                yield f"reviews {made}, not {expect.reviewed}"


def _compare_body(expect: Expected, answer: Answer, secret: str) -> Iterator[str]:
    text = answer.body.decode()
    if expect.text is not None and text != expect.text:
        yield f"body {text!r}, not {expect.text!r}"
    yield from (f"{part!r} is not in {text[:400]!r}" for part in expect.has if part not in text)
    wanted = expect.json
    if expect.failure is not None:
        wanted = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        wanted |= {"code": expect.status, **expect.failure}
        if answer.headers.get("Content-Type") != "application/json":
            yield f"a Status of type {answer.headers.get('Content-Type')}"
    if wanted is not msgspec.UNSET and json.loads(text or "null") != wanted:
        yield f"document {text[:600]}, not {json.dumps(wanted)}"
    if "Retry-After" in answer.headers:
        yield "Retry-After"
    everything = f"{dict(answer.headers)}{text}"
    yield from (f"leaks {leak}" for leak in (secret, "Traceback", "leaked") if leak in everything)


def _attributes(spec: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = spec.get("resourceAttributes") or spec["nonResourceAttributes"]
    return {"user": spec["user"], **found}


def _certificate_of(caller: str | dict[str, Any]) -> str:
    """Authority and name of the certificate the caller shows; "" for none."""
    if isinstance(caller, dict):
        return str(caller.get("certificate", ""))
    return "" if caller == "nobody" else "proxies/front-proxy-client"


def _identity(caller: str | dict[str, Any]) -> dict[str, str | list[str]]:
    if isinstance(caller, str):
        return {} if caller == "nobody" else {"X-Remote-User": caller}
    token = caller.get("token")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _script(prometheus: Any, given: dict[str, Any]) -> None:
    """Tell the fake Prometheus what to answer; every answer carries something not to be leaked."""
    headers = {"Server": "leaked", "X-Secret": "leaked"}
    match given:
        case {"scalar": value}:
            prometheus.says(document("scalar", [1700000000.5, value]), headers=headers)
        case {"document": [kind, result]}:
            prometheus.says(document(kind, result), headers=headers)
        case {"status": status}:
            body = given.get("text", '{"status":"error","errorType":"x","error":"leaked"}')
            location = {"Location": "http://leaked/"} if 300 <= status < 400 else {}
            prometheus.says(body.encode(), status, headers | location)
        case {"text": text}:
            prometheus.says(text.encode(), headers=headers)
        case _:
            series = [(labels, value) for labels, value in given.get("vector", _DEFAULT_VECTOR)]
            prometheus.says(vector(*series, warnings=given.get("warnings")), headers=headers)
