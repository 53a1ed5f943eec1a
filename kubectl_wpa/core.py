"""What the plugin asks for and what it says, as pure values and functions.

Texts, typing errors included, and the CSV form are upstream's (wpa-behaviour §23): scripts read
them.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.selectors import SelectorError, parse_selector

NOTHING_MATCHES: Final = "no matching WatermarkPodAutoscaler intance"
_STATES: Final = {"enabled": True, "disabled": False}


class WrongUse(ValueError):
    """The command line or a file has to change; the message says how."""


class Spec(Wire, frozen=True):
    """As much of `spec` as is looked at: whatever else an object holds is no obstacle."""

    dry_run: bool = False


class Autoscaler(Wire, frozen=True):
    """A WatermarkPodAutoscaler."""

    metadata: ObjectMeta = ObjectMeta()
    spec: Spec = Spec()


class Choice(Struct, frozen=True):
    """Which objects: one by `name`, or all under `labels` ("" is all)."""

    namespace: str | None = None
    """ "" is all namespaces, None the one that the user's context names."""
    name: str = ""
    labels: str = ""

    def within(self, namespace: str) -> "Choice":
        """The same with `namespace` as the context's."""
        return self if self.namespace is not None else replace(self, namespace=namespace)


class Saved(Struct, frozen=True):
    """One row of a backup: how an object was."""

    namespace: str
    name: str
    dry_run: bool
    warning: str = ""


class BadRow(Struct, frozen=True):
    """A row that tells no state, and why."""

    problem: str


def choose(
    *, name: str, labels: str, everything: bool, all_namespaces: bool, namespace: str | None
) -> Choice:
    """The objects that a command line means. Raises WrongUse."""
    if not name and not labels and not everything:
        raise WrongUse("the watermarkpodautoscaler name or label-selector is required")
    if name and (labels or everything):
        raise WrongUse(
            f"the name {name} chooses one object, -l and --all choose many: give one of them"
        )
    if name and all_namespaces:
        raise WrongUse(f"the name {name} needs one namespace: use -n instead of --all-namespaces")
    try:
        parse_selector(labels)
    except SelectorError as error:
        raise WrongUse(f"invalid label-selector, err: {error}") from None
    return Choice("" if all_namespaces else namespace or None, name, labels)


def saved_states(text: str) -> Iterator[Saved | BadRow]:
    """The rows of a backup, as `list -o csv` writes it; empty lines mean nothing."""
    for line in text.splitlines():
        try:
            row = next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            yield BadRow(f"invalid line: {line}; {error}")
            continue
        if row:
            yield _saved(row)


def _saved(row: list[str]) -> Saved | BadRow:
    if len(row) != 3:
        return BadRow(f"invalid line: {','.join(row)}; expected namespace,name,enabled|disabled")
    namespace, name, state = row
    if not namespace or not name:
        return BadRow(f"invalid line: {','.join(row)}; the namespace or the name is missing")
    if state in _STATES:
        return Saved(namespace, name, _STATES[state])
    warning = f"Warning: Incorrect value for dry-run: {state}, defaulting to true"
    return Saved(namespace, name, dry_run=True, warning=warning)


def csv_of(found: Iterable[Autoscaler]) -> str:
    """A backup of the objects' states, without a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for one in found:
        state = "enabled" if one.spec.dry_run else "disabled"
        writer.writerow([one.metadata.namespace, one.metadata.name, state])
    return text.getvalue()


def line_of(one: Autoscaler) -> str:
    """How `list` shows an object."""
    return f"{_title(one)} dry-run option is: {_word(one.spec.dry_run)}"


def changed_line(one: Autoscaler, dry_run: bool) -> str:
    """How a change is told."""
    return f"{_title(one)} dry-run option is now {_word(dry_run)}"


def patch_of_dry_run(dry_run: bool) -> bytes:
    """The merge patch."""
    return msgspec.json.encode({"spec": {"dryRun": dry_run}})


def _title(one: Autoscaler) -> str:
    return f"WatermarkPodAutoscaler '{one.metadata.namespace}/{one.metadata.name}'"


def _word(value: bool) -> str:
    return "true" if value else "false"
