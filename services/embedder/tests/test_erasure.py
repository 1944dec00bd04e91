"""The embedder's share of an erasure, and the index that goes when its consent has been gone for the grace period."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import psycopg
import pytest
from sqlalchemy import text

from libs.common.clock import utc_now
from libs.common.errors import AppError
from libs.common.events import Event
from libs.common.ids import new_id
from libs.contracts.consent import ConsentRevoked
from libs.contracts.erasure import Erasure, IndexErased, PatientErased, SessionErased, Table
from libs.contracts.problems import ERASED
from libs.contracts.purposes import Purpose
from libs.devstack.conditions import until
from libs.tenancy.erase_own_rows import EraseOwnRows
from services.embedder.domain import Source
from services.embedder.handlers import Dependencies, IndexTranscript, ScheduleIndexDeletion
from services.embedder.tests.archive import MODEL, Archive, vectors_of
from services.embedder.tests.world import dialogue, index_of, ready

TURNS = dialogue()
TABLES = ("chunk", "passage", "embedding", "indexed")
LATER = timedelta(days=7)


def _left(archive: Archive) -> dict[str, int]:
    with psycopg.connect(archive.infra.admin_url) as connection:
        query = "select count(*) from embedder.{} where organization_id = %s"
        return {
            table: connection.execute(query.format(table).encode(), [archive.tenant.organization_id]).fetchone()[0]  # type: ignore[index]  # a count has a row
            for table in TABLES
        }


def _is_waited_for(archive: Archive, backend_pid: int) -> bool:
    query = "select from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
    with psycopg.connect(archive.infra.admin_url) as connection:
        return connection.execute(query, [backend_pid]).fetchone() is not None


async def _erases(archive: Archive, session: Source | None) -> Sequence[Event]:
    ids = {"organization_id": archive.tenant.organization_id, "patient_id": archive.tenant.patient_id}
    event: Erasure = (
        SessionErased(**ids, session_id=session.session_id, erasure_id=new_id())
        if session
        else PatientErased(**ids, erasure_id=new_id())
    )
    with archive.acting_under("erasure:write"):
        async with archive.database.transaction() as tx:
            facts = await EraseOwnRows(IndexErased).record(event, None, tx)
            await tx.emit(*facts)
    return facts


async def test_an_erased_session_is_found_no_more_and_the_other_one_still_is(archive: Archive) -> None:
    other = archive.new_session()
    await archive.add(archive.source, TURNS)
    await archive.add(other, TURNS)
    before = _left(archive)

    (fact,) = await _erases(archive, archive.source)

    assert isinstance(fact, IndexErased)
    assert fact.counts == {table: before[table] // 2 for table in TABLES} | {"withdrawn": 0}
    assert _left(archive) == {table: count // 2 for table, count in before.items()}
    assert {hit.session_id for hit in await archive.search()} == {other.session_id}


async def test_a_patients_erasure_leaves_no_row_even_of_what_a_revocation_hides(archive: Archive) -> None:
    await archive.add(archive.source, TURNS)
    await archive.change_consent("revoked")

    (fact,) = await _erases(archive, None)

    assert isinstance(fact, IndexErased)
    assert fact.counts[Table.CHUNK] > 0
    assert set(_left(archive).values()) == {0}


async def test_a_late_index_of_an_erased_session_is_refused_and_is_no_failure(archive: Archive) -> None:
    await _erases(archive, archive.source)
    index = index_of(archive.source, TURNS, MODEL)

    with archive.acting_under(), pytest.raises(AppError) as caught:
        async with archive.database.transaction() as tx:
            await archive.store.replace(tx, index)
    with archive.acting_under(), pytest.raises(AppError) as not_stored:
        await archive.store.add_vectors(archive.source, MODEL, vectors_of(index))

    assert (caught.value.problem, not_stored.value.problem) == (ERASED, ERASED)
    assert ERASED.is_refusal
    assert set(_left(archive).values()) == {0}


async def test_rows_that_are_being_written_when_the_erasure_comes_are_waited_for_and_erased(archive: Archive) -> None:
    index = index_of(archive.source, TURNS, MODEL)

    with archive.acting_under():
        async with archive.database.transaction() as tx:
            assert await archive.store.replace(tx, index)
            writer = (await tx.execute(text("select pg_backend_pid()"))).scalar_one()
            erasing = asyncio.create_task(_erases(archive, archive.source))
            await until(lambda: erasing.done() or _is_waited_for(archive, writer))
            waited = not erasing.done()
    (fact,) = await erasing

    assert waited
    assert isinstance(fact, IndexErased)
    assert fact.counts[Table.CHUNK] == len(index.chunks)
    assert set(_left(archive).values()) == {0}


async def test_a_failure_about_what_was_erased_says_nothing(archive: Archive) -> None:
    event = ready(archive.source)
    step = IndexTranscript(cast(Dependencies, None))  # on_failure asks nobody

    with archive.acting_under():
        async with archive.database.transaction() as tx:
            assert await step.on_failure(event, AppError(ERASED, ERASED.doc), tx) == ()


async def test_without_the_scope_for_erasing_nothing_is_erased(archive: Archive) -> None:
    await archive.add(archive.source, TURNS)
    event = PatientErased(
        organization_id=archive.tenant.organization_id, patient_id=archive.tenant.patient_id, erasure_id=new_id()
    )

    with archive.acting_under("embedder:write"), pytest.raises(AppError) as caught:
        async with archive.database.transaction() as tx:
            await EraseOwnRows(IndexErased).record(event, None, tx)

    assert caught.value.problem.status == 401
    assert _left(archive)["chunk"] > 0


async def _is_revoked(archive: Archive, *, ago: timedelta, purpose: Purpose = Purpose.AI_ANALYSIS) -> None:
    event = ConsentRevoked(
        organization_id=archive.tenant.organization_id,
        patient_id=archive.tenant.patient_id,
        therapist_id=archive.tenant.therapist_id,
        consent_id=new_id(),
        consent_type=purpose,
    )
    await archive.change_consent("revoked", purpose)
    with archive.acting_under():
        async with archive.database.transaction() as tx:
            await ScheduleIndexDeletion(archive.store, lambda: utc_now() - ago, LATER).record(event, None, tx)


async def test_the_index_goes_when_the_grace_period_has_passed_and_not_before(archive: Archive) -> None:
    await archive.add(archive.source, TURNS)

    await _is_revoked(archive, ago=timedelta(days=6))
    await archive.store.sweep_withdrawn()
    during = _left(archive)
    await _is_revoked_again(archive)
    await archive.store.sweep_withdrawn()

    assert min(during.values()) > 0
    assert set(_left(archive).values()) == {0}


async def test_the_index_goes_with_consent_to_the_words_it_is_of(archive: Archive) -> None:
    await archive.add(archive.source, TURNS)

    await _is_revoked(archive, ago=timedelta(days=8), purpose=Purpose.TRANSCRIPTION)
    await archive.store.sweep_withdrawn()

    assert set(_left(archive).values()) == {0}


async def _is_revoked_again(archive: Archive) -> None:
    await archive.change_consent("granted")
    await _is_revoked(archive, ago=timedelta(days=8))


async def test_granted_again_within_the_grace_period_the_index_stays(archive: Archive) -> None:
    await archive.add(archive.source, TURNS)
    await _is_revoked(archive, ago=timedelta(days=8))
    await archive.change_consent("granted")

    await archive.store.sweep_withdrawn()

    assert min(_left(archive).values()) > 0
    assert await archive.search()


async def test_under_a_legal_hold_the_index_stays(archive: Archive) -> None:
    await archive.add(archive.source, TURNS)
    await _is_revoked(archive, ago=timedelta(days=8))
    with psycopg.connect(archive.infra.admin_url, autocommit=True) as connection:
        whose = [archive.tenant.organization_id, archive.tenant.patient_id]
        connection.execute("insert into ingestion.legal_hold values (%s, %s, true, 'test')", whose)

    await archive.store.sweep_withdrawn()

    assert min(_left(archive).values()) > 0
