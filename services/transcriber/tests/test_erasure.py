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
from libs.tenancy.erase_share import EraseShare
from services.transcriber.audit_store import ReadAudit
from services.transcriber.corrections import Words
from services.transcriber.domain import Speech
from services.transcriber.handlers import Transcribe, World
from services.transcriber.ports import Audio, Progress
from services.transcriber.revocations import ForgetLater
from services.transcriber.store import Withdrawn
from services.transcriber.tests.archive import Archive
from services.transcriber.tests.world import NOW, FakeConsents, FakeEars, FakeRecordings

TABLES = ("transcript", "heard", "job")
LATER = timedelta(days=7)


class Clinic:
    """One session and its erasure."""

    def __init__(self, archive: Archive, admin_url: str) -> None:
        self.archive = archive
        self.admin_url = admin_url
        self.ears = FakeEars()
        world = World(archive.database, archive.store, FakeConsents(), FakeRecordings(), self.ears, lambda: NOW)
        self.step = Transcribe(world)
        self.words = Words(archive.database, archive.store, ReadAudit(archive.database), lambda: NOW)

    async def transcribes(self) -> Sequence[Event]:
        event = self.archive.event
        with self.archive.holding("transcriber:write", patient=PatientId(event.patient_id)):
            result = await self.step.work(event)
            async with self.archive.database.transaction() as tx:
                return await self.step.record(event, result, tx)

    async def erases(self, *, patient: bool = False) -> TranscriptErased:
        event = self.archive.event
        ids = {"organization_id": event.organization_id, "patient_id": event.patient_id, "erasure_id": new_id()}
        told: Erasure = PatientErased(**ids) if patient else SessionErased(**ids, session_id=event.session_id)
        async with self.archive.transaction("erasure:write") as tx:
            (fact,) = await EraseShare(TranscriptErased).record(told, None, tx)
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
        step = ForgetLater(self.archive.store, lambda: utc_now() - timedelta(days=days_ago), LATER)
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
def clinic(archive: Archive, infra: Infra) -> Clinic:
    return Clinic(archive, infra.admin_url)


async def test_an_erased_session_has_no_words_no_job_and_says_how_many_went(clinic: Clinic) -> None:
    await clinic.transcribes()

    fact = await clinic.erases()

    assert fact.counts == {"transcript": 1, "heard": 0, "job": 1, "withdrawn": 0}
    assert set(clinic.left().values()) == {0}
    with clinic.archive.holding("transcriber:read"), pytest.raises(AppError) as caught:
        await clinic.words.find(clinic.archive.session_id)
    assert caught.value.problem is ERASED


async def test_words_that_a_revocation_hides_are_erased_all_the_same(clinic: Clinic) -> None:
    await clinic.transcribes()
    await clinic.archive.consent_is("revoked")

    assert (await clinic.erases(patient=True)).counts[Table.TRANSCRIPT] == 1
    assert set(clinic.left().values()) == {0}


async def test_a_job_that_runs_while_its_session_is_erased_ends_without_words_and_without_a_failure(
    clinic: Clinic,
) -> None:
    listening = clinic.ears.transcribe

    async def erased_meanwhile(audio: Audio, progress: Progress) -> Speech:
        await clinic.erases()
        return await listening(audio, progress)

    clinic.ears.transcribe = erased_meanwhile  # type: ignore[method-assign]  # a fake that is told what to do

    with pytest.raises(AppError) as caught:
        await clinic.transcribes()
    async with clinic.archive.transaction() as tx:
        facts = await clinic.step.give_up(clinic.archive.event, caught.value, tx)

    assert (caught.value.problem, list(facts)) == (ERASED, [])
    assert ERASED.is_refusal
    assert set(clinic.left().values()) == {0}


async def test_a_replayed_upload_of_an_erased_session_asks_no_vendor(clinic: Clinic) -> None:
    await clinic.erases(patient=True)

    with pytest.raises(AppError) as caught:
        await clinic.transcribes()

    assert caught.value.problem is ERASED
    assert clinic.ears.heard == []
    assert set(clinic.left().values()) == {0}


async def test_words_go_when_the_grace_period_has_passed(clinic: Clinic) -> None:
    await clinic.transcribes()
    sweep = Withdrawn(clinic.archive.database).sweep

    await clinic.is_revoked(days_ago=6)
    await sweep()
    during = clinic.left()["transcript"]
    await clinic.archive.consent_is("granted", "transcription")
    await clinic.is_revoked(days_ago=8)
    await sweep()

    assert (during, clinic.left()["transcript"]) == (1, 0)


async def test_words_stay_when_consent_was_granted_again_in_time(clinic: Clinic) -> None:
    await clinic.transcribes()
    await clinic.is_revoked(days_ago=8)
    await clinic.archive.consent_is("granted", "transcription")

    await Withdrawn(clinic.archive.database).sweep()

    assert clinic.left()["transcript"] == 1
