"""Deletes what interrupted uploads leave: objects without a recording, and unfinished multipart uploads."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from libs.common.clock import Clock
from libs.common.errors import AppError
from libs.common.log import get_logger
from libs.common.objects.store import ListedObject
from libs.common.process.recurring import JITTER_MAX, JITTER_MIN
from services.ingestion.domain import is_object_name
from services.ingestion.upload.accept import UPLOAD_MAX_S

EVERY_S = 3600.0
AGE_MIN = timedelta(hours=24)
"""Younger objects may belong to an upload that has not committed yet; an upload takes UPLOAD_MAX_S at most."""
UNFINISHED_MAX = 1000

assert timedelta(seconds=UPLOAD_MAX_S) * 2 < AGE_MIN


@dataclass(frozen=True)
class SweepLimits:
    """Limits of one pass: `pages_max` pages of `page` names. The next pass continues after the last one.

    `dice` spread the passes of replicas over time.
    """

    page: int = 500
    pages_max: int = 200
    dice: random.Random = field(default_factory=random.Random)


class ListableStore(Protocol):
    """An object store that can list and delete."""

    async def page(self, after: str | None, most: int) -> Sequence[ListedObject]:
        """List objects in lexical order of their names."""

    async def abort_unfinished(self, before: datetime, most: int) -> int:
        """Abort multipart uploads started before a time; return their number."""

    async def remove(self, name: str) -> None:
        """Delete an object."""


class RecordingIndex(Protocol):
    """Looks up the recordings of objects."""

    async def unknown(self, names: Sequence[str]) -> Sequence[str]:
        """Return the names that belong to no recording."""


@dataclass(frozen=True)
class Swept:
    """Counts of one pass: objects listed, objects deleted, multipart uploads aborted."""

    listed_count: int
    removed: int
    aborted: int


class Sweeper:
    """Implements supervision.Worker. Skips names that are not recordings, because the bucket may hold other objects."""

    def __init__(
        self, objects: ListableStore, recordings: RecordingIndex, clock: Clock, limits: SweepLimits | None = None
    ) -> None:
        self._objects = objects
        self._recordings = recordings
        self._clock = clock
        self._limits = limits or SweepLimits()
        self._after: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep periodically until `stop`. Runs on every replica with jitter; the sweep is idempotent."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S * self._limits.dice.uniform(JITTER_MIN, JITTER_MAX))
                return
            try:
                await self.sweep()
            except AppError as error:
                get_logger().warning("recordings.sweep_failed", problem=error.problem.slug)

    async def sweep(self) -> Swept:
        """Make one pass within the limits."""
        before = self._clock() - AGE_MIN
        listed_count = removed = 0
        for _ in range(self._limits.pages_max):
            listed = await self._objects.page(self._after, self._limits.page)
            listed_count += len(listed)
            removed += await self._remove_orphans(listed, before)
            self._after = listed[-1].name if len(listed) == self._limits.page else None
            if self._after is None:
                break
        swept = Swept(listed_count, removed, await self._objects.abort_unfinished(before, UNFINISHED_MAX))
        if swept.removed or swept.aborted:
            get_logger().warning("orphans.deleted", count=swept.removed + swept.aborted)
        return swept

    async def _remove_orphans(self, listed: Sequence[ListedObject], before: datetime) -> int:
        old = [one.name for one in listed if one.changed_at < before and is_object_name(one.name)]
        orphans = await self._recordings.unknown(old) if old else ()
        for name in orphans:
            await self._objects.remove(name)
        return len(orphans)
