"""Strategic merge patches of built-in kinds: lists whose elements have a key are merged by it.

The real server takes the keys from its Go types; here they are found by the list's name, which is
unambiguous for the kinds served (ports of a Service, whose key differs, are told by their parent).
"""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.apiserver.storage.errors import BadRequest

_MERGE_KEYS: Final[Mapping[str, str]] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "secrets": "name",
    "conditions": "type",
    "addresses": "type",
    "ownerReferences": "uid",
    "hostAliases": "ip",
    "podIPs": "ip",
    "topologySpreadConstraints": "topologyKey",
}
_SETS: Final = ("finalizers",)
_DIRECTIVES: Final = ("$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys")


def strategic_merge(target: Any, patch: Any) -> Any:
    """`target` with `patch` applied. Raises BadRequest for a patch that makes no sense."""
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    _merge_members(result, patch)
    for name, gone in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            result[field] = [item for item in result.get(field) or [] if item not in gone]
    return result


def _merge_members(result: dict[str, Any], patch: Mapping[str, Any]) -> None:
    for name, value in patch.items():
        if name == "$patch" or name.startswith(_DIRECTIVES):
            continue
        if value is None:
            result.pop(name, None)
        elif isinstance(value, list):
            result[name] = _merge_list(name, result.get(name) or [], value, patch)
        else:
            result[name] = strategic_merge(result.get(name), value)


def _merge_list(name: str, target: list[Any], patch: list[Any], around: Mapping[str, Any]) -> Any:
    if name in _SETS:
        return target + [item for item in patch if item not in target]
    key = _key_of(name, target, patch)
    if key is None:
        return patch
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if item.get("$patch") != "replace"]
    merged = {item.get(key): item for item in target if isinstance(item, dict)}
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise BadRequest(
                f"map: {item} does not contain declared merge key: {key} (in the list {name})"
            )
        if item.get("$patch") == "delete":
            merged.pop(item[key], None)
        else:
            merged[item[key]] = strategic_merge(merged.get(item[key]), item)
    return _ordered(merged, key, around.get(f"$setElementOrder/{name}"))


def _key_of(name: str, target: list[Any], patch: list[Any]) -> str | None:
    if name == "ports":
        elements = [item for item in (*target, *patch) if isinstance(item, dict)]
        return "containerPort" if any("containerPort" in item for item in elements) else "port"
    return _MERGE_KEYS.get(name)


def _ordered(merged: dict[Any, Any], key: str, order: Any) -> list[Any]:
    if not isinstance(order, list):
        return list(merged.values())
    wanted = [item.get(key) for item in order if isinstance(item, dict)]
    others = [name for name in merged if name not in wanted]
    return [merged[name] for name in (*wanted, *others) if name in merged]
