"""The step of an upload on real PostgreSQL, under the capability that an event carries."""

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from libs.common.errors import AppError
from libs.common.events import Event
from libs.common.ids import new_id
from libs.contracts.ids import PatientId
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.transcript import TranscriptReady, TranscriptUpdated, TranscriptWithheld
from services.transcriber.audit_store import ReadAudit
from services.transcriber.corrections import TranscriptService
from services.transcriber.domain import JobStatus, Speaker
from services.transcriber.handlers import Dependencies, Transcribe
from services.transcriber.tests.archive import Archive
from services.transcriber.tests.world import NOW, FakeConsents, FakeEars, FakeRecordings, plays


class Pipeline:
    """An upload and the two halves of its step."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.ears = FakeEars()
        dependencies = Dependencies(
            archive.database, archive.store, FakeConsents(), FakeRecordings(), self.ears, plays, lambda: NOW, new_id
        )
        self.step = Transcribe(dependencies)
        self.transcripts = TranscriptService(archive.database, archive.store, ReadAudit(archive.database), lambda: NOW)

    async def run(self) -> Sequence[Event]:
        """Do both halves and publish what follows."""
        event = self.archive.event
        with self.archive.acting_under(
            "transcriber:write", patient=PatientId(event.patient_id), session=self.archive.session_id
        ):
            result = await self.step.work(event)
            async with self.archive.database.transaction() as tx:
                facts = await self.step.record(event, result, tx)
                await tx.emit(*facts)
        return facts

    async def on_failure(self, error: AppError) -> Sequence[Event]:
        """Record the failure as the consumer does."""
        async with self.archive.transaction() as tx:
            return await self.step.on_failure(self.archive.event, error, tx)


@pytest.fixture
def pipeline(archive: Archive) -> Pipeline:
    return Pipeline(archive)


async def test_an_upload_becomes_a_transcript_a_job_and_a_fact(pipeline: Pipeline) -> None:
    (fact,) = await pipeline.run()

    with pipeline.archive.acting_under("transcriber:read"):
        made = await pipeline.transcripts.find(pipeline.archive.session_id)
        job = await pipeline.transcripts.job(pipeline.archive.session_id)

    assert isinstance(fact, TranscriptReady)
    assert [s.speaker for s in made.draft.segments] == [Speaker.THERAPIST, Speaker.PATIENT]
    assert (job.status, job.attempts) == (JobStatus.COMPLETED, 1)


async def test_no_second_copy_of_the_words_stays_behind(pipeline: Pipeline) -> None:
    await pipeline.run()

    async with pipeline.archive.transaction() as tx:
        assert (await tx.execute(text("select count(*) from heard"))).scalar_one() == 0


async def test_consent_revoked_while_the_vendor_listens_leaves_no_words(pipeline: Pipeline) -> None:
    await pipeline.archive.consent_is("revoked", "transcription")

    with pytest.raises(AppError) as caught:
        await pipeline.run()
    (fact,) = await pipeline.on_failure(caught.value)

    assert caught.value.problem is CONSENT_REQUIRED
    assert isinstance(fact, TranscriptWithheld)
    await pipeline.archive.consent_is("granted", "transcription")
    async with pipeline.archive.transaction() as tx:
        left = "select (select count(*) from heard) + (select count(*) from transcript)"

        assert (await tx.execute(text(left))).scalar_one() == 0


async def test_a_replay_buys_nothing_and_says_what_stands(pipeline: Pipeline) -> None:
    (first,) = await pipeline.run()

    (again,) = await pipeline.run()

    assert again == first
    assert len(pipeline.ears.heard) == 1


async def test_a_correction_leaves_a_fact_in_the_outbox(pipeline: Pipeline) -> None:
    await pipeline.run()

    with pipeline.archive.acting_under("transcriber:write"):
        made = await pipeline.transcripts.swap_speakers(pipeline.archive.session_id, 1)

    assert made.version == 2
    assert await pipeline.archive.published(TranscriptUpdated.type) == 1


async def test_a_correction_after_a_revocation_finds_nothing(pipeline: Pipeline) -> None:
    await pipeline.run()
    await pipeline.archive.consent_is("revoked", "transcription")

    with pipeline.archive.acting_under("transcriber:write"), pytest.raises(AppError) as caught:
        await pipeline.transcripts.swap_speakers(pipeline.archive.session_id, 1)

    assert caught.value.problem.slug == "not-found"
