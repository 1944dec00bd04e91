"""The ledger on a real PostgreSQL: append-only, one chain, and rows that others can hold."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import text

from libs.common.capability import acting_under
from libs.common.database.transaction import Database
from libs.common.errors import UNAUTHENTICATED, AppError
from libs.contracts.ids import OrganizationId, PatientId
from libs.contracts.problems import ALREADY_REVOKED, CONSENT_REQUIRED, REFUSALS
from libs.contracts.purposes import Purpose
from libs.contracts.tests.tenant import Tenant
from libs.devstack.conditions import until
from libs.devstack.infra import Infra
from services.consent.domain import Consent
from services.consent.handlers import GrantConsent
from services.consent.tests.ledger_world import HERE, Ledger, count

HOLD = text("select consent.hold(:organization, :patient, :therapist, array['recording'])")


@pytest.fixture
async def ledger(infra: Infra, tenant: Tenant) -> AsyncIterator[Ledger]:
    made = Ledger(infra, tenant)
    yield made
    await made.database.close()


async def test_the_database_and_the_domain_compute_the_same_chain(ledger: Ledger) -> None:
    first = await ledger.grants(Purpose.RECORDING)
    await ledger.grants(Purpose.AI_ANALYSIS)
    await ledger.revokes(first)

    entries = await ledger.chain()

    assert [entry.position.seq for entry in entries] == [1, 2, 3]
    assert (await ledger.verdict(every_receipt=True)).broken is None


async def test_forty_writers_at_once_make_one_chain_without_forks_or_gaps(ledger: Ledger) -> None:
    await asyncio.gather(*(ledger.grants(list(Purpose)[n % 3]) for n in range(40)))

    entries = await ledger.chain()

    assert [entry.position.seq for entry in entries] == list(range(1, 41))
    assert (await ledger.verdict(every_receipt=True)).broken is None


async def test_a_grant_that_is_rolled_back_leaves_no_gap(ledger: Ledger) -> None:
    await ledger.grants()
    with pytest.raises(AppError):
        await ledger.revokes(await _revoked(ledger))
    await ledger.grants()

    assert [entry.position.seq for entry in await ledger.chain()] == [1, 2, 3, 4]


async def _revoked(ledger: Ledger) -> Consent:
    consent = await ledger.grants()
    await ledger.revokes(consent)
    return consent


@pytest.mark.parametrize(
    "statement",
    [
        "update consent.event set actor = 'x'",
        "delete from consent.event",
        "truncate consent.event cascade",
        "update consent.receipt set key_id = 'ffffffff'",
        "delete from consent.receipt",
        "truncate consent.receipt",
        "update consent.evidence set reason = 'x'",
        "truncate consent.evidence",
        "update consent.head set seq = seq - 1",
        "insert into consent.head values (gen_random_uuid(), 5, 'x', now())",
        "delete from consent.head",
        "truncate consent.head",
        "update consent.current set status = 'granted', revoked_at = null",
        "insert into consent.current select gen_random_uuid(), patient_id, therapist_id, consent_type, consent_id, "
        "status, granted_at from consent.current limit 1",
        "delete from consent.current",
        "truncate consent.current",
        "update consent.document set text = 'x'",
        "delete from consent.document",
        "truncate consent.document",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_not_even_a_superuser_playing_replica_rewrites_the_ledger(
    infra: Infra, ledger: Ledger, statement: str, role: str
) -> None:
    await ledger.grants()

    with psycopg.connect(infra.admin_url) as admin:
        admin.execute(f"set session_replication_role = {role}".encode())

        with pytest.raises(errors.DatabaseError, match="append-only"):
            admin.execute(statement.encode())


async def test_not_even_the_owner_empties_the_ledger(infra: Infra) -> None:
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute("set role owner_consent")

        with pytest.raises(errors.DatabaseError, match="append-only"):
            admin.execute("truncate consent.event cascade")


@pytest.mark.parametrize(
    "statement",
    [
        "update event set actor = 'x'",
        "delete from event",
        "update head set seq = 0",
        "update current set status = 'granted'",
        "delete from current",
        "delete from evidence",
    ],
)
async def test_the_service_itself_may_only_add_and_read(ledger: Ledger, statement: str) -> None:
    with pytest.raises(Exception, match="permission denied"):
        async with ledger.transaction("consent:write") as tx:
            await tx.execute(text(statement))


async def test_revoking_twice_is_refused_and_writes_nothing(ledger: Ledger) -> None:
    consent = await ledger.grants()
    await ledger.revokes(consent)

    with pytest.raises(AppError) as refused:
        await ledger.revokes(consent)

    assert refused.value.problem is ALREADY_REVOKED
    assert len(await ledger.chain()) == 2


async def test_of_two_revocations_at_once_one_is_told_that_it_came_second(ledger: Ledger) -> None:
    consent = await ledger.grants()

    answers = await asyncio.gather(ledger.revokes(consent), ledger.revokes(consent), return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["AppError", "tuple"]


async def test_one_revocation_ends_every_grant_of_the_purpose_so_far(ledger: Ledger) -> None:
    older, newer = await ledger.grants(), await ledger.grants()

    await ledger.revokes(older)

    async with ledger.transaction("consent:read") as tx:
        for record in (older, newer):
            found = await ledger.store.find(tx, record.granted.consent_id)
            assert found is not None
            assert found.revoked_at is not None

    with pytest.raises(AppError) as refused:
        await ledger.holds(Purpose.RECORDING)
    assert refused.value.problem is CONSENT_REQUIRED


async def test_a_purpose_granted_again_is_in_force_under_a_new_record(ledger: Ledger) -> None:
    first = await ledger.grants()
    await ledger.revokes(first)
    second = await ledger.grants()

    held = await ledger.holds(Purpose.RECORDING)

    assert held == {Purpose.RECORDING: second.granted.consent_id}
    assert second.granted.consent_id != first.granted.consent_id


async def test_a_hold_names_each_purpose_that_is_missing(ledger: Ledger) -> None:
    await ledger.grants(Purpose.RECORDING)

    with pytest.raises(AppError) as refused:
        await ledger.holds(*Purpose, any_therapist=True)

    assert refused.value.extra == {"missing": ["transcription", "ai_analysis"]}


async def test_nobody_sees_or_holds_anything_of_another_organization(
    infra: Infra, ledger: Ledger, tenant: Tenant
) -> None:
    await ledger.grants()
    stranger = Ledger(infra, replace(tenant, organization_id=OrganizationId(uuid4())))

    async with stranger.transaction("consent:write") as tx:
        seen = [await count(tx, table) for table in ("event", "evidence", "head", "current")]
        held = await ledger.store.lock_consents(tx, ledger.everything(), list(Purpose))
    await stranger.database.close()

    assert (seen, held) == ([0, 0, 0, 0], {})


async def test_a_capability_bound_to_a_patient_reaches_no_other_patient(ledger: Ledger) -> None:
    await ledger.grants()

    async with ledger.transaction("consent:write", patient=PatientId(uuid4())) as tx:
        seen = [await count(tx, table) for table in ("event", "evidence", "current")]
        held = await ledger.store.lock_consents(tx, ledger.everything(), list(Purpose))

    assert (seen, held) == ([0, 0, 0], {})


async def test_a_capability_without_the_scope_sees_nothing_and_adds_nothing(ledger: Ledger) -> None:
    await ledger.grants()

    async with ledger.transaction("chat:write") as tx:
        assert await count(tx, "event") == 0

    with acting_under(ledger.tenant.capability("consent:read")), pytest.raises(Exception, match="row-level security"):
        await ledger.consents.grant(GrantConsent(ledger.parties(Purpose.RECORDING), HERE))


async def test_a_forged_capability_opens_no_transaction(ledger: Ledger) -> None:
    forged = ledger.tenant.capability("consent:write")[:-1] + "x"

    with acting_under(forged), pytest.raises(AppError) as refused:
        async with ledger.database.transaction():
            pass

    assert refused.value.problem is UNAUTHENTICATED


@pytest.fixture
async def writer(infra: Infra) -> AsyncIterator[Database]:
    """Another service's database role, which may hold consent and nothing else here."""
    database = Database(infra.database_url("ingestion"), REFUSALS)
    yield database
    await database.close()


