"""Jobs and transcripts on real PostgreSQL, under row-level security and the patient's consent."""

from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from libs.common.capability import acting_under
from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.contracts.ids import OrganizationId, PatientId, SessionId
from libs.contracts.problems import CONSENT_REQUIRED
from libs.devstack.infra import Infra
from services.transcriber.domain import JobStatus, with_speakers_swapped
from services.transcriber.handlers import fingerprint_of, job_id_of
from services.transcriber.ports import Wanted
from services.transcriber.tests.archive import PURPOSES, Archive
from services.transcriber.tests.world import NOW, FakeEars, about, speech, uploaded

_AS_BEFORE = """
update transcriber.transcript set words = null,
       segments = (select jsonb_agg(s - 'id') from jsonb_array_elements(segments) s) where session_id = %(session)s"""
FINGERPRINT = fingerprint_of(uploaded(), FakeEars())


async def test_a_transcript_is_read_as_it_was_written(archive: Archive) -> None:
    await archive.added()

    async with archive.transaction("transcriber:read") as tx:
        found = await archive.store.newest(tx, archive.session_id)

    assert found is not None
    assert found.draft.segments == tuple(replace(one, words=()) for one in archive.first.draft.segments)
    assert (found.id, found.about, found.created_at) == (archive.first.id, archive.first.about, NOW)


async def test_the_times_of_words_are_read_only_when_they_are_asked_for(archive: Archive) -> None:
    await archive.added()

    async with archive.transaction("transcriber:read") as tx:
        without = await archive.store.newest(tx, archive.session_id)
        found = await archive.store.find(tx, archive.session_id, Wanted(with_words=True))

    assert without is not None
    assert found is not None
    assert [segment.words for segment in without.draft.segments] == [(), ()]
    assert found.draft.segments == archive.first.draft.segments


async def test_any_version_is_found_by_its_number_and_no_other(archive: Archive) -> None:
    await archive.added()
    second = with_speakers_swapped(archive.first, NOW)
    async with archive.transaction() as tx:
        await archive.store.add(tx, second)

    async with archive.transaction("transcriber:read") as tx:
        found = [await archive.store.find(tx, archive.session_id, Wanted(number, True)) for number in (1, 2, 3)]

    assert [one and one.draft.segments for one in found] == [
        archive.first.draft.segments,
        second.draft.segments,
        None,
    ]


async def test_segments_that_were_stored_without_ids_are_named_by_their_places(archive: Archive, infra: Infra) -> None:
    await archive.added()
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute(_AS_BEFORE, {"session": archive.session_id})

    async with archive.transaction("transcriber:read") as tx:
        found = await archive.store.find(tx, archive.session_id, Wanted(with_words=True))

    assert found is not None
    assert [(segment.id, segment.words) for segment in found.draft.segments] == [(1, ()), (2, ())]


async def test_the_newest_version_is_read_and_the_old_one_stays(archive: Archive) -> None:
    await archive.added()

    async with archive.transaction() as tx:
        is_added = await archive.store.add(tx, with_speakers_swapped(archive.first, NOW))
        found = await archive.store.newest(tx, archive.session_id)
        count = (await tx.execute(text("select count(*) from transcript"))).scalar_one()

    assert is_added
    assert found is not None
    assert (found.version, count) == (2, 2)


async def test_of_two_corrections_of_one_version_only_the_first_is_added(archive: Archive) -> None:
    await archive.added()
    second = with_speakers_swapped(archive.first, NOW)
    async with archive.transaction() as tx:
        await archive.store.add(tx, second)

    async with archive.transaction() as tx:
        added = await archive.store.add(tx, replace(second, created_at=NOW))

    assert not added


@pytest.mark.parametrize("revoked", PURPOSES)
async def test_without_consent_no_transcript_is_made(archive: Archive, revoked: str) -> None:
    await archive.consent_is("revoked", revoked)

    with pytest.raises(AppError) as caught:
        await archive.added()

    assert caught.value.problem is CONSENT_REQUIRED


