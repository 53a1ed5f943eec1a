"""The catalogue: what is due when, and what is remembered of an object for how long."""

from typing import Any

import msgspec
import pytest

from kube.client.items import Key, Undecodable, decode_item
from scaler.core.observed import Memory
from scaler.core.wire import Autoscaler, AutoscalerStatus
from scaler.state.catalogue import Catalogue, Entry
from scaler.state.feed import Feed

KEY: Key = ("shop", "web")
_DECODER = msgspec.json.Decoder(Autoscaler)
STATUS = {"currentReplicas": 4, "desiredReplicas": 4, "lastScaleTime": "2026-01-31T12:00:00Z"}


def item(*, status: Any = None, version: str = "1", meta: Any = None, **spec: Any) -> Any:
    """An object as a reflector decodes it."""
    external = {"metricName": "backlog", "highWatermark": "10", "lowWatermark": "1"}
    wire = {
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": version}
        | (meta or {}),
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"},
            "maxReplicas": 5,
            "metrics": [{"type": "External", "external": external}],
        }
        | spec,
        "status": STATUS if status is None else status,
    }
    return decode_item(msgspec.json.encode(wire), _DECODER)


class World:
    """A catalogue with what it found due."""

    def __init__(self, *, lists: int = 1) -> None:
        self.due: list[tuple[Key, bool]] = []
        self.catalogue = Catalogue(
            lambda key, at_once: self.due.append((key, at_once)), lists=lists
        )

    def synced(self) -> bool:
        return self.catalogue.synced

    def entry(self) -> Entry:
        found = self.catalogue.get(KEY)
        assert found is not None
        return found


def test_what_the_first_list_brings_waits_and_what_comes_later_does_not():
    w = World()
    w.catalogue.on_added(KEY, item())
    assert not w.synced()
    w.catalogue.on_synced()
    assert w.synced()
    w.catalogue.on_deleted(KEY)
    w.catalogue.on_added(KEY, item())
    assert w.due == [(KEY, False), (KEY, True)]


def test_every_reflectors_first_list_has_to_be_in():
    w = World(lists=2)
    one, other = Feed(w.catalogue), Feed(w.catalogue)
    one.on_synced()
    one.on_synced()
    assert not w.synced()
    other.on_synced()
    assert w.synced()


def test_only_what_a_decision_looks_at_makes_an_object_due_at_once():
    w = World()
    w.catalogue.on_added(KEY, item())
    w.due.clear()
    w.catalogue.on_changed(KEY, item(version="2", status=STATUS | {"currentReplicas": 5}))
    w.catalogue.on_changed(KEY, item(version="3", meta={"labels": {"team": "a"}}))
    assert w.due == []
    w.catalogue.on_changed(KEY, item(version="4", maxReplicas=7))
    w.catalogue.on_changed(KEY, item(version="5", maxReplicas=0))
    w.catalogue.on_changed(KEY, item(version="6", maxReplicas="many"))
    annotations = {"wpa.datadoghq.com/skip-owner-check": "true"}
    w.catalogue.on_changed(KEY, item(version="7", meta={"annotations": annotations}))
    going = {"annotations": annotations, "deletionTimestamp": "2026-01-31T12:00:00Z"}
    w.catalogue.on_changed(KEY, item(version="8", meta=going))
    assert w.due == [(KEY, True)] * 5


def test_our_own_status_is_ahead_of_what_the_watch_brings_back():
    w = World()
    w.catalogue.on_added(KEY, item())
    entry = w.entry()
    entry.status = AutoscalerStatus(current_replicas=9)
    entry.memory = Memory(last_scale=1)
    w.catalogue.on_changed(KEY, item(version="2"))
    assert w.entry() is entry
    assert entry.status.current_replicas == 9
    w.catalogue.forget()
    assert entry.status.current_replicas == 4
    assert w.entry().memory is None
    assert w.entry().last is None


def test_a_deleted_objects_entry_knows_it_and_is_not_taken_up_again():
    w = World()
    w.catalogue.on_added(KEY, item())
    entry = w.entry()
    entry.upscaled = 3
    w.catalogue.on_deleted(KEY)
    assert entry.deleted
    w.catalogue.on_added(KEY, item(meta={"uid": "v"}))
    assert w.entry() is not entry
    assert w.entry().upscaled == 0
    assert not w.entry().deleted


def test_an_undecodable_object_keeps_its_status_its_generation_and_its_finalizers():
    meta = {"generation": 7, "finalizers": ["a/b"], "deletionTimestamp": "2026-01-31T12:00:00Z"}
    broken = item(maxReplicas="many", meta=meta)
    assert isinstance(broken, Undecodable)
    w = World()
    w.catalogue.on_added(KEY, broken)
    entry = w.entry()
    assert entry.spec is None
    assert "maxReplicas" in entry.refusal
    assert entry.status.last_scale_time == "2026-01-31T12:00:00Z"
    assert entry.autoscaler.metadata.generation == 7
    assert entry.autoscaler.metadata.finalizers == ["a/b"]
    assert entry.autoscaler.metadata.deletion_timestamp is not None


def test_an_object_nested_beyond_all_reason_is_refused_like_any_that_does_not_fit():
    deep = b'{"metadata":{"name":"web"},"surprise":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    broken = decode_item(deep, _DECODER)
    assert isinstance(broken, Undecodable)
    w = World()
    w.catalogue.on_added(KEY, broken)
    assert "recursion" in w.entry().refusal
    assert w.entry().written is None


@pytest.mark.parametrize("generation", [True, 1.5, "7", None])
def test_a_generation_that_is_no_number_is_none(generation):
    broken = item(maxReplicas="many", meta={"generation": generation})
    assert (broken.metadata.generation, type(broken.metadata.generation)) == (0, int)


def test_a_status_that_does_not_fit_is_written_anew():
    w = World()
    w.catalogue.on_added(KEY, item(status={"currentReplicas": "four"}))
    assert "currentReplicas" in w.entry().refusal
    assert w.entry().status == AutoscalerStatus()
    assert w.entry().written is None
