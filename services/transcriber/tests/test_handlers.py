"""What becomes of an upload, with fakes of everything outside."""

from contextlib import suppress
from dataclasses import replace
from typing import cast

import pytest

from libs.common.database.transaction import Transaction
from libs.common.errors import INVALID_REQUEST, NOT_FOUND, PRECONDITION_FAILED, UNAVAILABLE, UPSTREAM_FAILED, AppError
from libs.contracts.problems import ERASED, RECORDING_DAMAGED, RECORDING_UNREADABLE
from libs.contracts.purposes import Purpose
from libs.contracts.transcript import (
    RecordingProbed,
    TranscriptionFailed,
    TranscriptionStarted,
    TranscriptReady,
    TranscriptUpdated,
    TranscriptWithheld,
)
from libs.media.recording import Probe
from services.transcriber.corrections import Correction
from services.transcriber.domain import JobStatus, Speaker
from services.transcriber.segment_changes import Change
from services.transcriber.tests.world import CHECKPOINT, FakeTransaction, World, speech, uploaded

OUTAGE = AppError(UPSTREAM_FAILED, "The vendor failed.")


@pytest.fixture
def world() -> World:
    return World()


async def test_an_upload_becomes_a_transcript_with_named_speakers(world: World) -> None:
    (fact,) = await world.run()

    made = await world.words.find(world.session_id)

    assert isinstance(fact, TranscriptReady)
    assert (fact.transcript_version, fact.language, fact.audio_duration_s) == (1, "en", 60.0)
    assert [s.speaker for s in made.draft.segments] == [Speaker.THERAPIST, Speaker.PATIENT]
    assert world.job.status is JobStatus.COMPLETED


async def test_what_a_vendor_answered_waits_for_a_database_that_is_away_and_is_not_bought_again(
    world: World,
) -> None:
    world.transcripts.keeping_fails_with = [AppError(UNAVAILABLE, "The database is not answering.")] * 2

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptReady)
    assert len(world.ears.heard) == 1


async def test_every_attempt_is_announced_with_its_number(world: World) -> None:
    world.ears.fails_with = [OUTAGE]
    with pytest.raises(AppError):
        await world.run()

    await world.run()

    assert [fact.attempt for fact in world.transactions.facts if isinstance(fact, TranscriptionStarted)] == [1, 2]


async def test_a_job_waits_in_the_queue_with_its_last_error_until_the_next_try(world: World) -> None:
    world.ears.fails_with = [OUTAGE]

    with pytest.raises(AppError):
        await world.run()

    assert (world.job.status, world.job.last_error) == (JobStatus.QUEUED, "upstream-failed")


async def test_consent_to_record_and_to_transcribe_is_asked_before_anything_is_heard(world: World) -> None:
    world.revoke()

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptWithheld)
    assert fact.reason == "consent-revoked"
    assert world.consents.asked == [(Purpose.RECORDING, Purpose.TRANSCRIPTION)]
    assert world.ears.heard == []
    assert world.job.status is JobStatus.WITHHELD


async def test_consent_revoked_while_the_vendor_listens_leaves_no_words(world: World) -> None:
    world.ears.meanwhile = world.revoke

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptWithheld)
    assert (world.transcripts.versions, world.transcripts.kept) == ([], {})


async def test_consent_revoked_between_the_halves_leaves_no_transcript(world: World) -> None:
    result = await world.step.work(world.event)
    world.revoke()

    with pytest.raises(AppError) as caught:
        await world.step.record(world.event, result, cast(Transaction, FakeTransaction()))
    (fact,) = await world.step.on_failure(world.event, caught.value, cast(Transaction, FakeTransaction()))

    assert isinstance(fact, TranscriptWithheld)
    assert world.transcripts.versions == []


async def test_a_crash_after_the_vendor_answered_does_not_buy_the_answer_again(world: World) -> None:
    await world.step.work(world.event)

    await world.run()

    assert len(world.ears.heard) == 1


async def test_what_another_worker_has_made_while_this_one_asked_for_the_key_is_not_bought_again(
    world: World,
) -> None:
    world.recordings.meanwhile = world.run

    made = await world.step.work(world.event)

    assert (made, len(world.ears.heard)) == (None, 1)


async def test_once_the_transcript_stands_the_vendors_answer_is_forgotten(world: World) -> None:
    await world.run()

    assert world.transcripts.kept == {}


async def test_other_options_are_another_request(world: World) -> None:
    await world.step.work(world.event)
    world.ears.options = {"beam": "5"}

    await world.step.work(world.event)

    assert len(world.ears.heard) == 2


async def test_a_replay_hears_nothing_again_and_tells_the_version_that_stands(world: World) -> None:
    await world.run()
    corrected = await world.words.swap_speakers(world.session_id, 1)

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptReady)
    assert (fact.transcript_version, fact.transcript_id) == (2, corrected.id)
    assert len(world.ears.heard) == 1


async def test_a_session_said_to_be_in_another_language_is_withheld_before_it_is_transcribed(world: World) -> None:
    world.event = uploaded(language="de-AT")

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptWithheld)
    assert fact.reason == "language-unsupported"
    assert world.ears.heard == []


async def test_a_session_surely_heard_in_another_language_is_withheld(world: World) -> None:
    world.ears.hears = speech((0, "Hola, como estas hoy?"), language="es")

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptWithheld)
    assert (world.transcripts.versions, world.transcripts.kept) == ([], {})


