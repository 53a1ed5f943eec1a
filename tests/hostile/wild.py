"""Requests of the adapter as an attacker, a broken client or a port scanner would send them.

Every one is made from a `Random` alone, so that its seed repeats it.
"""

from random import Random
from typing import Final
from urllib.parse import quote, quote_from_bytes

from msgspec import Struct

from tests.integration.adapter.kit.server import ROOT

_KEYS: Final = ("queue", "a", "app.kubernetes.io/name", "__name__", "namespace", "le", "x-y", "É")
_VALUES: Final = (
    "a", "b.c", "", "A-1_z", "x" * 63, "x" * 64, "-", '"', '"}) or vector(1)#', "a\\", "`", "{{",
    '",namespace="kube-system', "a|b", ".*", "\\Q", "é", "\u202e", "\x00", "\n", "%",
    "<<.Series>>", "a b", "a,b", "a)b", "$1", "\ud83d\ude00", "\x7f", "'", "#", ";",
)  # fmt: skip
_SELECTORS: Final = (
    "{k}={v}", "{k}=={v}", "{k}!={v}", "{k} in ({v},{w})", "{k} notin ({v},{w})", "{k}", "!{k}",
    "{k}>{v}", "{k}<1", "{v}", "{k} in {v}", "{k}=({v})", "({k}", "{k}=~{v}", "{k}={v},{w}",
)  # fmt: skip
_INJECTIONS: Final = (
    'queue="}) or on() vector(9)#', "queue=a} or up{a=b", "queue=a\x00", "queue in (a\nb)",
    'queue=a"} offset 1d #', "__name__=~.+", "queue=a,namespace=kube-system", "queue=${jndi:x}",
    "queue=<<.LabelMatchers>>", "a" * 65536, "a=b," * 16384, "(" * 30000, "!" * 30000,
    "a in (" * 9,
)  # fmt: skip
_NAMESPACES: Final = (
    "default", "default", "default", "*", "", ".", "..", "a b", '"', '"}', "a\\", "é", "\x00",
    "\n", "x" * 300, "x" * 9000, "a/b", "%2F", "<<.Series>>", "'", "`",
    "kube-system\"} or up{a=\"",
)  # fmt: skip
_METRICS: Final = (
    "queue_depth", "queue_depth", "queue_depth", "QUEUE_DEPTH", "nope", "*", "a/b", "",
)  # fmt: skip
_ELSEWHERE: Final = (
    "/", "/apis", ROOT, f"{ROOT}/namespaces", "/openapi/v2", "/openapi/v3", "/metrics", "/version",
    "/healthz", "/readyz/x", "//", "/../../etc/passwd", "/apis/%00", "/%ff", "/debug/pprof", "*",
    "/debug/rules", "/debug/query", "https://other" + ROOT, "/apis/" + "a" * 2000, "/?a=b",
    "/livez?x",
)  # fmt: skip
_BROKEN: Final = (
    "%", "%4", "%ZZ", "%ff", "%c0%af", "%ed%a0%80", "%00", "%0d%0aX: y", "%F0%9F", "+",
)  # fmt: skip
_PARAMETERS: Final = (
    "limit={v}", "timeout={v}", "watch={v}", "fieldSelector={v}", "pretty={v}", "continue={v}",
    "{v}={v}", "timeoutSeconds={v}", "timeout=1ns", "timeout=99999999999h", "limit=1e9", "watch=1",
    "fieldSelector=metadata.name%3D{v}", "labelSelector={v}", ";{v}", "&&&=", "{v}",
)  # fmt: skip
_SPLITS: Final = (b"\r\n", b"\n", b"\x00", b" ", b"\t", b":", b"\r\n\r\n")
_METHODS: Final = (
    *["GET"] * 24, "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
)  # fmt: skip
_HEADERS: Final = (
    "Accept: text/html", "Accept: application/json;as=Table", "Accept: " + "a," * 2000,
    "Accept: ;;q=,", "Accept: */*;q=x", "X-Remote-User: system:admin",
    "X-Remote-Group: system:masters", "If-None-Match: *", "X-Remote-Extra-%ff: a",
    "X-Remote-Extra-: b", "Authorization: Bearer x", "Authorization: Bearer",
    "Authorization: Basic eDp5", "Impersonate-User: root", "Content-Length: 0", "Range: bytes=0-1",
    "Expect: 100-continue", "Expect: x", "Host: b", "Upgrade: h2c", "Connection: upgrade",
    "Accept-Encoding: gzip", "User-Agent: curl/8", "Cookie: a=b", "X: " + "y" * 5000,
    "Forwarded: for=x", "X-Remote-User: \xff", "Accept: application/json\x01",
)  # fmt: skip


