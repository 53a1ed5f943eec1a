"""Hashes of pod templates and numbers of rollouts. Pure."""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from sandbox.apiserver.kinds.resources import Object

TEMPLATE_HASH: Final = "pod-template-hash"
REVISION: Final = "deployment.kubernetes.io/revision"
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_LENGTH: Final = 10


def template_hash(owner: Object) -> str:
    """Ten letters that change with the pod template of `owner`.

    The owner's uid goes in, so that two owners with the same template and labels never mistake
    each other's pods for their own.
    """
    template = msgspec.json.encode(owner["spec"]["template"], order="deterministic")
    digest = hashlib.sha256(owner["metadata"]["uid"].encode() + template).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_LENGTH])


def revision_of(obj: Object) -> int:
    """The number of the rollout that a ReplicaSet stands for, 0 before it has one."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def next_revision(replicasets: Iterable[Object]) -> int:
    """The number of a rollout that follows those of `replicasets`."""
    return max((revision_of(item) for item in replicasets), default=0) + 1
