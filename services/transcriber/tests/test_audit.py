"""The audit of transcripts on real PostgreSQL: stamped by the database, changed by nobody, shown to auditors only."""

import psycopg
import pytest
from sqlalchemy import text

from libs.common.database.transaction import Transaction
from libs.common.errors import UNAVAILABLE, AppError
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.transcriber.audit_store import ReadAudit
from services.transcriber.corrections import TranscriptService
from services.transcriber.ports import Release, Version
from services.transcriber.tests.archive import Archive
from services.transcriber.tests.world import NOW

_FORGED = text(
    "insert into read_audit (organization_id, patient_id, session_id, id, transcript_id, transcript_version, action,"
    " actor, at) values (:org, :patient, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 'read',"
    " 'somebody else', '2001-01-01') returning 1"
)


@pytest.fixture
def audit(archive: Archive) -> ReadAudit:
    return ReadAudit(archive.database)


async def _read(archive: Archive, audit: ReadAudit, times: int = 1) -> None:
    transcripts = TranscriptService(archive.database, archive.store, audit, lambda: NOW)
    async with archive.transaction() as tx:
        await archive.store.add(tx, archive.first)
    for _ in range(times):
        with archive.acting_under("transcriber:read"):
            await transcripts.find(archive.session_id)


async def test_a_read_leaves_a_row_with_who_and_when_from_the_capability(archive: Archive, audit: ReadAudit) -> None:
    await _read(archive, audit)

    with archive.acting_under("audit:read"):
        [row] = (await audit.page(AuditQuery())).rows

    assert (row.kind, row.actor) == ("transcript.read", f"user:{archive.tenant.therapist_id}")
    assert row.about["session_id"] == str(archive.session_id)


async def test_pages_hold_every_row_once_in_the_order_of_time(archive: Archive, audit: ReadAudit) -> None:
    await _read(archive, audit, times=5)
    seen: list[AuditEntry] = []
    cursor = None
    with archive.acting_under("audit:read"):
        for _ in range(4):
            page = await audit.page(AuditQuery(limit=2, cursor=cursor))
            seen += page.rows
            cursor = page.next.to_cursor() if page.next else None

    assert len({row.id for row in seen}) == 5
    assert [row.at for row in seen[:5]] == sorted((row.at for row in seen[:5]), reverse=True)


async def test_a_filter_that_fits_nothing_finds_nothing(archive: Archive, audit: ReadAudit) -> None:
    await _read(archive, audit)

    with archive.acting_under("audit:read"):
        assert list((await audit.page(AuditQuery(actor="somebody else"))).rows) == []
        assert list((await audit.page(AuditQuery(until=NOW.replace(year=2001)))).rows) == []
        assert len((await audit.page(AuditQuery(patient_id=archive.tenant.patient_id))).rows) == 1


async def test_neither_the_service_nor_another_organization_reads_it(
    archive: Archive, audit: ReadAudit, tenant: Tenant
) -> None:
    await _read(archive, audit)

    with archive.acting_under("transcriber:write"):
        assert list((await audit.page(AuditQuery())).rows) == []


async def test_a_row_cannot_say_that_somebody_else_read_or_at_another_time(archive: Archive, audit: ReadAudit) -> None:
    ids = {"org": archive.tenant.organization_id, "patient": archive.tenant.patient_id}
    async with archive.transaction("transcriber:read", "audit:read") as tx:
        await tx.execute(_FORGED, ids)

    with archive.acting_under("audit:read"):
        [row] = (await audit.page(AuditQuery())).rows

    assert row.actor == f"user:{archive.tenant.therapist_id}"
    assert row.at.year != 2001


@pytest.mark.parametrize(
    "table", ["transcriber.read_audit", "chat.answer_audit", "chat.read_audit", "gateway.access_audit"]
)
@pytest.mark.parametrize("change", ["update {} set actor = 'x'", "delete from {}", "truncate {}"])
async def test_not_even_a_superuser_who_plays_replica_changes_it(infra: Infra, table: str, change: str) -> None:
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute("set session_replication_role = replica")
        with pytest.raises(psycopg.Error) as refused:
            admin.execute(change.format(table).encode())

    assert refused.value.sqlstate == "TR405"


async def test_words_that_cannot_be_put_on_record_are_not_given(archive: Archive) -> None:
    await _read(archive, ReadAudit(archive.database), times=0)
    transcripts = TranscriptService(archive.database, archive.store, _Full(archive.database), lambda: NOW)

    with archive.acting_under("transcriber:read"), pytest.raises(AppError) as refused:
        await transcripts.find(archive.session_id)

    assert refused.value.problem is UNAVAILABLE


class _Full(ReadAudit):
    """An audit whose disk is full."""

    async def note(self, tx: Transaction, transcript: Version, release: Release) -> None:
        raise AppError(UNAVAILABLE, "The database is not answering.")