class Wild(Struct, frozen=True):
    """One request as it goes over the wire."""

    raw: bytes
    selector: str | None = None
    """The label selector that the request surely carries, in clear."""
    proxied: bool = True
    """Whether the connection shows the front proxy's certificate."""
    whole: bool = True
    """Whether it is sure to end: something has to come back."""


def any_request(random: Random) -> Wild:
    """A request, most of them for a metric."""
    proxied = random.random() < 0.8
    method = random.choice(_METHODS)
    target, selector = _target(random)
    headers = [random.choice(_HEADERS) for _ in range(random.choice((0, 0, 0, 1, 2)))]
    identity = ["X-Remote-User: hpa"] if random.random() < 0.9 else []
    lines = [f"{method} {target} HTTP/1.1", "Host: adapter", *identity, *headers, "", ""]
    raw = "\r\n".join(lines).encode("utf-8", errors="surrogatepass")
    if random.random() < 0.2:
        return Wild(_damaged(random, raw), proxied=proxied, whole=False)
    whole = not any(name in raw for name in (b"upgrade", b"CONNECT"))
    return Wild(raw, selector if method == "GET" else None, proxied, whole)


def any_selector(random: Random) -> str:
    """Something for `labelSelector`, good or bad."""
    if random.random() < 0.2:
        return random.choice(_INJECTIONS)
    # Half of them have to get through, or nothing beyond the parser is ever reached.
    good = random.random() < 0.5
    keys, values = (_KEYS[:2], _VALUES[:5]) if good else (_KEYS, _VALUES)
    shapes = _SELECTORS[:7] if good else _SELECTORS
    parts = []
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        shape = random.choice(shapes)
        one, other = random.choice(values), random.choice(values)
        parts.append(
            shape.replace("{k}", random.choice(keys)).replace("{v}", one).replace("{w}", other)
        )
    return ",".join(parts)


def _target(random: Random) -> tuple[str, str | None]:
    if random.random() < 0.15:
        return random.choice(_ELSEWHERE), None
    namespace = quote(random.choice(_NAMESPACES), safe=random.choice(("", "*.")))
    metric = quote(random.choice(_METRICS), safe="")
    path = f"{ROOT}/namespaces/{namespace}/{metric}"
    chance = random.random()
    if chance < 0.6:
        selector = any_selector(random)
        encoded = quote_from_bytes(selector.encode("utf-8", errors="surrogatepass"), safe="")
        sure = selector if selector.isprintable() else None
        return f"{path}?labelSelector={encoded}", sure
    if chance < 0.75:
        return f"{path}?labelSelector={random.choice(_BROKEN)}{random.choice(_BROKEN)}", None
    given = [
        random.choice(_PARAMETERS).replace("{v}", quote(_clean(random.choice(_VALUES)), safe=""))
        for _ in range(random.choice((1, 2, 5, 200)))
    ]
    return f"{path}?{'&'.join(given)}", None


def _clean(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode()


def _damaged(random: Random, raw: bytes) -> bytes:
    """`raw` with a few bytes gone, changed, doubled, or split where nothing should be split."""
    data = bytearray(raw)
    for _ in range(random.choice((1, 1, 2, 8))):
        at = random.randrange(len(data))
        match random.randrange(5):
            case 0:
                del data[at : at + random.randrange(1, 9)]
            case 1:
                data[at] = random.randrange(256)
            case 2:
                data[at:at] = random.choice(
                    (b"\r\n", b"\n", b"\x00", b" ", b"\t", b":", b"\r\n\r\n")
                )
            case 3:
                data[at:at] = data[at : at + 40]
            case _:
                data[at:at] = random.choice(
                    (b"\r\nContent-Length: 5", b"\r\nTransfer-Encoding: chunked", b"\r\nHost: c")
                )
        if not data:
            data = bytearray(b"\r\n")
    return bytes(data)
