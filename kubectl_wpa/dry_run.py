"""Reading and switching dry-run in a cluster.

What concerns one object is told on the standard error, and the next one is dealt with: no fleet is
left half switched because of one object. The exit code stays 0 then (wpa-behaviour §23), so the
last line says how many failed.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import click
import msgspec

from kube.client.errors import KubeError, NotFound
from kube.client.lists import list_all
from kube.client.requests import Patch, Resource, get_of, list_of, patch_of
from kube.client.transport import ApiClient
from kubectl_wpa.core import (
    NOTHING_MATCHES,
    Autoscaler,
    BadRow,
    Choice,
    Saved,
    changed_line,
    csv_of,
    line_of,
    patch_of_dry_run,
)

AUTOSCALERS: Final = Resource("datadoghq.com", "v1alpha1", "watermarkpodautoscalers")
FIELD_MANAGER: Final = "kubectl-wpa"
"""Who changed `spec.dryRun`, in the object's `managedFields`."""
_DECODER: Final = msgspec.json.Decoder(Autoscaler)
T = TypeVar("T")


class Failed(Exception):
    """Nothing can be done; the message names cause and fix."""


async def show(client: ApiClient, choice: Choice, *, as_csv: bool) -> None:
    """Print the state of the chosen objects. Raises Failed."""
    found = await _chosen(client, choice)
    if as_csv:
        click.echo(csv_of(found), nl=False)
    else:
        for one in found:
            click.echo(line_of(one))


async def switch(client: ApiClient, choice: Choice, dry_run: bool) -> None:
    """Set `spec.dryRun` of the chosen objects. Raises Failed."""
    found = await _chosen(client, choice)
    failures = 0
    with _progress(found) as rest:
        for one in rest:
            failures += not await _patched(client, one, dry_run)
    _sum_up(failures, len(found))


async def revert(client: ApiClient, rows: Sequence[Saved | BadRow]) -> None:
    """Bring objects back to the states of a backup; those that have it are left alone."""
    failures = 0
    with _progress(rows) as rest:
        for row in rest:
            failures += not await _reverted(client, row)
    _sum_up(failures, len(rows))


async def _reverted(client: ApiClient, row: Saved | BadRow) -> bool:
    if isinstance(row, BadRow):
        return _complain(row.problem)
    if row.warning:
        click.echo(row.warning, err=True)
    try:
        found = await _one(client, row.namespace, row.name)
    except Failed as error:
        return _complain(str(error))
    return found.spec.dry_run == row.dry_run or await _patched(client, found, row.dry_run)


async def _chosen(client: ApiClient, choice: Choice) -> list[Autoscaler]:
    """The chosen objects, at least one. Raises Failed."""
    namespace = choice.namespace or ""
    if choice.name:
        return [await _one(client, namespace, choice.name)]
    request = list_of(AUTOSCALERS, namespace, label_selector=choice.labels)
    try:
        listing = await list_all(client, request, _DECODER)
    except NotFound as error:
        raise _no_such_kind(error) from error
    except KubeError as error:
        raise Failed(f"unable to get WatermarkPodAutoscaler, err: {error}") from error
    for bad in listing.undecodable:
        _complain(f"{bad.metadata.namespace}/{bad.metadata.name} cannot be read: {bad.error}")
    if not listing.items:
        raise Failed(NOTHING_MATCHES)
    return listing.items


async def _one(client: ApiClient, namespace: str, name: str) -> Autoscaler:
    try:
        return await client.read(get_of(AUTOSCALERS, namespace, name), _DECODER)
    except NotFound as error:
        if f'"{name}"' not in error.message:
            raise _no_such_kind(error) from error
        raise Failed(f"WatermarkPodAutoscaler {namespace}/{name} not found") from error
    except (KubeError, ValueError) as error:
        raise Failed(f"unable to get WatermarkPodAutoscaler, err: {error}") from error


async def _patched(client: ApiClient, one: Autoscaler, dry_run: bool) -> bool:
    """Whether the change was made; it is told either way."""
    meta = one.metadata
    body = patch_of_dry_run(dry_run)
    request = patch_of(
        AUTOSCALERS, meta.namespace, meta.name, body, Patch.MERGE, field_manager=FIELD_MANAGER
    )
    try:
        await client.send(request)
    except KubeError as error:
        value = "true" if dry_run else "false"
        return _complain(
            f"{meta.namespace}/{meta.name}: unable to set dry-run option to {value}, err: {error}"
        )
    click.echo(changed_line(one, dry_run))
    return True


def _no_such_kind(error: NotFound) -> Failed:
    return Failed(
        "this cluster has no WatermarkPodAutoscalers: install their definition "
        f"(kubectl apply -k manifests/crd) or choose another cluster with --context ({error})"
    )


@contextmanager
def _progress(items: Sequence[T]) -> Iterator[Iterable[T]]:
    """`items`, with a bar where somebody looks at the terminal and does not see the lines."""
    if sys.stdout.isatty() or not sys.stderr.isatty():
        yield items
        return
    with click.progressbar(items, file=sys.stderr, label="dry-run", show_pos=True) as bar:
        yield bar


def _complain(problem: str) -> bool:
    click.echo(f"error: {problem}", err=True)
    return False


def _sum_up(failures: int, total: int) -> None:
    if failures:
        click.echo(f"{failures} of {total} failed, see the errors above", err=True)
