"""The catalogue knows which autoscalers are on a target, through every change of them (D37)."""

import pytest

from kube.vocab.objects import ObjectMeta
from scaler.core.rivals import target_key
from scaler.core.wire import (
    Autoscaler,
    AutoscalerSpec,
    ExternalSource,
    MetricSource,
    TargetReference,
)
from scaler.state.catalogue import Catalogue

METRICS = (MetricSource("External", external=ExternalSource("backlog", high_watermark="100")),)


def reference(name: str) -> TargetReference:
    return TargetReference("Deployment", name, "apps/v1")


def wpa(name: str, target: str, *, highest: int = 10) -> Autoscaler:
    spec = AutoscalerSpec(reference(target), max_replicas=highest, metrics=METRICS)
    return Autoscaler(ObjectMeta(namespace="shop", name=name, uid=name), spec)


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(lambda _key, _at_once: None)


def on(catalogue: Catalogue, target: str) -> list[str]:
    return sorted(spec.name for spec in catalogue.on_target(target_key("shop", reference(target))))


def test_all_on_one_target_are_found(catalogue):
    for name, target in (("a", "web"), ("b", "web"), ("c", "api")):
        catalogue.on_added(("shop", name), wpa(name, target))
    assert on(catalogue, "web") == ["a", "b"]
    assert on(catalogue, "api") == ["c"]


def test_one_that_moves_becomes_invalid_or_goes_is_found_no_more(catalogue):
    for name in ("moves", "breaks", "goes", "stays"):
        catalogue.on_added(("shop", name), wpa(name, "web"))
    catalogue.on_changed(("shop", "moves"), wpa("moves", "api"))
    catalogue.on_changed(("shop", "breaks"), wpa("breaks", "web", highest=0))
    catalogue.on_deleted(("shop", "goes"))
    assert on(catalogue, "web") == ["stays"]
    assert on(catalogue, "api") == ["moves"]
    catalogue.on_changed(("shop", "breaks"), wpa("breaks", "web"))
    assert on(catalogue, "web") == ["breaks", "stays"]


def test_an_autoscaler_of_another_namespace_is_on_another_target(catalogue):
    catalogue.on_added(("shop", "a"), wpa("a", "web"))
    assert catalogue.on_target(target_key("elsewhere", reference("web"))) == ()


def test_it_shows_what_the_object_asks_for_now(catalogue):
    catalogue.on_added(("shop", "a"), wpa("a", "web"))
    catalogue.on_changed(("shop", "a"), wpa("a", "web", highest=20))
    (spec,) = catalogue.on_target(target_key("shop", reference("web")))
    assert spec.max_replicas == 20
