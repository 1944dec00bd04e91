"""Sweeps what a killed upload left: objects that belong to no recording, and multipart uploads nobody ends."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from libs.common.clock import Clock
from libs.common.errors import AppError
from libs.common.log import get_logger
from libs.common.objects.store import ListedObject
from services.ingestion.domain import is_object_name
from services.ingestion.upload.accept import UPLOAD_MAX_S

EVERY_S = 3600.0
AGE_MIN = timedelta(hours=24)
"""Younger ones may belong to an upload that has not committed yet, which takes UPLOAD_MAX_S at most."""
UNFINISHED_MAX = 1000

assert timedelta(seconds=UPLOAD_MAX_S) * 2 < AGE_MIN


@dataclass(frozen=True)
class Reach:
    """How far one pass looks, in pages of so many names; the next pass goes on from there."""

    page: int = 500
    pages_max: int = 200


class Sweepable(Protocol):
    """A store that can be listed and cleaned."""

    async def page(self, after: str | None, most: int) -> Sequence[ListedObject]:
        """List objects in the order of their names."""

    async def abort_unfinished(self, before: datetime, most: int) -> int:
        """Abort multipart uploads begun before then."""

    async def remove(self, name: str) -> None:
        """Delete an object."""


class Known(Protocol):
    """Knows which objects belong to a recording."""

    async def unknown(self, names: Sequence[str]) -> Sequence[str]:
        """Return those names that belong to none."""


@dataclass(frozen=True)
class Swept:
    """What one pass saw and removed."""

    looked_at: int
    removed: int
    aborted: int


class Sweeper:
    """Implements supervision.Worker. Names that are not a recording's are left alone: the bucket may hold other things."""

    def __init__(self, objects: Sweepable, known: Known, clock: Clock, reach: Reach | None = None) -> None:
        self._objects = objects
        self._known = known
        self._clock = clock
        self._reach = reach or Reach()
        self._after: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep now and then until `stop`; replicas spread out by chance, and sweeping twice is sweeping once."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S * random.uniform(0.5, 1.5))  # noqa: S311
                return
            try:
                await self.sweep()
            except AppError as error:
                get_logger().warning("recordings.not_swept", problem=error.problem.slug)

    async def sweep(self) -> Swept:
        """Make one pass, no longer than its reach."""
        before = self._clock() - AGE_MIN
        looked_at = removed = 0
        for _ in range(self._reach.pages_max):
            listed = await self._objects.page(self._after, self._reach.page)
            looked_at += len(listed)
            removed += await self._remove_orphans(listed, before)
            self._after = listed[-1].name if len(listed) == self._reach.page else None
            if self._after is None:
                break
        swept = Swept(looked_at, removed, await self._objects.abort_unfinished(before, UNFINISHED_MAX))
        if swept.removed or swept.aborted:
            get_logger().warning("recordings.swept", count=swept.removed + swept.aborted)
        return swept

    async def _remove_orphans(self, listed: Sequence[ListedObject], before: datetime) -> int:
        old = [one.name for one in listed if one.changed_at < before and is_object_name(one.name)]
        orphans = await self._known.unknown(old) if old else ()
        for name in orphans:
            await self._objects.remove(name)
        return len(orphans)
