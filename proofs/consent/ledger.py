"""`python -m proofs.consent.ledger`: writers at every isolation level make one chain, and it is checked quickly.

Sixteen connections of the service's own role write through the real triggers, some transactions roll back, and those
that PostgreSQL refuses for a conflict are tried again. Verified is an export, from text to verdict, with a checkpoint
per hundred entries, as `therapyrag consent verify FILE --key ...` does; `verified_per_s` is on one processor.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random
from threading import Lock
from uuid import uuid4

import psycopg
from psycopg import IsolationLevel, errors

from libs.ledger.check import Verdict, check
from libs.ledger.signatures import Checkpoint
from libs.ops.api.ledger_file import FORMAT, opened
from proofs.kit.line import sized
from proofs.kit.organization import Organization
from proofs.kit.proof import Outcome, Run, main
from services.consent.api.rendering import line_json
from services.consent.domain import Entry, EvidenceState, micros, signed
from services.consent.notary.checkpoints import SIGN_AFTER_ENTRIES

WRITERS = 16
LEVELS = (IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE)
EVENTS_TINY, EVENTS_CI, EVENTS_SOAK = 900, 20_001, 300_000
BATCH_MAX = 30
ROLLED_BACK_SHARE = 0.05
TRIES_MAX = 20_000
BACKOFF_S = 0.03
VERIFIED_PER_S_MIN = 20_000
PASSES = 5
_INSERT = (
    "insert into event (id, organization_id, patient_id, therapist_id, consent_id, consent_type, status, actor, "
    "method, evidence_sha256) select new.id, %s, %s, %s, new.consent_id, 'recording', 'granted', 'key:proof', "
    "'electronic', %s from unnest(%s::uuid[], %s::uuid[]) as new (id, consent_id)"
)


@dataclass
class _Work:
    """Transactions still to be written at one isolation level, shared by its writers."""

    level: IsolationLevel
    batches: list[int]
    lock: Lock = field(default_factory=Lock)
    seen: Counter[str] = field(default_factory=Counter)

    def take(self) -> int | None:
        with self.lock:
            return self.batches.pop() if self.batches else None

    def note(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.seen[what] += number


async def prove(run: Run) -> Outcome:
    """Write, check the chain's shape, verify."""
    random = run.random()
    organization = Organization(run.infra, random.randbytes(32))
    wanted = sized(EVENTS_TINY, EVENTS_CI, EVENTS_SOAK)
    url = run.infra.database_url("consent").replace("+psycopg", "", 1)
    seen: Counter[str] = Counter()
    started = time.perf_counter()
    for level in LEVELS:
        work = _Work(level, _batches(wanted // len(LEVELS), random))
        await asyncio.to_thread(_write, work, url, organization, run.seed)
        seen += work.seen
    write_s = time.perf_counter() - started
    with organization.acting():
        async with organization.database.transaction() as tx:
            entries = await organization.entries(tx)
    await organization.close()
    verdict, verify_s = _verify(organization, _export(organization, entries))
    figures = {"seed": run.seed, "events": len(entries), "writers": WRITERS, "levels": len(LEVELS)}
    figures |= _shape(run.infra.admin_url, organization, seen)
    figures |= {
        "lost": seen["committed"] - len(entries),
        "rolled_back": seen["rolled_back"],
        "conflicts": seen["conflicts"],
        "written_per_s": round(len(entries) / write_s),
        "verified_per_s": round(len(entries) / verify_s),
        "checkpoints": verdict.checkpoints,
    }
    return Outcome("ledger", figures, _holds(figures, verdict, wanted))


def _holds(figures: dict[str, int], verdict: Verdict, wanted: int) -> dict[str, bool]:
    per_s_min = sized(0, VERIFIED_PER_S_MIN, VERIFIED_PER_S_MIN)
    return {
        f"at least {wanted} events are written": figures["events"] >= wanted,
        "no forks": figures["forks"] == 0,
        "no gaps": figures["gaps"] == 0,
        "nothing that was committed is lost": figures["lost"] == 0,
        f"the chain verifies ({verdict.broken})": verdict.broken is None and verdict.entries == figures["events"],
        f"at least {per_s_min} events a second are verified": figures["verified_per_s"] >= per_s_min,
    }


def _batches(events: int, random: Random) -> list[int]:
    batches: list[int] = []
    while (left := events - sum(batches)) > 0:
        batches.append(min(left, random.randint(1, BATCH_MAX)))
    return batches


def _write(work: _Work, url: str, organization: Organization, seed: int) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(_writer, work, url, organization, Random(seed + n)) for n in range(WRITERS)]:
            done.result()


def _writer(work: _Work, url: str, organization: Organization, random: Random) -> None:
    token = organization.capability("consent:write")
    with psycopg.connect(url) as connection:
        connection.isolation_level = work.level
        while (size := work.take()) is not None:
            for _ in range(TRIES_MAX):
                if _transaction(work, connection, (token, organization), size, random.random() < ROLLED_BACK_SHARE):
                    break
                # Apart by chance, or the same writers would meet again.
                time.sleep(random.random() * BACKOFF_S)
            else:
                raise TimeoutError("a writer never got its turn")


def _transaction(
    work: _Work, connection: psycopg.Connection, whose: tuple[str, Organization], size: int, is_undone: bool
) -> bool:
    token, organization = whose
    parties = organization.organization_id, organization.patient_id, organization.therapist_id
    ids = [[uuid4() for _ in range(size)] for _ in range(2)]
    try:
        connection.execute("select ctx.enter(%s)", (token,))
        connection.execute(_INSERT.encode(), (*parties, bytes(32), *ids))
        if is_undone:
            connection.rollback()
            work.note("rolled_back")
            # Tried again, for the batch is still owed: what was rolled back must leave no gap.
            return False
        connection.commit()
    # Two entries behind one: the chain's own constraint refused the second, and it counts as a fork.
    except errors.UniqueViolation:
        connection.rollback()
        work.note("forks_refused")
        return False
    except (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable):
        connection.rollback()
        work.note("conflicts")
        return False
    work.note("committed", size)
    return True


def _shape(admin_url: str, organization: Organization, seen: Counter[str]) -> dict[str, int]:
    with psycopg.connect(admin_url) as admin:
        row = admin.execute(
            "select count(*) - count(distinct prev_hash), max(seq) - count(*) from consent.event "
            "where organization_id = %s",
            (organization.organization_id,),
        ).fetchone()
    assert row is not None
    return {"forks": row[0] + seen["forks_refused"], "gaps": row[1]}


def _export(organization: Organization, entries: Iterable[Entry]) -> list[str]:
    """The export as text: head, checkpoints, entries; the last entries carry receipts, as no checkpoint covers them."""
    organization_id = str(organization.organization_id)
    head = {"kind": "ledger", "format": FORMAT, "organization_id": organization_id}
    notes, lines = [], []
    for entry in entries:
        if entry.position.seq % SIGN_AFTER_ENTRIES == 0:
            made = Checkpoint(organization_id, entry.position.seq, entry.position.hash, micros(entry.at))
            notes.append({"kind": "checkpoint", "note": made.to_note(organization.key)})
        lines.append(line_json(replace(entry, signature=signed(entry, organization.key)), EvidenceState.KEPT))
    return [json.dumps(line) + "\n" for line in (head, *notes, *lines)]


def _verify(organization: Organization, lines: list[str]) -> tuple[Verdict, float]:
    # Seconds of the processor, and the fastest of some passes: the program's own time on a machine that others use.
    times_s: list[float] = []
    for _ in range(PASSES):
        started = time.process_time()
        ledger = opened(lines)
        verdict = check(ledger.vouchers(organization.ring), ledger.entries, ledger.standing)
        times_s.append(time.process_time() - started)
    return verdict, min(times_s)


if __name__ == "__main__":
    main(prove)
