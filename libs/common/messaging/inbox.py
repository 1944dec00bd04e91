"""What a group has applied and who is at it: the half of exactly-once that PostgreSQL keeps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.database.transaction import Database, Transaction
from libs.common.errors import AppError
from libs.common.log import get_logger
from libs.common.messaging.backoff import CLAIMED_ELSEWHERE
from libs.common.metrics import INTERRUPTED
from libs.common.streams.consumer_name import is_dead_here
from libs.common.waiting import cancel_and_wait

CLAIM_S = 15.0
"""A claim that was not renewed for this long is void: its holder is gone or stalled."""
CLAIM_BEAT_S = 2.0
"""Renewed so often: several in a row may be lost before a claim is void."""
SILENT_S = 7.0
"""A claim of a consumer without a lease is void after this: a wiped stream takes the leases of the living away too."""

Mark = tuple[UUID, int]
"""An event's id and its epoch: what is applied once."""

# Functions of the schema (sql/private_events.sql): no statement of a service lists what is in these tables.
_MARKS = "cast(:ids as uuid[]), cast(:epochs as int[])"
_APPLIED = text(f"select event_id, epoch from inbox_applied(:group, {_MARKS})")  # noqa: S608
_ENTER = text(f"select event_id, epoch from inbox_enter(:group, {_MARKS})")  # noqa: S608
_HOLDER = text("select claim_holder(:group, :id, :epoch)")
_CLAIM = text("select claim_take(:group, :id, :epoch, :holder, :seconds, :dead, :unrenewed)")
_RENEW = text("select claim_renew(:group, :id, :epoch, :holder, :seconds)")
_RELEASE = text("select claim_release(:group, :id, :epoch, :holder)")


_confirm: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("confirm", default=None)


async def confirm_claim() -> None:
    """Renew the claim on the event that is worked on: to be called just before what costs money.

    Raises AppError(CLAIMED_ELSEWHERE) when another worker has taken the event over, for example while this one
    waited for a database that was away. Does nothing in work that nobody claims.
    """
    confirm = _confirm.get()
    if confirm is not None:
        await confirm()


class Inbox:
    """One group's inbox. Rows hold ids only, so looking at them needs no capability."""

    def __init__(self, database: Database, group: str) -> None:
        self._database = database
        self._group = group

    async def applied(self, marks: Collection[Mark]) -> set[Mark]:
        """Return which of these are applied, to spare their work."""
        async with self._database.without_capability() as tx:
            return await self.applied_in(tx, marks)

    async def applied_in(self, tx: Transaction, marks: Collection[Mark]) -> set[Mark]:
        """Return which of these are applied, as the transaction sees it."""
        return {(row.event_id, row.epoch) for row in await tx.execute(_APPLIED, self._of(marks))}

    async def enter(self, tx: Transaction, marks: Sequence[Mark]) -> set[Mark]:
        """Enter events; return those whose effect is not there yet. Blocks while a concurrent duplicate decides."""
        return {(row.event_id, row.epoch) for row in await tx.execute(_ENTER, self._of(marks))}

    @asynccontextmanager
    async def claimed(self, mark: Mark, holder: str, dead: str = "") -> AsyncIterator[bool]:
        """Claim an event exclusively; yield whether it still needs work.

        `dead` is a consumer whose lease has run out: its claim does not count if its process is gone from this host, or
        once it was not renewed for longer than a lease.
        Raises AppError(CLAIMED_ELSEWHERE) while another worker has claimed it.
        """
        values = {"group": self._group, "id": mark[0], "epoch": mark[1], "holder": holder, "seconds": CLAIM_S}
        async with self._database.without_capability() as tx:
            # Whoever had the entry last need not be who claimed the event: two may have died one after the other.
            other = (await tx.execute(_HOLDER, values)).scalar_one_or_none() or ""
            gone = is_dead_here(other)
            judged = {"dead": other if gone else dead, "unrenewed": CLAIM_S if gone else CLAIM_S - SILENT_S}
            interrupted = (await tx.execute(_CLAIM, values | judged)).scalar_one_or_none()
            if interrupted is None:
                raise AppError(CLAIMED_ELSEWHERE, CLAIMED_ELSEWHERE.doc)
            # Checked under the claim: the previous holder may have finished.
            fresh = not await self.applied_in(tx, [mark])
        if interrupted and fresh:
            INTERRUPTED.labels(self._group).inc()
            get_logger().warning("event.work_restarted", count=interrupted)
        # Work may take hours, and a claim is void after seconds: it says who lives, not who began.
        beating = asyncio.create_task(self._beat(values))
        before = _confirm.set(partial(self._still_claimed, values))
        try:
            yield fresh
        finally:
            _confirm.reset(before)
            await cancel_and_wait([beating])
            with suppress(AppError):
                async with self._database.without_capability() as tx:
                    # If the database is away now, the claim runs out by itself.
                    await tx.execute(_RELEASE, values)

    async def _still_claimed(self, values: dict[str, Any]) -> None:
        async with self._database.without_capability() as tx:
            if (await tx.execute(_HOLDER, values)).scalar_one_or_none() != values["holder"]:
                raise AppError(CLAIMED_ELSEWHERE, CLAIMED_ELSEWHERE.doc)
            await tx.execute(_RENEW, values)

    async def _beat(self, values: dict[str, Any]) -> None:
        while True:
            await asyncio.sleep(CLAIM_BEAT_S)
            with suppress(AppError):
                async with self._database.without_capability() as tx:
                    await tx.execute(_RENEW, values)

    def _of(self, marks: Collection[Mark]) -> dict[str, Any]:
        # As text: the driver would look at each element of a list of ids.
        ids, epochs = ",".join(str(event_id) for event_id, _ in marks), ",".join(str(epoch) for _, epoch in marks)
        return {"group": self._group, "ids": f"{{{ids}}}", "epochs": f"{{{epochs}}}"}
