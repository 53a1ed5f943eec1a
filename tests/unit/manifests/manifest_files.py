"""The shipped manifests, read as data."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
MANIFESTS = ROOT / "manifests"
CRD_FILE = MANIFESTS / "crd" / "datadoghq.com_watermarkpodautoscalers.yaml"
LAYERS = (
    "namespace", "crd", "adapter", "scaler", "default", "with-cert-manager",
    "with-managed-certificates", "grafana",
)  # fmt: skip

Object = dict[str, Any]

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not on PATH, and it is what reads kustomize"
)


def yaml_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.yaml"))


def documents(path: Path) -> list[Object]:
    return [entry for entry in yaml.safe_load_all(path.read_text()) if entry is not None]


def objects_below(folder: Path) -> Iterator[tuple[Path, Object]]:
    """Kubernetes objects, without kustomizations and without files of other formats."""
    for path in yaml_files(folder):
        for entry in documents(path):
            if "kind" in entry and not entry["apiVersion"].startswith("kustomize."):
                yield path, entry


@cache
def kustomize(layer: str) -> tuple[Object, ...]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(MANIFESTS / layer)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def only(objects: tuple[Object, ...], kind: str, name: str) -> Object:
    found = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} objects {kind}/{name}"
    return found[0]


@cache
def crd_version() -> Object:
    """The one version of the CRD; shared, not to be changed."""
    (crd,) = documents(CRD_FILE)
    (version,) = crd["spec"]["versions"]
    return dict(version)


def crd_schema() -> Object:
    schema: Object = crd_version()["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Object, path: str = "") -> Iterator[tuple[str, Object]]:
    """Every schema with its path, `[]` for the items of a list and `{}` for the values of a map."""
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from nodes(below, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")
