"""The product's own definition in the sandbox: what a real server takes and refuses."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kube.vocab.times import SystemClock
from sandbox.apiserver.kinds.catalogue import Catalogue
from sandbox.apiserver.kinds.resources import DEFINITIONS, Object, Resource
from sandbox.apiserver.storage.errors import Invalid
from sandbox.apiserver.storage.store import Store

MANIFEST = Path(__file__).parents[4] / "manifests/crd/datadoghq.com_watermarkpodautoscalers.yaml"


@pytest.fixture(scope="module")
def definition() -> Object:
    return dict(yaml.safe_load(MANIFEST.read_text()))


@pytest.fixture
def store(definition: Object) -> Store:
    store = Store(SystemClock())
    store.create(DEFINITIONS, "", definition)
    return store


@pytest.fixture
def autoscalers(store: Store) -> Resource:
    found = Catalogue(store).find("datadoghq.com", "v1alpha1", "watermarkpodautoscalers")
    assert found is not None
    return found


def autoscaler(**spec: Any) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {"metadata": {"name": "w"}, "spec": {"scaleTargetRef": target, "maxReplicas": 5, **spec}}


def external(**more: Any) -> list[Object]:
    return [{"type": "External", "external": {"metricName": "m", **more}}]


@pytest.mark.parametrize(
    "spec",
    [
        {"tolerance": 0},
        {"tolerance": "1e-2"},
        {"tolerance": "250m"},
        {"metrics": external(highWatermark="10e3", lowWatermark=5)},
        {"metrics": []},
        {"metrics": None},
        {"dryRun": None},
        {"algorithm": "anything"},
        {"minAvailableReplicaPercentage": -5},
    ],
)
def test_taken(store: Store, autoscalers: Resource, spec: Object):
    made = store.create(autoscalers, "default", autoscaler(**spec))
    assert made["spec"]["minReplicas"] == 1
    assert all(value is not None for value in made["spec"].values())


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        *(
            ({"tolerance": text}, "spec.tolerance")
            for text in (0.01, "", "10%", "0,1", " 0.1", "5.5.5", "1Zi")
        ),
        *(
            ({name: 0}, f"spec.{name}")
            for name in (
                "minReplicas",
                "maxReplicas",
                "upscaleForbiddenWindowSeconds",
                "downscaleForbiddenWindowSeconds",
                "readinessDelaySeconds",
                "replicaScalingAbsoluteModulo",
            )
        ),
        ({"upscaleDelayAboveWatermarkSeconds": -1}, "spec.upscaleDelayAboveWatermarkSeconds"),
        ({"minAvailableReplicaPercentage": 101}, "spec.minAvailableReplicaPercentage"),
        ({"maxReplicas": "5"}, "spec.maxReplicas"),
        ({"maxReplicas": 2**31}, "spec.maxReplicas"),
        ({"scaleTargetRef": None}, "spec.scaleTargetRef"),
        ({"metrics": [{"external": {"metricName": "m"}}]}, "spec.metrics[0].type"),
        ({"metrics": external(highWatermark="ten")}, "spec.metrics[0].external.highWatermark"),
    ],
)
def test_refused(store: Store, autoscalers: Resource, spec: Object, field: str):
    with pytest.raises(Invalid) as refusal:
        store.create(autoscalers, "default", autoscaler(**spec))
    details = refusal.value.details
    assert details is not None
    assert [cause.field for cause in details.causes or ()] == [field]


def test_first_status_carries_both_counts(store: Store, autoscalers: Resource):
    made = store.create(autoscalers, "default", autoscaler())
    made["status"] = {"currentReplicas": 1}
    with pytest.raises(Invalid, match="desiredReplicas"):
        store.update(autoscalers, "default", "w", made, "status")
    made["status"] = {"currentReplicas": 1, "desiredReplicas": 2, "unknown": True}
    written = store.update(autoscalers, "default", "w", made, "status")
    assert written["status"] == {"currentReplicas": 1, "desiredReplicas": 2}
    assert written["metadata"]["generation"] == 1


def test_every_served_version_shows_the_same_object(store: Store, definition: Object):
    """Nothing is converted: only the version that is spoken differs."""
    newer = {**definition["spec"]["versions"][0], "name": "v1", "storage": False}
    changed = store.get(DEFINITIONS, "", definition["metadata"]["name"])
    changed["spec"]["versions"].append(newer)
    store.update(DEFINITIONS, "", definition["metadata"]["name"], changed)
    catalogue = Catalogue(store)
    old, new = (
        catalogue.find("datadoghq.com", version, "watermarkpodautoscalers")
        for version in ("v1alpha1", "v1")
    )
    assert old is not None
    assert new is not None
    store.create(new, "default", autoscaler())
    assert store.get(old, "default", "w") == store.get(new, "default", "w")
