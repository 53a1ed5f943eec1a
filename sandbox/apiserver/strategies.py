"""What the server does to objects of its own kinds when they are written: defaults and checks."""

from kube.vocab.times import Millis
from sandbox.apiserver.resources import Object, Resource


def prepare(resource: Resource, obj: Object, old: Object | None, now: Millis) -> None:
    """Fill in defaults of built-in kinds; `old` is None for a create. Raises Invalid."""
