"""Proof `limit20`: a patient sends 20 messages in any hour, over several chat processes, never 21 and never fewer.

Bursts of messages go to three processes of the chat, the first of each patient all at once. Between bursts time moves
on, by making the rows of the hourly log older in the database: by nothing, by anything within an hour, and most often
to just before the oldest message leaves the window, so that it leaves while the burst is on.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx
import psycopg

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import OrganizationId, PatientId
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from proofs.kit.fleet import Fleet, fleet
from proofs.kit.line import proof, seed, sized
from proofs.limits.sliding import Attempt, Sliding

PROCESSES, PROCESSES_TINY = 3, 2
QUOTA, HOUR_S = 20, 3600.0
PATIENTS, BURSTS = 4, 7
TINY, SOAK = (1, 3), (40, 30)
BURST_MAX = 26
BEFORE_THE_EDGE_S = 0.15
_SENT = "select message_id, extract(epoch from at)::float8 from chat.sent where patient_id = %s"
_MOVE = "update chat.sent set at = at - make_interval(secs => %s) where patient_id = %s"
_FULL = 429


@dataclass
class Patient:
    """A patient, the chat's processes, and what came of their messages."""

    id: UUID
    clients: list[httpx.AsyncClient]
    database: psycopg.Connection[Any]
    window: Sliding = field(default_factory=lambda: Sliding(QUOTA, HOUR_S))
    moved_s: float = 0.0
    known: set[UUID] = field(default_factory=set)
    other: int = 0

    async def sends(self, number: int) -> None:
        """Send one message to one of the processes."""
        body = {"patient_id": str(self.id), "message": "What did we talk about?"}
        sent_at = time.time()
        answer = await self.clients[number % len(self.clients)].post("/chat", json=body)
        if answer.status_code == _FULL:
            self.window.refused.append(Attempt(sent_at + self.moved_s, time.time() + self.moved_s))
        elif answer.status_code != 200:
            self.other += 1

    async def bursts(self, count: int, spread_s: float, luck: Random) -> None:
        """Send several within so many seconds, and read in the database what was let in."""

        async def one(number: int) -> None:
            await asyncio.sleep(luck.random() * spread_s)
            await self.sends(number)

        await asyncio.gather(*(one(number) for number in range(count)))
        for message_id, at in self._rows():
            if message_id not in self.known:
                self.known.add(message_id)
                self.window.admitted.append(at + self.moved_s)

    def waits(self, luck: Random) -> None:
        """Let time pass."""
        rows = [at for _, at in self._rows()]
        edge = min(rows) + HOUR_S - time.time() - BEFORE_THE_EDGE_S if rows else 0.0
        by_s = luck.choice((0.0, edge, edge, edge, luck.uniform(1, HOUR_S)))
        if by_s > 0:
            self.database.execute(_MOVE, (by_s, self.id))
            self.moved_s += by_s

    def _rows(self) -> list[tuple[UUID, float]]:
        return self.database.execute(_SENT, (self.id,)).fetchall()


async def _proved(chats: Fleet, patients: int, bursts: int, luck: Random) -> list[Patient]:
    minter = Minter(chats.infra.capability_key_id, chats.infra.capability_key)
    with psycopg.connect(chats.infra.admin_url, autocommit=True) as database:
        found = [_patient(chats, minter, database) for _ in range(patients)]
        try:
            for patient in found:
                await patient.bursts(BURST_MAX, 0.0, luck)
                for _ in range(bursts - 1):
                    patient.waits(luck)
                    await patient.bursts(luck.randint(BURST_MAX // 3, BURST_MAX), 2 * BEFORE_THE_EDGE_S, luck)
        finally:
            for patient in found:
                for client in patient.clients:
                    await client.aclose()
    return found


def _patient(chats: Fleet, minter: Minter, database: psycopg.Connection[Any]) -> Patient:
    patient_id = PatientId(new_id())
    claims = Claims(
        organization_id=OrganizationId(new_id()),
        actor=f"patient:{patient_id}",
        scopes=frozenset({"chat:write", "embedder:read", "ingestion:read", "consent:read"}),
        expires_at=utc_now() + timedelta(hours=1),
        token_id=new_id(),
        patient_id=patient_id,
    )
    bearer = {"Authorization": f"Bearer {minter.mint(claims)}"}
    clients = [httpx.AsyncClient(base_url=url, headers=bearer, trust_env=False, timeout=60) for url in chats.urls]
    return Patient(patient_id, clients, database)


def run(infra: Infra, size: tuple[int, int], number: int) -> int:
    """Let so many patients send so many bursts each; print the line and return the exit code."""
    patients, bursts = size
    processes = sized(PROCESSES_TINY, PROCESSES, PROCESSES)
    with fleet(infra, "chat", processes) as chats:
        found = asyncio.run(_proved(chats, patients, bursts, Random(number)))
    windows = [patient.window for patient in found]
    figures = {
        "processes": processes,
        "patients": patients,
        "admitted": sum(len(window.admitted) for window in windows),
        "refused": sum(len(window.refused) for window in windows),
        "worst_hour": max(window.worst() for window in windows),
        "wrongly_refused": sum(window.wronged() for window in windows),
        "other_answers": sum(patient.other for patient in found),
        "hours": round(sum(patient.moved_s for patient in found) / HOUR_S, 1),
        "seed": number,
    }
    good = figures["worst_hour"] == QUOTA and figures["refused"] > 0
    return proof("limit20", good and not figures["wrongly_refused"] and not figures["other_answers"], **figures)


def main() -> int:
    """Run over servers of its own."""
    size = sized(TINY, (PATIENTS, BURSTS), SOAK)
    with infrastructure.throwaway() as infra:
        return run(infra, size, seed())


if __name__ == "__main__":
    raise SystemExit(main())
