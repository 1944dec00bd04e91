"""Proof: a pooled session never shows one tenant's rows to another (`python -m proofs.isolation.pool`).

Requests of many tenants share the sessions of one `Database`, as in a service. A quarter is cancelled wherever it
happens to be, some fail in SQL, some in Python, some come with a capability that is refused.
"""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from sqlalchemy import text

from libs.common import capability
from libs.common.database.transaction import POOL_SIZE, Database, Transaction
from libs.common.errors import UNAUTHENTICATED, UNAVAILABLE, AppError
from libs.common.ids import new_id
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from proofs.kit.line import proof, seed, sized
from proofs.kit.tenants import SeededTenant, seed_tenant

NAME = "pool"
REQUESTS = 5_200
REQUESTS_TINY, REQUESTS_SOAK = 400, 300_000
TENANTS = 8
AT_ONCE = 40
CANCELLED_SHARE_MIN = 0.25
# More are cancelled than must be: some are done before it reaches them.
CANCEL_SHARE = 0.36
FAIL_SHARE, REFUSED_SHARE, NOBODY_SHARE = 0.1, 0.03, 0.1

_SEEN = text("select distinct organization_id from conversation")
_CONTEXT = text("select coalesce(current_setting('ctx.token', true), '')")
_OPEN = text("insert into conversation (organization_id, patient_id, id) values (:org, :patient, :id)")
_FAIL = text("select 1 / (count(*) - count(*)) from conversation")

_STORED = b"select id, organization_id from chat.conversation where id = any (%s)"


class _BrokenRequestError(Exception):
    """A bug in a service's Python."""


@dataclass
class Tally:
    """What was seen. The first four must stay nothing."""

    foreign: int = 0
    left: int = 0
    wrong_context: int = 0
    unexpected: int = 0
    unavailable: int = 0
    done: int = 0
    cancelled: int = 0
    failed: int = 0
    refused: int = 0
    usual_s: float = 0.02
    written: dict[UUID, UUID] = field(default_factory=dict)


class Requests:
    """Many requests over one pool."""

    def __init__(self, infra: Infra, tenants: Sequence[SeededTenant], chosen: int) -> None:
        self._database = Database(infra.database_url("chat"))
        self._random = random.Random(chosen)
        self._tokens = [(tenant, tenant.capability(infra, "chat:write")) for tenant in tenants]
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.tally = Tally()

    async def run(self, count: int) -> Tally:
        """Send them, then look into every session of the pool."""
        await asyncio.gather(*(self._one() for _ in range(count)))
        barrier = asyncio.Barrier(POOL_SIZE)
        await asyncio.gather(*(self._nobody(barrier) for _ in range(POOL_SIZE)))
        await self._database.close()
        return self.tally

    async def _one(self) -> None:
        async with self._slots:
            request = asyncio.create_task(self._request())
            if self._random.random() < CANCEL_SHARE:
                await asyncio.sleep(self._random.uniform(0, 0.8 * self.tally.usual_s))
                request.cancel()
            try:
                await request
            except asyncio.CancelledError:
                self.tally.cancelled += 1
            except (_BrokenRequestError, ZeroDivisionError):
                self.tally.failed += 1
            else:
                self.tally.done += 1

    async def _request(self) -> None:
        dice = self._random.random()
        if dice < NOBODY_SHARE:
            await self._nobody(None)
            return
        tenant, token = self._random.choice(self._tokens)
        if dice < NOBODY_SHARE + REFUSED_SHARE:
            await self._refused(token)
            return
        started = time.perf_counter()
        with capability.acting_under(token):
            try:
                async with self._database.transaction() as tx:
                    await self._work(tx, tenant, token, dice)
            except AppError as error:
                # The pool had no session in time, or one was lost with the request that was cancelled in it.
                self.tally.unavailable += int(error.problem is UNAVAILABLE)
                self.tally.unexpected += int(error.problem is not UNAVAILABLE)
            except Exception as error:
                if "division by zero" in str(error):
                    raise ZeroDivisionError from error
                raise
        self.tally.usual_s = 0.9 * self.tally.usual_s + 0.1 * (time.perf_counter() - started)

    async def _work(self, tx: Transaction, tenant: SeededTenant, token: str, dice: float) -> None:
        written = (new_id(), new_id())
        for number, row in enumerate(written):
            seen = (await tx.execute(_SEEN)).scalars().all()
            self.tally.foreign += sum(org != tenant.organization_id for org in seen)
            self.tally.wrong_context += int((await tx.execute(_CONTEXT)).scalar_one() != token)
            await tx.execute(_OPEN, {"org": tenant.organization_id, "patient": tenant.patient_id, "id": row})
            self.tally.written[row] = tenant.organization_id
            if number == 0 and dice > 1 - FAIL_SHARE:
                if dice > 1 - FAIL_SHARE / 2:
                    raise _BrokenRequestError
                await tx.execute(_FAIL)

    async def _refused(self, token: str) -> None:
        with capability.acting_under(token[:-4] + "0000"), suppress(AppError):
            try:
                async with self._database.transaction() as tx:
                    self.tally.foreign += len((await tx.execute(_SEEN)).all())
            except AppError as refused:
                self.tally.refused += int(refused.problem is UNAUTHENTICATED)
                raise

    async def _nobody(self, barrier: asyncio.Barrier | None) -> None:
        """A transaction before anybody is known finds no context and no row."""
        async with self._database.without_capability() as tx:
            if barrier:
                await barrier.wait()
            self.tally.left += int((await tx.execute(_CONTEXT)).scalar_one() != "")
            self.tally.left += len((await tx.execute(_SEEN)).all())


def prove(infra: Infra, requests: int, chosen: int) -> int:
    """Send the requests; return the exit code."""
    tally = asyncio.run(_run(infra, requests, chosen))
    return _judge(infra, requests, chosen, tally)


async def _run(infra: Infra, requests: int, chosen: int) -> Tally:
    tenants = [seed_tenant(infra) for _ in range(TENANTS)]
    return await Requests(infra, tenants, chosen).run(requests)


def _judge(infra: Infra, requests: int, chosen: int, tally: Tally) -> int:
    with psycopg.connect(infra.admin_url) as admin:
        stored: dict[UUID, UUID] = dict(admin.execute(_STORED, (list(tally.written),)))
    misplaced = sum(tally.written[row] != org for row, org in stored.items())
    share = tally.cancelled / requests
    good = (
        tally.foreign == tally.left == tally.wrong_context == tally.unexpected == misplaced == 0
        and share >= CANCELLED_SHARE_MIN
        and tally.done + tally.failed + tally.cancelled == requests
        and min(tally.done, tally.failed, tally.refused, len(stored)) > 0
    )
    return proof(
        NAME, good, requests=requests, tenants=TENANTS, done=tally.done, cancelled=tally.cancelled,
        cancelled_share=f"{share:.2f}", failed=tally.failed, refused=tally.refused, rows_written=len(stored),
        foreign_rows=tally.foreign, left_over=tally.left, wrong_context=tally.wrong_context, misplaced=misplaced,
        unexpected=tally.unexpected, unavailable=tally.unavailable, seed=chosen,
    )  # fmt: skip


def main() -> int:
    """Start a database of its own and send the requests."""
    with infrastructure.throwaway() as infra:
        return prove(infra, sized(REQUESTS_TINY, REQUESTS, REQUESTS_SOAK), seed())


if __name__ == "__main__":
    sys.exit(main())