async def test_without_consent_no_answer_of_a_vendor_is_kept(archive: Archive) -> None:
    await archive.consent_is("revoked", "transcription")

    with pytest.raises(AppError) as caught:
        async with archive.transaction() as tx:
            await archive.store.store_speech(tx, about(archive.event), FINGERPRINT, speech())

    assert caught.value.problem is CONSENT_REQUIRED


async def test_a_revocation_hides_the_words_at_once_and_a_new_grant_shows_them_again(archive: Archive) -> None:
    await archive.added()
    seen = []

    for status in ("revoked", "granted"):
        await archive.consent_is(status, "transcription")
        async with archive.transaction("transcriber:read") as tx:
            seen.append(await archive.store.newest(tx, archive.session_id) is not None)

    assert seen == [False, True]


async def test_a_vendors_answer_comes_back_for_the_same_request_only(archive: Archive) -> None:
    async with archive.transaction() as tx:
        await archive.store.store_speech(tx, about(archive.event), FINGERPRINT, speech())

    async with archive.transaction() as tx:
        same = await archive.store.stored_speech(tx, archive.session_id, FINGERPRINT)
        other = await archive.store.stored_speech(tx, archive.session_id, bytes(32))

    assert same is not None
    assert [word.text for word in same.words] == [word.text for word in speech().words]
    assert same.words[3].start_s == pytest.approx(speech().words[3].start_s)
    assert other is None


async def test_a_vendors_answer_can_be_forgotten(archive: Archive) -> None:
    async with archive.transaction() as tx:
        await archive.store.store_speech(tx, about(archive.event), FINGERPRINT, speech())
        await archive.store.delete_speech(tx, archive.session_id)
        kept = await archive.store.stored_speech(tx, archive.session_id, FINGERPRINT)

    assert kept is None


async def test_a_job_counts_its_attempts_and_says_how_it_ended(archive: Archive) -> None:
    job_id = job_id_of(archive.event)
    async with archive.transaction() as tx:
        first = await archive.store.begin_job(tx, about(archive.event), job_id)
        await archive.store.move_job(tx, job_id, JobStatus.QUEUED, "upstream-failed")
        second = await archive.store.begin_job(tx, about(archive.event), job_id)
        await archive.store.note_progress(tx, job_id, 0.5)
        await archive.store.move_job(tx, job_id, JobStatus.COMPLETED)

    async with archive.transaction("transcriber:read") as tx:
        job = await archive.store.job(tx, archive.session_id)

    assert job is not None
    assert (first, second, job.attempts) == (1, 2, 2)
    assert (job.status, job.progress, job.last_error) == (JobStatus.COMPLETED, 1.0, None)
    assert job.finished_at is not None


async def test_another_organization_sees_and_changes_nothing(archive: Archive) -> None:
    await archive.added()
    stranger = replace(archive.tenant, organization_id=OrganizationId(new_id()))

    with acting_under(stranger.capability("transcriber:write")):
        async with archive.database.transaction() as tx:
            found = await archive.store.newest(tx, archive.session_id)

    assert found is None


@pytest.mark.parametrize(
    "bound", [{"patient": PatientId(new_id())}, {"session": SessionId(new_id())}], ids=["patient", "session"]
)
async def test_a_capability_of_another_patient_or_session_sees_nothing(
    archive: Archive, bound: dict[str, PatientId | SessionId]
) -> None:
    await archive.added()

    with archive.acting_under("transcriber:read", **bound):  # type: ignore[arg-type]
        async with archive.database.transaction() as tx:
            found = await archive.store.newest(tx, archive.session_id)

    assert found is None


async def test_a_version_cannot_be_changed_or_deleted(archive: Archive) -> None:
    await archive.added()

    for statement in ("update transcript set language = 'xx'", "delete from transcript"):
        with pytest.raises(Exception, match="permission denied"):
            async with archive.transaction() as tx:
                await tx.execute(text(statement))
