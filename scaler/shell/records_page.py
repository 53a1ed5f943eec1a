"""`GET /records?autoscaler=NAMESPACE/NAME`: the flight recorder as JSON lines, oldest first.

Each line is one evaluation decided again: what was seen, each rule's effect, the rule that bound,
and what would have to be different. Without a query the page covers every autoscaler.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
from aiohttp import web

from kube.vocab.times import SECOND, Millis, format_micro
from scaler.core.counterfactual import counterfactual
from scaler.core.observed import Reading
from scaler.core.record import Record, replay
from scaler.core.sentence import sentence
from scaler.core.spec import Spec
from scaler.state.catalogue import Catalogue, Entry

MEDIA: str = "application/jsonl"


def records_page(catalogue: Catalogue) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler; lines are made and sent one object at a time, so that nobody waits long."""

    async def handle(request: web.Request) -> web.StreamResponse:
        wanted = request.query.get("autoscaler", "")
        entries = [entry for entry in catalogue if wanted in ("", entry.title)]
        if wanted and not entries:
            return web.Response(
                status=404, text=f"no autoscaler {wanted!r}; name it as NAMESPACE/NAME\n"
            )
        response = web.StreamResponse(headers={"Content-Type": MEDIA})
        await response.prepare(request)
        for entry in entries:
            for line in _lines(entry):
                await response.write(line)
        await response.write_eof()
        return response

    return handle


def _lines(entry: Entry) -> Iterator[bytes]:
    for record, spec in entry.flight.records():
        yield msgspec.json.encode(_told(entry, record, spec)) + b"\n"


def _told(entry: Entry, record: Record, spec: Spec) -> dict[str, Any]:
    decision = replay(record, spec)
    pods = decision.pods
    return {
        "autoscaler": entry.title,
        "at": format_micro(record.at),
        "rule": decision.rule,
        "applied": record.applied.kind,
        "currentReplicas": decision.current,
        "desiredReplicas": decision.desired,
        "countedPods": pods.counted if pods else None,
        "readings": [
            _reading(name, reading, record.at)
            for name, reading in zip(_names(spec), decision.readings, strict=False)
        ],
        "steps": [
            {"rule": step.rule, "from": step.before, "to": step.after, "waitMs": step.wait}
            for step in decision.steps
        ],
        "decision": sentence(spec, decision, record.applied),
        "otherwise": counterfactual(spec, record.observed, decision).text,
    }


def _reading(name: str, reading: Reading, now: Millis) -> dict[str, Any]:
    return {
        "metric": name,
        "state": reading.state,
        "milli": reading.value if reading.good else None,
        "series": reading.series,
        "ageSeconds": None if reading.at is None else (now - reading.at) / SECOND,
    }


def _names(spec: Spec) -> list[str]:
    return [signal.name for signal in spec.signals]
