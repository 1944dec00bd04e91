"""What becomes of an upload, with fakes of everything outside."""

from dataclasses import replace
from typing import cast

import pytest

from libs.common.database.transaction import Transaction
from libs.common.errors import INVALID_REQUEST, NOT_FOUND, PRECONDITION_FAILED, UNAVAILABLE, UPSTREAM_FAILED, AppError
from libs.contracts.problems import RECORDING_UNREADABLE
from libs.contracts.purposes import Purpose
from libs.contracts.transcript import (
    TranscriptionFailed,
    TranscriptionStarted,
    TranscriptReady,
    TranscriptUpdated,
    TranscriptWithheld,
)
from services.transcriber.domain import JobStatus, Speaker
from services.transcriber.tests.world import Clinic, FakeTransaction, segment, speech, uploaded

OUTAGE = AppError(UPSTREAM_FAILED, "The vendor failed.")


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


async def test_an_upload_becomes_a_transcript_with_named_speakers(clinic: Clinic) -> None:
    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptReady)
    assert (fact.transcript_version, fact.language, fact.audio_duration_s) == (1, "en", 60.0)
    made = await clinic.words.find(clinic.session_id)
    assert [s.speaker for s in made.draft.segments] == [Speaker.THERAPIST, Speaker.PATIENT]
    assert clinic.job.status is JobStatus.COMPLETED


async def test_what_a_vendor_answered_waits_for_a_database_that_is_away_and_is_not_bought_again(
    clinic: Clinic,
) -> None:
    clinic.transcripts.keeping_fails_with = [AppError(UNAVAILABLE, "The database is not answering.")] * 2

    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptReady)
    assert len(clinic.ears.heard) == 1


async def test_every_attempt_is_announced_with_its_number(clinic: Clinic) -> None:
    clinic.ears.fails_with = [OUTAGE]
    with pytest.raises(AppError):
        await clinic.run()

    await clinic.run()

    started = [fact for fact in clinic.transactions.facts if isinstance(fact, TranscriptionStarted)]
    assert [fact.attempt for fact in started] == [1, 2]


async def test_a_job_waits_in_the_queue_with_its_last_error_until_the_next_try(clinic: Clinic) -> None:
    clinic.ears.fails_with = [OUTAGE]

    with pytest.raises(AppError):
        await clinic.run()

    assert (clinic.job.status, clinic.job.last_error) == (JobStatus.QUEUED, "upstream-failed")


async def test_consent_to_record_and_to_transcribe_is_asked_before_anything_is_heard(clinic: Clinic) -> None:
    clinic.revoke()

    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptWithheld)
    assert fact.reason == "consent-revoked"
    assert clinic.consents.asked == [(Purpose.RECORDING, Purpose.TRANSCRIPTION)]
    assert clinic.ears.heard == []
    assert clinic.job.status is JobStatus.WITHHELD


async def test_consent_revoked_while_the_vendor_listens_leaves_no_words(clinic: Clinic) -> None:
    clinic.ears.meanwhile = clinic.revoke

    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptWithheld)
    assert (clinic.transcripts.versions, clinic.transcripts.kept) == ([], {})


async def test_consent_revoked_between_the_halves_leaves_no_transcript(clinic: Clinic) -> None:
    result = await clinic.step.work(clinic.event)
    clinic.revoke()

    with pytest.raises(AppError) as caught:
        await clinic.step.record(clinic.event, result, cast(Transaction, FakeTransaction()))
    (fact,) = await clinic.step.give_up(clinic.event, caught.value, cast(Transaction, FakeTransaction()))

    assert isinstance(fact, TranscriptWithheld)
    assert clinic.transcripts.versions == []


async def test_a_crash_after_the_vendor_answered_does_not_buy_the_answer_again(clinic: Clinic) -> None:
    await clinic.step.work(clinic.event)

    await clinic.run()

    assert len(clinic.ears.heard) == 1


async def test_what_another_worker_has_made_while_this_one_asked_for_the_key_is_not_bought_again(
    clinic: Clinic,
) -> None:
    clinic.recordings.meanwhile = clinic.run

    made = await clinic.step.work(clinic.event)

    assert (made, len(clinic.ears.heard)) == (None, 1)


