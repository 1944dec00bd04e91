"""The transcriber's share of an erasure, running jobs included, and words that go after a revocation."""

from collections.abc import Sequence
from datetime import timedelta

import psycopg
import pytest

from libs.common.clock import utc_now
from libs.common.errors import AppError
from libs.common.events import Event
from libs.common.ids import new_id
from libs.contracts.consent import ConsentRevoked
from libs.contracts.erasure import Erasure, PatientErased, SessionErased, Table, TranscriptErased
from libs.contracts.ids import PatientId
from libs.contracts.problems import ERASED
from libs.contracts.purposes import Purpose
from libs.devstack.infra import Infra
from libs.tenancy.erase_own_rows import EraseOwnRows
from services.transcriber.audit_store import ReadAudit
from services.transcriber.corrections import TranscriptService
from services.transcriber.domain import Speech
from services.transcriber.handlers import Dependencies, Transcribe
from services.transcriber.ports import Audio, Checkpoints, Progress
from services.transcriber.revocations import ScheduleTranscriptDeletion
from services.transcriber.store import WithdrawnTranscripts
from services.transcriber.tests.archive import Archive
from services.transcriber.tests.world import NOW, FakeConsents, FakeEars, FakeRecordings, plays

TABLES = ("transcript", "heard", "job")
LATER = timedelta(days=7)


class World:
    """One session and its erasure."""

    def __init__(self, archive: Archive, admin_url: str) -> None:
        self.archive = archive
        self.admin_url = admin_url
        self.ears = FakeEars()
        dependencies = Dependencies(
            archive.database, archive.store, FakeConsents(), FakeRecordings(), self.ears, plays, lambda: NOW, new_id
        )
        self.step = Transcribe(dependencies)
        self.transcripts = TranscriptService(archive.database, archive.store, ReadAudit(archive.database), lambda: NOW)

    async def transcribes(self) -> Sequence[Event]:
        event = self.archive.event
        with self.archive.acting_under("transcriber:write", patient=PatientId(event.patient_id)):
            result = await self.step.work(event)
            async with self.archive.database.transaction() as tx:
                return await self.step.record(event, result, tx)

    async def erases(self, *, patient: bool = False) -> TranscriptErased:
        event = self.archive.event
        ids = {"organization_id": event.organization_id, "patient_id": event.patient_id, "erasure_id": new_id()}
        told: Erasure = PatientErased(**ids) if patient else SessionErased(**ids, session_id=event.session_id)
        async with self.archive.transaction("erasure:write") as tx:
            (fact,) = await EraseOwnRows(TranscriptErased).record(told, None, tx)
        assert isinstance(fact, TranscriptErased)
        return fact

    async def is_revoked(self, *, days_ago: int) -> None:
        event = self.archive.event
        revoked = ConsentRevoked(
            organization_id=event.organization_id,
            patient_id=event.patient_id,
            therapist_id=event.therapist_id,
            consent_id=new_id(),
            consent_type=Purpose.TRANSCRIPTION,
        )
        await self.archive.consent_is("revoked", "transcription")
        step = ScheduleTranscriptDeletion(self.archive.store, lambda: utc_now() - timedelta(days=days_ago), LATER)
        async with self.archive.transaction() as tx:
            await step.record(revoked, None, tx)

    def left(self) -> dict[str, int]:
        with psycopg.connect(self.admin_url) as connection:
            counts = {}
            for table in TABLES:
                query = f"select count(*) from transcriber.{table} where organization_id = %s"
                row = connection.execute(query.encode(), [self.archive.tenant.organization_id]).fetchone()
                counts[table] = row[0] if row else -1
            return counts


@pytest.fixture
def world(archive: Archive, infra: Infra) -> World:
    return World(archive, infra.admin_url)


async def test_an_erased_session_has_no_words_no_job_and_says_how_many_went(world: World) -> None:
    await world.transcribes()

    fact = await world.erases()

    assert fact.counts == {"transcript": 1, "heard": 0, "job": 1, "withdrawn": 0}
    assert set(world.left().values()) == {0}
    with world.archive.acting_under("transcriber:read"), pytest.raises(AppError) as caught:
        await world.transcripts.find(world.archive.session_id)
    assert caught.value.problem is ERASED


async def test_words_that_a_revocation_hides_are_erased_all_the_same(world: World) -> None:
    await world.transcribes()
    await world.archive.consent_is("revoked")

    assert (await world.erases(patient=True)).counts[Table.TRANSCRIPT] == 1
    assert set(world.left().values()) == {0}


async def test_a_job_that_runs_while_its_session_is_erased_ends_without_words_and_without_a_failure(
    world: World,
) -> None:
    listening = world.ears.transcribe

    async def erased_meanwhile(audio: Audio, progress: Progress, checkpoints: Checkpoints) -> Speech:
        await world.erases()
        return await listening(audio, progress, checkpoints)

    world.ears.transcribe = erased_meanwhile  # type: ignore[method-assign]  # a fake that is told what to do

    with pytest.raises(AppError) as caught:
        await world.transcribes()
    async with world.archive.transaction() as tx:
        facts = await world.step.on_failure(world.archive.event, caught.value, tx)

    assert (caught.value.problem, list(facts)) == (ERASED, [])
    assert ERASED.is_refusal
    assert set(world.left().values()) == {0}


async def test_a_replayed_upload_of_an_erased_session_asks_no_vendor(world: World) -> None:
    await world.erases(patient=True)

    with pytest.raises(AppError) as caught:
        await world.transcribes()

    assert caught.value.problem is ERASED
    assert world.ears.heard == []
    assert set(world.left().values()) == {0}


async def test_words_go_when_the_grace_period_has_passed(world: World) -> None:
    await world.transcribes()
    sweep = WithdrawnTranscripts(world.archive.database).sweep

    await world.is_revoked(days_ago=6)
    await sweep()
    during = world.left()["transcript"]
    await world.archive.consent_is("granted", "transcription")
    await world.is_revoked(days_ago=8)
    await sweep()

    assert (during, world.left()["transcript"]) == (1, 0)


async def test_words_stay_when_consent_was_granted_again_in_time(world: World) -> None:
    await world.transcribes()
    await world.is_revoked(days_ago=8)
    await world.archive.consent_is("granted", "transcription")

    await WithdrawnTranscripts(world.archive.database).sweep()

    assert world.left()["transcript"] == 1