async def test_a_doubtful_guess_of_the_language_withholds_nothing(world: World) -> None:
    world.ears.hears = replace(speech(language="cy"), language_confidence=0.4)

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptReady)


async def test_an_unreadable_recording_is_a_failed_job_with_a_reason(world: World) -> None:
    world.ears.fails_with = [AppError(RECORDING_UNREADABLE, "The recording cannot be decoded.")]

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptionFailed)
    assert fact.reason == "recording-unreadable"
    assert (world.job.status, world.job.last_error) == (JobStatus.FAILED, "recording-unreadable")


async def test_a_recording_without_speech_is_a_failed_job_and_not_an_empty_transcript(world: World) -> None:
    world.ears.hears = replace(speech(language="nn"), words=())

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptionFailed)
    assert fact.reason == "no-speech"
    assert world.transcripts.versions == []


async def test_a_correction_makes_the_next_version_and_a_fact(world: World) -> None:
    await world.run()

    made = await world.words.correct(
        world.session_id, 1, Correction([Change(2, "I slept well."), Change(1, is_deleted=True)])
    )

    fact = world.transactions.facts[-1]

    assert (made.version, made.full_text) == (2, "I slept well.")
    assert isinstance(fact, TranscriptUpdated)
    assert fact.transcript_version == 2


async def test_a_second_attempt_finds_what_the_first_had_heard(world: World) -> None:
    world.ears.fails_with = [AppError(UNAVAILABLE, "The worker was lost.")]
    with suppress(AppError):
        await world.run()

    await world.run()

    assert world.ears.found == [None, CHECKPOINT]
    assert world.transcripts.checkpoints == {}


async def test_swapping_exchanges_therapist_and_patient(world: World) -> None:
    await world.run()

    made = await world.words.swap_speakers(world.session_id, 1)

    assert [s.speaker for s in made.draft.segments] == [Speaker.PATIENT, Speaker.THERAPIST]


async def test_a_correction_of_an_old_version_is_refused(world: World) -> None:
    await world.run()
    await world.words.swap_speakers(world.session_id, 1)

    with pytest.raises(AppError) as caught:
        await world.words.swap_speakers(world.session_id, 1)

    assert caught.value.problem is PRECONDITION_FAILED


@pytest.mark.parametrize(
    "changes",
    [
        [Change(1, "Yes."), Change(3, "No.")],
        [Change(1, "Yes."), Change(1, "No.")],
        [Change(1, is_deleted=True), Change(2, is_deleted=True)],
    ],
    ids=["of no segment", "of one segment twice", "that leave nothing"],
)
async def test_changes_that_cannot_be_made_point_at_their_segment(world: World, changes: list[Change]) -> None:
    await world.run()

    with pytest.raises(AppError) as caught:
        await world.words.correct(world.session_id, 1, Correction(changes))

    assert caught.value.problem is INVALID_REQUEST
    assert [fault.pointer for fault in caught.value.errors] == ["/body/segments/1"]
    assert len(world.transcripts.versions) == 1


async def test_a_session_without_a_transcript_is_not_found(world: World) -> None:
    with pytest.raises(AppError) as caught:
        await world.words.find(world.session_id)

    assert caught.value.problem is NOT_FOUND


async def test_a_recording_that_is_erased_while_it_is_played_is_told_as_erased(world: World) -> None:
    async def erased() -> None:
        raise AppError(ERASED, "This session was erased.")

    async def erased_the_next_time() -> None:
        world.recordings.meanwhile = erased

    world.recordings.meanwhile = erased_the_next_time
    world.probe_fails_with = AppError(NOT_FOUND, "The object is not in the store.")

    with pytest.raises(AppError) as caught:
        await world.step.work(world.event)

    assert caught.value.problem is ERASED


async def test_what_a_recording_is_is_published_before_anything_is_heard(world: World) -> None:
    world.probes = Probe(duration_s=42.5, is_complete=False)
    seen: list[RecordingProbed] = []
    facts = world.transactions.facts
    world.ears.meanwhile = lambda: seen.extend(fact for fact in facts if isinstance(fact, RecordingProbed))

    await world.run()
    (probed,) = seen

    assert (probed.duration_s, probed.is_complete, probed.damaged_at_s) == (42.5, False, None)


async def test_a_transcript_is_as_long_as_its_recording_and_says_that_the_end_is_missing(world: World) -> None:
    world.probes = Probe(duration_s=42.5, is_complete=False)

    await world.run()

    made = await world.words.find(world.session_id)

    assert (made.draft.duration_s, made.draft.recording_complete) == (42.5, False)


async def test_a_damaged_recording_is_not_bought_and_its_place_is_published(world: World) -> None:
    refusal = AppError(RECORDING_DAMAGED, RECORDING_DAMAGED.doc)
    world.probes = Probe(duration_s=600.0, is_complete=True, damaged_at_s=125.0, refusal=refusal)

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptionFailed)
    assert fact.reason == "recording-damaged"
    assert [f.damaged_at_s for f in world.transactions.facts if isinstance(f, RecordingProbed)] == [125.0]
    assert world.ears.heard == []


async def test_a_goodbye_is_no_session(world: World) -> None:
    world.ears.hears = speech((0, "Bye."))

    (fact,) = await world.run()

    assert isinstance(fact, TranscriptionFailed)
    assert fact.reason == "no-speech"