async def test_a_revocation_waits_for_results_that_are_being_stored_and_refuses_the_next(
    ledger: Ledger, writer: Database
) -> None:
    consent = await ledger.grants()

    with acting_under(ledger.tenant.capability("ingestion:write")):
        async with writer.transaction() as tx:
            await tx.execute(HOLD, ledger.ids())
            revocation = asyncio.create_task(ledger.revokes(consent))
            done, _ = await asyncio.wait([revocation], timeout=0.3)
            assert not done
        await revocation
        with pytest.raises(AppError) as refused:
            async with writer.transaction() as tx:
                await tx.execute(HOLD, ledger.ids())

    assert refused.value.problem is CONSENT_REQUIRED


async def test_after_the_revocation_returned_no_writer_gets_through(ledger: Ledger, writer: Database) -> None:
    for _ in range(5):
        consent = await ledger.grants()
        race = _Race()
        writers = [asyncio.create_task(race.write_until_refused(ledger, writer)) for _ in range(6)]
        await until(partial(race.is_begun_by, len(writers)))
        await ledger.revokes(consent)
        race.revoked = True
        await asyncio.gather(*writers)

        assert race.stored_after == 0


class _Race:
    def __init__(self) -> None:
        self.revoked = False
        self.stored_before = 0
        self.stored_after = 0

    def is_begun_by(self, writers: int) -> bool:
        return self.stored_before >= writers

    async def write_until_refused(self, ledger: Ledger, writer: Database) -> None:
        with acting_under(ledger.tenant.capability("ingestion:write")):
            while True:
                begun_after = self.revoked
                try:
                    async with writer.transaction() as tx:
                        await tx.execute(HOLD, ledger.ids())
                except AppError:
                    return
                if begun_after:
                    self.stored_after += 1
                else:
                    self.stored_before += 1