async def test_once_the_transcript_stands_the_vendors_answer_is_forgotten(clinic: Clinic) -> None:
    await clinic.run()

    assert clinic.transcripts.kept == {}


async def test_other_options_are_another_request(clinic: Clinic) -> None:
    await clinic.step.work(clinic.event)
    clinic.ears.options = {"beam": "5"}

    await clinic.step.work(clinic.event)

    assert len(clinic.ears.heard) == 2


async def test_a_replay_hears_nothing_again_and_tells_the_version_that_stands(clinic: Clinic) -> None:
    await clinic.run()
    corrected = await clinic.words.swap_speakers(clinic.session_id, 1)

    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptReady)
    assert (fact.transcript_version, fact.transcript_id) == (2, corrected.id)
    assert len(clinic.ears.heard) == 1


async def test_a_session_said_to_be_in_another_language_is_withheld_unheard(clinic: Clinic) -> None:
    clinic.event = uploaded(language="de-AT")

    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptWithheld)
    assert fact.reason == "language-unsupported"
    assert clinic.ears.heard == []


async def test_a_session_surely_heard_in_another_language_is_withheld(clinic: Clinic) -> None:
    clinic.ears.hears = speech((0, "Hola, como estas hoy?"), language="es")

    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptWithheld)
    assert (clinic.transcripts.versions, clinic.transcripts.kept) == ([], {})


async def test_a_doubtful_guess_of_the_language_withholds_nothing(clinic: Clinic) -> None:
    clinic.ears.hears = replace(speech(language="cy"), language_confidence=0.4)

    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptReady)


async def test_an_unreadable_recording_is_a_failed_job_with_a_reason(clinic: Clinic) -> None:
    clinic.ears.fails_with = [AppError(RECORDING_UNREADABLE, "The recording cannot be decoded.")]

    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptionFailed)
    assert fact.reason == "recording-unreadable"
    assert (clinic.job.status, clinic.job.last_error) == (JobStatus.FAILED, "recording-unreadable")


async def test_a_recording_without_speech_is_a_failed_job_and_not_an_empty_transcript(clinic: Clinic) -> None:
    clinic.ears.hears = replace(speech(language="nn"), words=())

    (fact,) = await clinic.run()

    assert isinstance(fact, TranscriptionFailed)
    assert clinic.transcripts.versions == []


async def test_a_correction_makes_the_next_version_and_a_fact(clinic: Clinic) -> None:
    await clinic.run()

    made = await clinic.words.correct(clinic.session_id, 1, [segment(Speaker.PATIENT, "I slept well.")])

    assert (made.version, made.full_text) == (2, "I slept well.")
    fact = clinic.transactions.facts[-1]
    assert isinstance(fact, TranscriptUpdated)
    assert fact.transcript_version == 2


async def test_swapping_exchanges_therapist_and_patient(clinic: Clinic) -> None:
    await clinic.run()

    made = await clinic.words.swap_speakers(clinic.session_id, 1)

    assert [s.speaker for s in made.draft.segments] == [Speaker.PATIENT, Speaker.THERAPIST]


async def test_a_correction_of_an_old_version_is_refused(clinic: Clinic) -> None:
    await clinic.run()
    await clinic.words.swap_speakers(clinic.session_id, 1)

    with pytest.raises(AppError) as caught:
        await clinic.words.swap_speakers(clinic.session_id, 1)

    assert caught.value.problem is PRECONDITION_FAILED


async def test_a_correction_that_runs_backwards_points_at_its_segment(clinic: Clinic) -> None:
    await clinic.run()
    backwards = [segment(Speaker.PATIENT, "one", 5, 6), segment(Speaker.PATIENT, "two", 3, 4)]

    with pytest.raises(AppError) as caught:
        await clinic.words.correct(clinic.session_id, 1, backwards)

    assert caught.value.problem is INVALID_REQUEST
    assert [fault.pointer for fault in caught.value.errors] == ["/body/segments/1"]


async def test_a_session_without_a_transcript_is_not_found(clinic: Clinic) -> None:
    with pytest.raises(AppError) as caught:
        await clinic.words.find(clinic.session_id)

    assert caught.value.problem is NOT_FOUND
