"""What the server does to an object that is written: clean it, fill in defaults, check it.

`prepare` works in place on the object that is about to be stored.
"""

import re
from typing import Final

from kube.vocab.labels import check_key, check_value
from kube.vocab.objects import StatusCause
from kube.vocab.times import Millis
from sandbox.apiserver.kinds.builtin_kinds import complete_builtin
from sandbox.apiserver.kinds.definitions import complete_definition
from sandbox.apiserver.kinds.resources import DEFINITIONS, NODES, Object, Resource
from sandbox.apiserver.kinds.schema_prune import apply_defaults, prune
from sandbox.apiserver.kinds.schema_validate import validate
from sandbox.apiserver.storage.errors import Invalid

_SUBDOMAIN: Final = re.compile(
    r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*", re.ASCII
)
_RBAC: Final = "rbac.authorization.k8s.io"
_NAME_RULE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
)


def prepare(resource: Resource, obj: Object, old: Object | None, now: Millis) -> None:
    """Make `obj` fit to be stored; `old` is None for a create. Raises Invalid.

    The status of a new object is the server's and the controllers' business, not its author's;
    only Nodes bring theirs along.
    """
    if old is None:
        if resource.status and resource.key != NODES.key:
            obj.pop("status", None)
        causes = _name_faults(resource, obj["metadata"]["name"])
    else:
        causes = []
    causes += _label_faults(obj["metadata"].get("labels"))
    if resource.schema is not None:
        prune(resource.schema, obj)
        apply_defaults(resource.schema, obj)
        causes += validate(resource.schema, obj, old)
    elif resource.key == DEFINITIONS.key:
        complete_definition(obj, old, now)
    else:
        causes += complete_builtin(resource, obj)
    if causes:
        raise Invalid.of(resource, obj["metadata"]["name"], causes)


def _name_faults(resource: Resource, name: str) -> list[StatusCause]:
    if resource.group == _RBAC:
        broken = "/" in name or "%" in name or name in (".", "..")
    else:
        broken = len(name) > 253 or not _SUBDOMAIN.fullmatch(name)
    if not broken:
        return []
    return [
        StatusCause("FieldValueInvalid", f'Invalid value: "{name}": {_NAME_RULE}', "metadata.name")
    ]


def _label_faults(labels: object) -> list[StatusCause]:
    if labels is None:
        return []
    if not isinstance(labels, dict):
        return [
            StatusCause("FieldValueTypeInvalid", "Invalid value: must be a map", "metadata.labels")
        ]
    causes = []
    for key, value in labels.items():
        if not isinstance(value, str):
            problem = "must be text; write numbers and booleans in quotes"
        else:
            problem = check_key(key) or check_value(value)
        if problem:
            message = f'Invalid value: "{key}={value}": {problem}'
            causes.append(StatusCause("FieldValueInvalid", message, "metadata.labels"))
    return causes
