"""Everything that a Prometheus, or what stands before it, has been seen to do to its callers."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tests.integration.adapter.kit.prometheus import (
    FakePrometheus,
    document,
    hang_up,
    head,
    vector,
)

SECRET = "do-not-tell"
"""Stands in every header and error text that callers must not see."""

Script = Callable[[FakePrometheus], None]

UNAVAILABLE = (503, "ServiceUnavailable", "unavailable")
TIMEOUT = (504, "Timeout", "timeout")
REJECTED = (500, "InternalError", "query rejected")
BAD = (500, "InternalError", "bad response")
TOO_LARGE = (500, "InternalError", "too large")


class Misbehaviour(Struct, frozen=True):
    """What Prometheus does, and what the caller gets: a failure, or the values of items."""

    name: str
    script: Script
    failure: tuple[int, str, str] | None = None
    values: tuple[str, ...] = ()


def _says(body: bytes, status: int = 200, **headers: str) -> Script:
    named = {"X-Secret": SECRET, **{key.replace("_", "-"): value for key, value in headers.items()}}
    return lambda prometheus: prometheus.says(body, status, named)


def _sends(*script: Any) -> Script:
    return lambda prometheus: prometheus.sends(*script)


def _aborts(transport: Any) -> None:
    transport.abort()


GOOD = vector(({"queue": "a"}, "7"))
_ERROR = (
    b'{"status":"error","errorType":"%s","error":"parse error at http://10.0.0.1/ do-not-tell"}'
)
_LENGTH = f"Content-Length: {len(GOOD)}"
_SMUGGLED = head(f"Content-Length: {len(GOOD)}") + vector(({"queue": "a"}, "6"))
_VECTOR = b'{"status":"success","data":{"resultType":"vector","result":'
_HISTOGRAM = {"metric": {}, "histogram": [1, {"count": "3", "sum": "7"}]}
_LEAKY = {
    "Location": "http://10.0.0.1/",
    "Retry_After": "9",
    "WWW_Authenticate": f"Basic {SECRET}",
    "Set_Cookie": f"session={SECRET}",
}
_REFUSALS = (301, 302, 303, 307, 308, 401, 403, 404, 405, 429, 500, 502, 503, 504)


def _bomb() -> bytes:
    """80 MB of blanks as 80 kB."""
    packer = zlib.compressobj(9, wbits=31)
    blank = b" " * 2**20
    return b"".join(packer.compress(blank) for _ in range(80)) + packer.flush()


def _series(count: int) -> bytes:
    return vector(*(({"queue": str(index)}, "1") for index in range(count)))


MISBEHAVIOURS = (
    Misbehaviour("late, but in time", lambda it: it.stalls(0.05, GOOD), values=("7",)),
    Misbehaviour("silent", lambda it: it.stalls(), TIMEOUT),
    Misbehaviour("silent after the headers", _sends(head(_LENGTH)), TIMEOUT),
    Misbehaviour("silent in the middle", _sends(head(_LENGTH), GOOD[:30]), TIMEOUT),
    Misbehaviour("drips", _sends(head(_LENGTH), *[b" ", 0.05] * 1000), TIMEOUT),
    Misbehaviour(
        "drips headers", _sends(b"HTTP/1.1 200 OK\r\n", *[b"A: b\r\n", 0.05] * 1000), TIMEOUT
    ),
    Misbehaviour("hangs up at once", _sends(hang_up), UNAVAILABLE),
    Misbehaviour("resets at once", _sends(_aborts), UNAVAILABLE),
    Misbehaviour(
        "hangs up in the headers", _sends(b"HTTP/1.1 200 OK\r\nCont", hang_up), UNAVAILABLE
    ),
    Misbehaviour("hangs up in the middle", lambda it: it.breaks_off(), UNAVAILABLE),
    Misbehaviour("resets in the middle", _sends(head(_LENGTH), GOOD[:30], _aborts), UNAVAILABLE),
    Misbehaviour(
        "hangs up in a chunk",
        _sends(head("Transfer-Encoding: chunked"), b"fff\r\n" + GOOD, hang_up),
        UNAVAILABLE,
    ),
    Misbehaviour("is no HTTP", _sends(b"SSH-2.0-OpenSSH_9.2\r\n", hang_up), UNAVAILABLE),
    Misbehaviour("is TLS", _sends(b"\x15\x03\x01\x00\x02\x02\x46", hang_up), UNAVAILABLE),
    Misbehaviour(
        "endless header", _sends(head(f"X-Long: {'x' * 100_000}", _LENGTH), GOOD), UNAVAILABLE
    ),
    Misbehaviour(
        "promises too much", _sends(head("Content-Length: 9999"), GOOD, hang_up), UNAVAILABLE
    ),
    Misbehaviour("promises too little", _sends(head("Content-Length: 30"), GOOD), UNAVAILABLE),
    Misbehaviour(
        "promises nonsense", _sends(head("Content-Length: many"), GOOD, hang_up), UNAVAILABLE
    ),
    Misbehaviour(
        "says a second answer too", _sends(head(_LENGTH), GOOD + _SMUGGLED), values=("7",)
    ),
    Misbehaviour(
        "ends by hanging up", _sends(head("Connection: close"), GOOD, hang_up), values=("7",)
    ),
    Misbehaviour("truncated JSON", _says(GOOD[:-5]), BAD),
    Misbehaviour("deep JSON", _says(b"[" * 100_000 + b"]" * 100_000), BAD),
    Misbehaviour("deep unterminated JSON", _says(_VECTOR + b"[" * 100_000), BAD),
    Misbehaviour(
        "deep JSON in a histogram",
        _says(_VECTOR + b'[{"metric":{},"histogram":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}}"),
        BAD,
    ),
    Misbehaviour("two documents", _says(GOOD + GOOD), BAD),
    Misbehaviour("HTML", _says(b"<html>do-not-tell</html>", Content_Type="text/html"), BAD),
    Misbehaviour("nothing", _says(b""), BAD),
    Misbehaviour("no content", _says(b"", 204), BAD),
    Misbehaviour("null", _says(b"null"), BAD),
    Misbehaviour("no data", _says(b'{"status":"success"}'), BAD),
    Misbehaviour("null as result", _says(_VECTOR + b"null}}"), BAD),
    Misbehaviour("not UTF-8", _says(b"\xff\xfe"), BAD),
    Misbehaviour(
        "a label that is not UTF-8",
        _says(_VECTOR + b'[{"metric":{"a":"\xff"},"value":[1,"1"]}]}}'),
        BAD,
    ),
    Misbehaviour(
        "a label of half a character",
        _says(_VECTOR + b'[{"metric":{"a":"\\ud800"},"value":[1,"1"]}]}}'),
        BAD,
    ),
    Misbehaviour("matrix", _says(document("matrix", [{"metric": {}, "values": [[1, "1"]]}])), BAD),
    Misbehaviour("string", _says(document("string", [1, SECRET])), BAD),
    Misbehaviour(
        "a number as value", _says(document("vector", [{"metric": {}, "value": [1, 2]}])), BAD
    ),
    *(
        Misbehaviour(f"value {text!r}", _says(vector(({}, text))), BAD)
        for text in ("twelve", "", " 1", "0x10", "1_000", "1,5", "\u0661", "1" * 500, SECRET)
    ),
    *(
        Misbehaviour(
            f"time {at!r}", _says(document("vector", [{"metric": {}, "value": [at, "1"]}])), BAD
        )
        for at in (1e300, -1, "1700000000", None)
    ),
    Misbehaviour(
        "a label that is a number",
        _says(document("vector", [{"metric": {"a": 1}, "value": [1, "1"]}])),
        BAD,
    ),
    Misbehaviour("no value", _says(document("vector", [{"metric": {}}])), BAD),
    Misbehaviour("the same labels twice", _says(vector(({"a": "b"}, "1"), ({"a": "b"}, "2"))), BAD),
    *(
        Misbehaviour(f"status {code}", _says(_ERROR % b"internal", code, **_LEAKY), UNAVAILABLE)
        for code in _REFUSALS
    ),
    *(
        Misbehaviour(f"status {code}", _says(_ERROR % b"bad_data", code), REJECTED)
        for code in (400, 422)
    ),
    Misbehaviour("an error with status 200", _says(_ERROR % b"execution"), REJECTED),
    Misbehaviour("its own timeout", _says(_ERROR % b"timeout", 503), TIMEOUT),
    Misbehaviour("another content type", _says(GOOD, Content_Type="text/plain"), values=("7",)),
    Misbehaviour("a charset", _says(GOOD, Content_Type="text/html; charset=utf-16"), values=("7",)),
    Misbehaviour(
        "gzip unasked", _says(gzip.compress(GOOD), Content_Encoding="gzip"), values=("7",)
    ),
    Misbehaviour("gzip that is none", _says(GOOD, Content_Encoding="gzip"), UNAVAILABLE),
    Misbehaviour("a gzip bomb", _says(_bomb(), Content_Encoding="gzip"), TOO_LARGE),
    Misbehaviour("promises a huge body", _sends(head("Content-Length: 999999999999")), TOO_LARGE),
    Misbehaviour("10,000 series", _says(_series(10_000)), TOO_LARGE),
    Misbehaviour("as many series as are served", _says(_series(5000)), values=("1",) * 5000),
    Misbehaviour("NaN", _says(vector(({}, "NaN")))),
    Misbehaviour("infinities", _says(vector(({"a": "b"}, "+Inf"), ({}, "-Inf")))),
    Misbehaviour("a native histogram", _says(document("vector", [_HISTOGRAM]))),
    Misbehaviour("NaN among numbers", _says(vector(({"a": "b"}, "NaN"), ({}, "3"))), values=("3",)),
    Misbehaviour("warnings", _says(vector(({}, "3"), warnings=[SECRET])), values=("3",)),
    Misbehaviour("an empty vector", _says(vector())),
    Misbehaviour(
        "more than it should know",
        _says(GOOD[:-1] + b',"infos":["do-not-tell"],"new":{"a":[1]}}'),
        values=("7",),
    ),
)
