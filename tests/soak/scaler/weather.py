"""What goes wrong on the way to the API server and to the metrics, in spells that a seed chooses.

Only the scalers meet it. Every fault is one that real servers, load balancers and networks show.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final
from weakref import WeakSet

from aiohttp import web
from msgspec import Struct

from kube.vocab.selectors import parse_selector
from tests.soak.scaler.consumers import LABEL

AGENT: Final = "wpa-controller"
METRICS: Final = "/apis/external.metrics.k8s.io/"

REFUSALS: Final = {
    "429": (429, "TooManyRequests"),
    "500": (500, "InternalError"),
    "503": (503, "ServiceUnavailable"),
    "504": (504, "Timeout"),
    "409": (409, "Conflict"),
    "410": (410, "Expired"),
}
API_FAULTS: Final = (*REFUSALS, "slow", "hung", "closed", "lost", "cut", "down")
"""Answers by code; answers that come late, never, or not because the connection is closed before
or after the work is done; watches cut; and a server that is gone altogether."""
METRIC_FAULTS: Final = (
    *("empty", "NaN", "+Inf", "negative", "stale", "404", "metrics 503", "garbage", "late"),
)
SLOW: Final = 8.0
HUNG: Final = 40.0
"""Seconds: within, and beyond what a client waits."""


class Spell(Struct, frozen=True):
    """Faults that hold for a while, each for its share of requests; the others pass."""

    seconds: float
    faults: dict[str, float]
    """The part of the requests that meets it; for those of metrics, of the objects."""

    def __str__(self) -> str:
        told = (f"{name} {share:.0%}" for name, share in self.faults.items())
        return ", ".join(told) or "calm"


def spell(random: Random, longest: float, possible: Sequence[str]) -> Spell:
    """The next spell of bad weather, out of what is possible."""
    kinds = random.sample(possible, random.choice((1, 1, 2, 3)))
    faults = {kind: random.choice((0.1, 0.3, 0.6, 1.0)) for kind in kinds}
    return Spell(random.uniform(longest / 10, longest), faults)


class Weather:
    """Stands in the gate: before requests, and before their answers."""

    def __init__(self, random: Random) -> None:
        self.now = Spell(0, {})
        self.met: Counter[str] = Counter()
        """Requests that met a fault, by fault."""
        self._random = random
        self._watches: WeakSet[asyncio.Transport] = WeakSet()

    def turns(self, spell: Spell) -> None:
        """From now on the weather is like this."""
        self.now = spell
        if {"cut", "down"} & set(spell.faults):
            for transport in tuple(self._watches):
                self._hit("cut")
                transport.abort()

    def on_metric(self, name: str) -> str:
        """The fault that an object's metric has now, "" for none: the same for a whole spell."""
        for kind, share in self.now.faults.items():
            place = Random(f"{kind} {name} {self.now.seconds}").random()
            if kind in METRIC_FAULTS and place < share:
                self._hit(kind)
                return kind
        return ""

    async def before(self, request: web.Request) -> web.Response | None:
        """The answer of the weather, None where it lets the request pass."""
        if request.headers.get("User-Agent") != AGENT:
            return None
        for kind, share in tuple(self.now.faults.items()):
            if kind in API_FAULTS and kind != "lost" and self._random.random() < share:
                answer = await self._fault(kind, request)
                if answer is not None:
                    return answer
        if request.query.get("watch") and request.transport is not None:
            self._watches.add(request.transport)
        return None

    def loses(self, request: web.Request) -> bool:
        """Whether the client never hears that its request was carried out."""
        share = self.now.faults.get("lost", 0.0)
        agent = request.headers.get("User-Agent")
        lost = agent == AGENT and request.method != "GET" and self._random.random() < share
        if lost:
            self._hit("lost")
        return lost

    def _hit(self, kind: str) -> None:
        self.met[kind] += 1

    async def _fault(self, kind: str, request: web.Request) -> web.Response | None:
        """What a fault does to a request; None where it does not concern it, or only delays."""
        writes, watches = request.method != "GET", bool(request.query.get("watch"))
        if kind == "cut" or (kind == "409" and not writes) or (kind == "410" and not watches):
            return None
        self._hit(kind)
        if kind == "slow":
            await asyncio.sleep(self._random.uniform(0.1, SLOW))
            return None
        if kind == "hung":
            await asyncio.sleep(HUNG)
        if kind in ("hung", "closed", "down"):
            _abort(request)
        return _failure(*REFUSALS.get(kind, (503, "ServiceUnavailable")))


def asked_for(request: web.Request) -> str:
    """The name of the object whose metric is asked for."""
    selector = parse_selector(request.query.get("labelSelector", ""))
    (name,) = (one.values[0] for one in selector.requirements if one.key == LABEL)
    return str(name)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _failure(code: int, reason: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": "bad weather"}
    headers = {"Retry-After": "1"} if code == 429 else {}
    return web.json_response(body, status=code, headers=headers)
