"""A transaction that knows an id says whom it is about; what it says takes rows away and never adds one."""

from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from libs.common.capability import acting_under
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.ids import PatientId
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from libs.tenancy.narrowing import is_narrowed, narrow, narrow_to

OTHER = PatientId(new_id())
SESSIONS = text("select count(*) from session")
TO_SESSION = narrow_to("session")
PATIENT = text("select (ctx.narrowed('ingestion:read')).patient")


@pytest.fixture
async def database(infra: Infra) -> AsyncIterator[Database]:
    made = Database(infra.database_url("ingestion"))
    yield made
    await made.close()


@pytest.fixture
def session_id(infra: Infra, tenant: Tenant) -> UUID:
    """One session of the tenant's patient."""
    made = new_id()
    with psycopg.connect(infra.admin_url) as admin:
        # What consent says is not what this is about.
        admin.execute("set local session_replication_role = replica")
        admin.execute(
            "insert into ingestion.session (organization_id, patient_id, session_id, therapist_id, consent_id,"
            " session_date, language, status, stage_times, metadata, created_at, updated_at)"
            " values (%s, %s, %s, %s, %s, now(), 'en', 'ready', '{}', '{}', now(), now())",
            (tenant.organization_id, tenant.patient_id, made, tenant.therapist_id, new_id()),
        )
    return made


async def test_an_id_leads_to_the_patient_whose_rows_are_seen_from_then_on(
    database: Database, tenant: Tenant, session_id: UUID
) -> None:
    with acting_under(tenant.capability("ingestion:read")):
        async with database.transaction() as tx:
            narrowed = await is_narrowed(tx, TO_SESSION, session_id)
            patient, seen = (await tx.execute(PATIENT)).scalar_one(), (await tx.execute(SESSIONS)).scalar_one()

    assert (narrowed, patient, seen) == (True, tenant.patient_id, 1)


async def test_an_id_of_another_organization_leads_to_nobody(
    database: Database, tenant: Tenant, session_id: UUID
) -> None:
    stranger = Tenant(new_id(), OTHER, new_id(), tenant.minter)  # type: ignore[arg-type]

    with acting_under(stranger.capability("ingestion:read")):
        async with database.transaction() as tx:
            assert not await is_narrowed(tx, TO_SESSION, session_id)


async def test_without_the_scope_an_id_leads_to_nobody(database: Database, tenant: Tenant, session_id: UUID) -> None:
    with acting_under(tenant.capability("chat:read")):
        async with database.transaction() as tx:
            assert not await is_narrowed(tx, TO_SESSION, session_id)


async def test_a_capability_of_a_patient_stays_with_that_patient(
    database: Database, tenant: Tenant, session_id: UUID
) -> None:
    with acting_under(tenant.capability("ingestion:read", patient=OTHER)):
        async with database.transaction() as tx:
            await narrow(tx, tenant.patient_id)
            await is_narrowed(tx, TO_SESSION, session_id)
            patient, seen = (await tx.execute(PATIENT)).scalar_one(), (await tx.execute(SESSIONS)).scalar_one()

    assert (patient, seen) == (OTHER, 0)


async def test_saying_another_patient_takes_rows_away(database: Database, tenant: Tenant, session_id: UUID) -> None:
    with acting_under(tenant.capability("ingestion:read")):
        async with database.transaction() as tx:
            before = (await tx.execute(SESSIONS)).scalar_one()
            await narrow(tx, OTHER)
            after = (await tx.execute(SESSIONS)).scalar_one()

    assert (before, after) == (1, 0)
    assert session_id


async def test_what_a_transaction_said_ends_with_it(database: Database, tenant: Tenant, session_id: UUID) -> None:
    with acting_under(tenant.capability("ingestion:read")):
        async with database.transaction() as tx:
            await narrow(tx, OTHER)
        async with database.transaction() as tx:
            seen = (await tx.execute(SESSIONS)).scalar_one()

    assert seen == 1
    assert session_id
