"""CustomResourceDefinitions: checking one, and turning it into the resources that it defines."""

from collections.abc import Iterator
from typing import Any

from kube.vocab.objects import StatusCause
from kube.vocab.times import Millis, format_rfc3339
from sandbox.apiserver.kinds.resources import DEFINITIONS, Column, Object, Resource, ScalePaths
from sandbox.apiserver.storage.errors import Invalid
from sandbox.apiserver.tables.jsonpath import JsonPathError, parse_path

_AGE = Column("Age", ".metadata.creationTimestamp", "date")


def complete_definition(obj: Object, old: Object | None, now: Millis) -> None:
    """Check a definition, fill in its defaults and accept its names. Raises Invalid."""
    name = obj["metadata"]["name"]
    causes = list(_faults(name, obj.get("spec") or {}))
    if causes:
        raise Invalid.of(DEFINITIONS, name, causes)
    spec = obj["spec"]
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    status = obj.setdefault("status", {})
    before = (old or {}).get("status", {}).get("conditions")
    status["conditions"] = before or [
        _accepted("NamesAccepted", "NoConflicts", "no conflicts found", now),
        _accepted(
            "Established", "InitialNamesAccepted", "the initial names have been accepted", now
        ),
    ]
    status["acceptedNames"] = names
    status["storedVersions"] = [item["name"] for item in spec["versions"] if item.get("storage")]


def defined_resources(definition: Object) -> Iterator[Resource]:
    """One resource for each served version, the storage version's first."""
    spec, names = definition["spec"], definition["spec"]["names"]
    for version in sorted(spec["versions"], key=lambda item: not item.get("storage")):
        if not version.get("served"):
            continue
        subresources = version.get("subresources") or {}
        columns = tuple(map(_column, version.get("additionalPrinterColumns") or ()))
        yield Resource(
            spec["group"],
            version["name"],
            names["plural"],
            names["kind"],
            tuple(names.get("shortNames") or ()),
            spec["scope"] == "Namespaced",
            status="status" in subresources,
            scale=_scale(subresources.get("scale")),
            generation=True,
            unconditional_update=False,
            categories=tuple(names.get("categories") or ()),
            columns=columns or (_AGE,),
            custom=True,
            singular=names["singular"],
            schema=(version.get("schema") or {}).get("openAPIV3Schema"),
        )


def _faults(name: str, spec: Object) -> Iterator[StatusCause]:
    names = spec.get("names") or {}
    for path, value in (
        ("spec.group", spec.get("group")),
        ("spec.names.plural", names.get("plural")),
        ("spec.names.kind", names.get("kind")),
        ("spec.versions", spec.get("versions")),
    ):
        if not value:
            yield StatusCause("FieldValueRequired", "Required value", path)
            return
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        yield StatusCause(
            "FieldValueNotSupported",
            f'Unsupported value: "{spec.get("scope", "")}": '
            'supported values: "Cluster", "Namespaced"',
            "spec.scope",
        )
    wanted = f"{names['plural']}.{spec['group']}"
    if name != wanted:
        yield StatusCause(
            "FieldValueInvalid",
            f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group',
            "metadata.name",
        )
    if sum(bool(version.get("storage")) for version in spec["versions"]) != 1:
        yield StatusCause(
            "FieldValueInvalid",
            "Invalid value: must have exactly one version marked as storage version",
            "spec.versions",
        )
    for index, version in enumerate(spec["versions"]):
        yield from _version_faults(version, f"spec.versions[{index}]")


def _version_faults(version: Object, path: str) -> Iterator[StatusCause]:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        yield StatusCause(
            "FieldValueRequired",
            "Required value: schemas are required",
            f"{path}.schema.openAPIV3Schema",
        )
    elif schema.get("type") != "object":
        yield StatusCause(
            "FieldValueInvalid",
            f'Invalid value: "{schema.get("type", "")}": must be object at the root',
            f"{path}.schema.openAPIV3Schema.type",
        )
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        try:
            parse_path(column.get("jsonPath", ""))
        except JsonPathError as error:
            yield StatusCause(
                "FieldValueInvalid",
                f'Invalid value: "{column.get("jsonPath", "")}": {error}',
                f"{path}.additionalPrinterColumns[{index}].jsonPath",
            )


def _column(wire: Object) -> Column:
    return Column(
        wire["name"],
        wire.get("jsonPath", ""),
        wire.get("type", "string"),
        wire.get("priority", 0),
        wire.get("format", ""),
        wire.get("description", ""),
    )


def _scale(wire: Any) -> ScalePaths | None:
    if wire is None:
        return None
    return ScalePaths(
        wire.get("specReplicasPath", ".spec.replicas"),
        wire.get("statusReplicasPath", ".status.replicas"),
        wire.get("labelSelectorPath", ""),
    )


def _accepted(kind: str, reason: str, message: str, now: Millis) -> Object:
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": format_rfc3339(now),
    }