async def test_the_policy_of_others_sees_which_therapists_consent_covers(ledger: Ledger, writer: Database) -> None:
    await ledger.grants(Purpose.AI_ANALYSIS)
    in_force = text("select consent.in_force(:organization, :patient, 'ai_analysis')")
    values = {key: value for key, value in ledger.ids().items() if key != "therapist"}

    with acting_under(ledger.tenant.capability("ingestion:write")):
        async with writer.transaction() as tx:
            seen = list((await tx.execute(in_force, values)).scalars())

    assert seen == [ledger.tenant.therapist_id]


async def test_whether_a_record_is_in_force_is_told_to_its_own_organization_alone(
    infra: Infra, ledger: Ledger, tenant: Tenant
) -> None:
    granted = await ledger.grants(Purpose.AI_ANALYSIS)
    asked = {"o": tenant.organization_id, "p": tenant.patient_id, "ids": [granted.granted.consent_id]}
    are_in_force = text("select consent.are_in_force(:o, :p, cast(:ids as uuid[]))")
    records = text("select consent.records_in_force(:o, :p)")
    stranger = replace(tenant, organization_id=OrganizationId(uuid4()))
    chat = Database(infra.database_url("chat"))

    found = []
    for who in (tenant, stranger):
        with acting_under(who.capability("chat:read")):
            async with chat.transaction() as tx:
                is_in_force = (await tx.execute(are_in_force, asked)).scalar_one()
                found.append((is_in_force, list((await tx.execute(records, asked)).scalars())))
    await chat.close()

    assert found == [(True, asked["ids"]), (False, [])]


async def test_a_grant_is_revoked_by_the_first_revocation_behind_it_and_by_none_before(ledger: Ledger) -> None:
    first = await ledger.grants()
    await ledger.revokes(first)
    second = await ledger.grants()

    async with ledger.transaction("consent:read") as tx:
        before = await ledger.store.find(tx, first.granted.consent_id)
        now = await ledger.store.find(tx, second.granted.consent_id)

    assert before is not None
    assert now is not None
    assert before.revoked_at is not None
    assert (before.revoked_at < now.granted.at, now.revoked_at) == (True, None)
