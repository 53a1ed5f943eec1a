"""Tells the API server what came of an evaluation: status patches, events (D21-D24)."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from random import Random
from typing import Final

import msgspec

from kube.client.errors import Conflict, KubeError, NotFound
from kube.client.events import EventRecorder, ObjectReference
from kube.client.pacing import Backoff
from kube.client.requests import Patch, Resource, patch_of
from kube.client.transport import ApiClient
from kube.vocab.times import SECOND, Millis
from scaler.core.events import EventDraft
from scaler.core.status import Change, change
from scaler.core.wire import FINALIZER, GROUP, KIND, PLURAL, VERSION, AutoscalerStatus
from scaler.shell.decision_log import say
from scaler.state.catalogue import Entry

AUTOSCALERS: Final = Resource(GROUP, VERSION, PLURAL)
ATTEMPTS: Final = 3


class _Uid(msgspec.Struct):
    uid: str


class _StatusPatch(msgspec.Struct):
    """The uid makes the server refuse it for another object of the same name."""

    metadata: _Uid
    status: AutoscalerStatus


class Reporter:
    """Writes statuses only when a reader would see a difference, and events through a recorder."""

    def __init__(
        self, client: ApiClient, recorder: EventRecorder, *, coalesce: int = 60 * SECOND
    ) -> None:
        """`coalesce` is how long changes of mere values wait, in milliseconds (D22)."""
        self.writes: Counter[Change] = Counter()
        """Statuses that were written, by how much had changed."""
        self.failures = 0
        """Attempts that failed."""
        self.released = 0
        """Finalizers that were taken off."""
        self._client = client
        self._recorder = recorder
        self._coalesce = coalesce
        self._backoff = Backoff(0.2, 2.0, Random())

    async def report(
        self, entry: Entry, status: AutoscalerStatus, now: Millis, *, may_write: Callable[[], bool]
    ) -> None:
        """Keep `status` and write it if it is due. What cannot be written now is tried again at
        the next evaluation: the difference to what the server has stays.

        `may_write` is asked before each attempt: a late one must not undo what another leader has
        written meanwhile (V-09).
        """
        entry.status = status
        difference = change(entry.written, status)
        if difference == "none":
            return
        # A clock that was set back must not keep values waiting until it is there again.
        if difference == "values" and 0 <= now - entry.written_at < self._coalesce:
            return
        for attempt in range(1, ATTEMPTS + 1):
            if not may_write():
                return
            try:
                await self._write(entry, status)
            except (NotFound, Conflict):
                # Deleted, or made anew under its name: that one has a status of its own.
                return
            except KubeError as error:
                self.failures += 1
                if attempt == ATTEMPTS or not error.retryable:
                    say(entry, "error", "Failed to update the status", error=str(error))
                    return
                await asyncio.sleep(self._backoff.next())
            else:
                self.writes[difference] += 1
                entry.written, entry.written_at = status, now
                self._backoff.reset()
                return

    def tell(self, entry: Entry, drafts: Iterable[EventDraft]) -> None:
        """Record events about the entry's object."""
        meta = entry.autoscaler.metadata
        about = ObjectReference(
            f"{GROUP}/{VERSION}", KIND, meta.namespace, meta.name, meta.uid, meta.resource_version
        )
        for draft in drafts:
            self._recorder.record(about, draft.type, draft.reason, draft.message, keep=draft.always)

    async def release(self, entry: Entry) -> None:
        """Take upstream's finalizer off an object that is being deleted (D21)."""
        meta = entry.autoscaler.metadata
        finalizers = meta.finalizers or []
        if FINALIZER not in finalizers:
            return
        kept = [finalizer for finalizer in finalizers if finalizer != FINALIZER]
        body = msgspec.json.encode(
            {"metadata": {"finalizers": kept, "resourceVersion": meta.resource_version}}
        )
        try:
            await self._client.send(
                patch_of(AUTOSCALERS, meta.namespace, meta.name, body, Patch.MERGE)
            )
            self.released += 1
        except KubeError as error:
            say(entry, "warning", "Failed to remove the finalizer", error=str(error))

    async def _write(self, entry: Entry, status: AutoscalerStatus) -> None:
        namespace, name = entry.key
        uid = _Uid(entry.autoscaler.metadata.uid)
        body = msgspec.json.encode(_StatusPatch(uid, status))
        await self._client.send(
            patch_of(AUTOSCALERS, namespace, name, body, Patch.MERGE, subresource="status")
        )
