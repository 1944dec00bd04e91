"""`python -m proofs.consent.tamper`: whatever a superuser does to the ledger, a stranger's check names it.

The stranger has the public key, the checkpoints in the object store, and the receipts that came with the answers
after the last of them (before it, checkpoints suffice). Every attack is rolled back, so each meets the same ledger.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from random import Random
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from libs.common.database.transaction import Transaction
from libs.contracts.ids import PatientId
from libs.contracts.ledger import Line
from libs.contracts.purposes import Purpose
from libs.ledger.check import ChainBreak, InForceCheck, SignedEvidence, check
from libs.ledger.signatures import Receipt, SigningKey
from proofs.consent.tampering import KINDS, TABLES, Attack, Kind
from proofs.kit.line import sized
from proofs.kit.organization import Organization
from proofs.kit.proof import Outcome, Run, main
from services.consent.api.rendering import in_force_json, line_json, receipt_json
from services.consent.domain import Consent, Entry
from services.consent.notary.store import NotaryStore

ENTRIES_TINY, ENTRIES_CI, ENTRIES_SOAK = 12, 48, 200
PLACES_TINY, PLACES_CI, PLACES_SOAK = 3, 20, 100
KINDS_MIN, PLACES_MIN = 12, 20
GRANT_SHARE = 0.6
ROWS_MAX = 10_000


class _Stranger:
    """What somebody outside has: the key, notes, and receipts."""

    def __init__(self, organization: Organization, notes: Sequence[str], receipts: Sequence[Receipt]) -> None:
        self._organization = organization
        self._notes = notes
        self._receipts = receipts

    async def check(self, connection: AsyncConnection) -> tuple[ChainBreak | None, ChainBreak | None]:
        """Read the ledger as it is served now; return what is found with the receipts that were kept, and without."""
        tx = Transaction(connection)
        # As the service reads, under its own role and a capability.
        await connection.execute(text("set local role svc_consent"))
        await connection.execute(
            text("select ctx.enter(:token)"), {"token": self._organization.capability("consent:read")}
        )
        await connection.execute(text("set local search_path = consent, public"))
        rows, _ = await NotaryStore().in_force(tx, None, ROWS_MAX)
        lines = [line_json(*pair) for pair in await self._organization.store.entries_after(tx, 0, ROWS_MAX)]
        await connection.execute(text("reset role"))
        acted_on = [in_force_json(row) for row in rows]
        return self._judged(lines, acted_on, self._receipts), self._judged(lines, acted_on, ())

    def _judged(
        self, lines: Sequence[Line], acted_on: Sequence[Line], receipts: Sequence[Receipt]
    ) -> ChainBreak | None:
        standing = InForceCheck()
        for row in acted_on:
            standing.add(row)
        vouchers = SignedEvidence(self._organization.ring, str(self._organization.organization_id))
        for note in self._notes:
            vouchers.add_checkpoint(note)
        for receipt in receipts:
            vouchers.add_receipt(receipt)
        return check(vouchers, lines, standing).broken


async def prove(run: Run) -> Outcome:
    """Write a ledger, attack it in every kind at every place, and see what the stranger says."""
    random = run.random()
    organization = Organization(run.infra, random.randbytes(32))
    entries, receipts = await _ledger(organization, sized(ENTRIES_TINY, ENTRIES_CI, ENTRIES_SOAK), random)
    notes = await organization.checkpoints.after(organization.organization_id, 0, ROWS_MAX)
    stranger = _Stranger(organization, notes, receipts)
    places = sorted(random.sample(range(2, len(entries)), sized(PLACES_TINY, PLACES_CI, PLACES_SOAK)))
    seen: Counter[str] = Counter()
    async with _superuser(run.infra.admin_url) as connection:
        seen["false_alarms"] += await stranger.check(connection) != (None, None)
        for kind in KINDS:
            for place in places:
                attack = Attack(
                    Transaction(connection),
                    entries,
                    place,
                    SigningKey(random.randbytes(32)),
                    organization.key.public.key_id,
                )
                seen += await _attacked(connection, kind, attack, stranger)
        seen["false_alarms"] += await stranger.check(connection) != (None, None)
    await organization.close()
    return _outcome(run, seen, len(entries), len(places))


def _outcome(run: Run, seen: Counter[str], entries: int, places: int) -> Outcome:
    figures = {"seed": run.seed, "kinds": len(KINDS), "places": places, "entries": entries, "tried": seen["tried"]}
    for name in ("undetected", "misnamed", "false_alarms", "only_by_kept_receipts"):
        figures[name] = seen[name]
    places_min = sized(PLACES_TINY, PLACES_MIN, PLACES_MIN)
    return Outcome(
        "tamper",
        figures,
        {
            f"at least {KINDS_MIN} kinds at {places_min} places": len(KINDS) >= KINDS_MIN and places >= places_min,
            "every attack was tried": seen["tried"] == len(KINDS) * places,
            "nothing undetected": seen["undetected"] == 0,
            "the first broken entry is named": seen["misnamed"] == 0,
            "an untouched ledger holds": seen["false_alarms"] == 0,
        },
    )


async def _ledger(organization: Organization, length: int, random: Random) -> tuple[list[Entry], list[Receipt]]:
    """Grants and revocations of several patients; the notary signs twice, and who asked kept the later receipts."""
    entries: list[Entry] = []
    in_force: list[Consent] = []
    patients = [PatientId(uuid4()) for _ in range(4)]
    for number in range(1, length + 1):
        if in_force and random.random() > GRANT_SHARE:
            entries.append(await organization.revokes(in_force.pop(random.randrange(len(in_force)))))
        else:
            free = [(p, q) for p in patients for q in Purpose if all((p, q) != _about(each) for each in in_force)]
            patient, purpose = random.choice(free) if free else (PatientId(uuid4()), Purpose.RECORDING)
            in_force.append(await organization.grants(purpose, patient))
            entries.append(in_force[-1].granted)
        if number in (length // 3, 2 * length // 3):
            await organization.signs()
    return entries, [Receipt.read(receipt_json(entry)) for entry in entries[2 * length // 3 :]]


def _about(consent: Consent) -> tuple[PatientId, Purpose]:
    return consent.granted.parties.patient_id, consent.granted.parties.purpose


@contextlib.asynccontextmanager
async def _superuser(admin_url: str) -> AsyncIterator[AsyncConnection]:
    """A superuser with all triggers off, none of whose doings stays."""
    engine = create_async_engine(admin_url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        async with engine.connect() as connection, connection.begin() as everything:
            for table in TABLES:
                await connection.execute(text(f"alter table consent.{table} disable trigger all"))
            yield connection
            await everything.rollback()
    finally:
        await engine.dispose()


async def _attacked(connection: AsyncConnection, kind: Kind, attack: Attack, stranger: _Stranger) -> Counter[str]:
    seen = Counter({"tried": 1})
    async with connection.begin_nested() as attempt:
        expected = await kind(attack)
        broken, without = await stranger.check(connection)
        await attempt.rollback()
    if broken is None:
        seen["undetected"] += 1
    elif broken.seq != expected:
        seen["misnamed"] += 1
    elif without is None:
        seen["only_by_kept_receipts"] += 1
    return seen


if __name__ == "__main__":
    main(prove)
