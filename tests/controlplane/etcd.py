"""What tests ask of etcd itself, over its JSON gateway."""

import base64
import json
import urllib.request
from typing import Any, Final

COMPACTED: Final = "compact_rev_key"


def compact(port: int) -> int:
    """Forget every revision before the newest, which is returned: lists at older ones are "410
    Gone" when the API server has cleared its snapshots, some 10 seconds later. Watches go on from
    its own memory; those are Gone after a restart.
    """
    newest = _post(port, "range", {"key": _base64(COMPACTED)})["header"]["revision"]
    # What the API server's own compaction writes, and watches to clear its snapshots.
    _post(port, "put", {"key": _base64(COMPACTED), "value": _base64(str(newest))})
    _post(port, "compaction", {"revision": newest, "physical": True})
    return int(newest)


def copy(source: int, target: int, prefix: str) -> int:
    """Put every value under `prefix`, which ends with a slash, into another etcd, and return how
    many there were. Each gets a revision of the other's, as it has no history of its own.
    """
    end = prefix.removesuffix("/") + chr(ord("/") + 1)
    found = _post(source, "range", {"key": _base64(prefix), "range_end": _base64(end)})
    pairs = found.get("kvs", [])
    for pair in pairs:
        _post(target, "put", {"key": pair["key"], "value": pair["value"]})
    return len(pairs)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _post(port: int, call: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v3/kv/{call}", json.dumps(body).encode(), method="POST"
    )
    # Without the environment's proxies: this is the machine itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.loads(answer.read())
