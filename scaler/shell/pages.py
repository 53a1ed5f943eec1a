"""`GET /autoscalers`: what each autoscaler saw and decided last, as JSON (W-O06)."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from kube.vocab.quantity import format_milli
from kube.vocab.times import Millis, format_rfc3339
from scaler.core.metric_spec import Metric
from scaler.core.recommender import Advice, Recommender
from scaler.core.sentence import sentence
from scaler.core.spec import Spec
from scaler.core.trace import Decision
from scaler.state.catalogue import Catalogue, Entry


def autoscalers_page(catalogue: Catalogue) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler. Objects are listed by namespace and name."""

    async def handle(_request: web.Request) -> web.Response:
        entries = sorted(catalogue, key=lambda entry: entry.key)
        body = msgspec.json.encode({"autoscalers": [_shown(entry) for entry in entries]})
        return web.Response(body=body, content_type="application/json")

    return handle


def _shown(entry: Entry) -> dict[str, Any]:
    namespace, name = entry.key
    shown: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "uid": entry.autoscaler.metadata.uid,
    }
    if entry.refusal:
        return shown | {"rule": "invalid_spec", "decision": entry.refusal}
    if entry.last is None:
        return shown | {"rule": "", "decision": "not evaluated yet"}
    spec, decision, applied = entry.last.spec, entry.last.decision, entry.last.applied
    pods = decision.pods
    return shown | {
        "target": f"{spec.target.kind}/{spec.target.name}",
        "at": format_rfc3339(decision.at),
        "rule": decision.rule,
        "decision": sentence(spec, decision, applied),
        "currentReplicas": decision.current,
        "desiredReplicas": decision.desired,
        "runningReplicas": decision.running,
        "ownedPods": pods.owned if pods else None,
        "readyPods": pods.ready if pods else None,
        "countedPods": pods.counted if pods else None,
        "lastScaleTime": _time(decision.memory.last_scale),
        "metrics": _metrics(spec, decision),
        "steps": [
            {"rule": step.rule, "from": step.before, "to": step.after} for step in decision.steps
        ],
    }


def _metrics(spec: Spec, decision: Decision) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for index, signal in enumerate(spec.signals):
        reading = decision.readings[index] if index < len(decision.readings) else None
        proposal = decision.proposals[index] if index < len(decision.proposals) else None
        found.append(
            {
                "type": signal.kind if isinstance(signal, Metric) else "Recommender",
                "name": signal.name,
                "selector": str(signal.selector) if isinstance(signal, Metric) else "",
                "state": reading.state if reading else "not read",
                "valid": bool(reading and reading.good),
                "sum": format_milli(reading.value) if reading and reading.good else None,
                "value": format_milli(proposal.usage) if proposal else None,
                "timestamp": _time(reading.at if reading else None),
                "lowWatermark": _milli(signal.low),
                "highWatermark": _milli(signal.high),
                "proposal": proposal.replicas if proposal else None,
            }
        )
        if isinstance(signal, Recommender):
            found[-1] |= _advice(reading.advice if reading else None)
    return found


def _advice(advice: Advice | None) -> dict[str, Any]:
    return {
        "recommended": advice.replicas if advice else None,
        "lowerBound": advice.lower if advice else None,
        "upperBound": advice.upper if advice else None,
        "reason": advice.reason if advice else None,
    }


def _milli(value: int | None) -> str | None:
    return None if value is None else format_milli(value)


def _time(moment: Millis | None) -> str | None:
    return None if moment is None else format_rfc3339(moment)
