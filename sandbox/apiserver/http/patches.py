"""The patch types that the API speaks, as functions from an object and a patch to an object."""

from enum import StrEnum
from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException

from sandbox.apiserver.http.strategic import strategic_merge
from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import BadRequest, Invalid, UnsupportedMediaType
from sandbox.apiserver.storage.stamping import copied


class PatchType(StrEnum):
    """The content types of patches."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


def patch_type(content_type: str, resource: Resource) -> PatchType:
    """The kind of a patch. Raises UnsupportedMediaType, also for strategic ones of custom kinds."""
    accepted = [kind for kind in PatchType if not (kind is PatchType.STRATEGIC and resource.custom)]
    if content_type not in accepted:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(accepted)
        )
    return PatchType(content_type)


def patched(kind: PatchType, resource: Resource, obj: Object, patch: Any) -> Object:
    """A new object: `obj` with `patch` applied. Raises BadRequest or Invalid."""
    if kind is PatchType.JSON:
        result = _json_patch(resource, obj, patch)
    elif not isinstance(patch, dict):
        raise BadRequest("a patch of this type has to be an object")
    elif kind is PatchType.MERGE or resource.custom:
        result = merge_patch(copied(obj), patch)
    else:
        result = strategic_merge(copied(obj), patch)
    if not isinstance(result, dict) or not isinstance(result.get("metadata"), dict):
        raise BadRequest("the patch leaves no object with metadata")
    return result


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: members replace members, null removes, lists are values."""
    if not isinstance(patch, dict):
        return patch
    result = target if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def _json_patch(resource: Resource, obj: Object, patch: Any) -> Any:
    if not isinstance(patch, list):
        raise BadRequest("a JSON patch has to be a list of operations")
    name = obj["metadata"]["name"]
    try:
        return jsonpatch.apply_patch(copied(obj), patch)
    except (jsonpatch.JsonPatchConflict, jsonpatch.JsonPatchTestFailed) as error:
        raise _refused(resource, name, error) from None
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError) as error:
        raise BadRequest(f"the JSON patch cannot be applied: {error}") from None


def _refused(resource: Resource, name: str, error: Exception) -> Invalid:
    refusal = Invalid.of(resource, name, [])
    refusal.message = f"the server rejected our request due to an error in our request: {error}"
    return refusal
