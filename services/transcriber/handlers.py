"""Transcribes an uploaded recording while consent is in force."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_exponential

from libs.common.clock import Clock
from libs.common.database.transaction import Transaction
from libs.common.derived_ids import derived_id
from libs.common.errors import NOT_FOUND, UNAVAILABLE, AppError
from libs.common.events import Event
from libs.common.ids import Identify
from libs.common.log import get_logger
from libs.common.messaging.backoff import CLAIMED_ELSEWHERE
from libs.common.messaging.inbox import confirm_claim
from libs.common.messaging.steps import Step
from libs.contracts.ids import JobId, OrganizationId, PatientId, SessionId, TherapistId, TranscriptId
from libs.contracts.problems import CONSENT_REQUIRED, ERASED, NO_SPEECH
from libs.contracts.purposes import Purpose
from libs.contracts.recording import RecordingUploaded
from libs.contracts.transcript import (
    RecordingProbed,
    TranscriptionFailed,
    TranscriptionProgressed,
    TranscriptionStarted,
    TranscriptReady,
    TranscriptWithheld,
)
from libs.media.recording import Probe
from services.transcriber.checkpoints import SealedCheckpoints
from services.transcriber.corrections import transcript_updated_event
from services.transcriber.domain import (
    About,
    Draft,
    JobStatus,
    Speech,
    Transcript,
    Withheld,
    draft_of,
    has_speech,
    heard_other_language,
    is_supported,
)
from services.transcriber.pace import Pace, Reached
from services.transcriber.ports import (
    Audio,
    ByteSource,
    Consents,
    Prober,
    Progress,
    Recordings,
    SpeechToText,
    Transactions,
    Transcripts,
)
from services.transcriber.roles import roles_of

PURPOSES = (Purpose.RECORDING, Purpose.TRANSCRIPTION)
PROGRESS_EVERY_S = 1.0
# How long storing a paid response is retried during a database outage, and the bounds of the backoff.
STORE_RETRY_MAX_S = 600.0
STORE_RETRY_MIN_WAIT_S = 0.2
STORE_RETRY_MAX_WAIT_S = 5.0


@dataclass(frozen=True)
class Dependencies:
    """Dependencies of Transcribe."""

    transactions: Transactions
    transcripts: Transcripts
    consents: Consents
    recordings: Recordings
    speech_to_text: SpeechToText
    probe: Prober
    clock: Clock
    new_id: Identify


Outcome = Draft | Withheld | None
"""A draft; or the reason why there is none; or None if the session already has a transcript."""


class Transcribe(Step[RecordingUploaded, Outcome]):
    """Transcribes a recording after its upload, if consent is still in force."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies

    async def work(self, event: RecordingUploaded) -> Outcome:
        """Require consent, transcribe, assign roles. The response is stored before anything else can fail."""
        if await self._start(event):
            return None
        if not is_supported(event.language):
            return Withheld.LANGUAGE
        try:
            speech = await self._speech(event)
        except AppError as error:
            # Not for a duplicate: the job is the other worker's, who is at it.
            if error.problem.retryable and error.problem is not CLAIMED_ELSEWHERE:
                await self._requeue(event, error)
            raise
        if speech is None:
            return None
        # Silence: vendors answer 200 with no words, and a transcript of nothing would look like one.
        if not has_speech(speech):
            raise AppError(NO_SPEECH, NO_SPEECH.doc)
        if heard_other_language(speech):
            return Withheld.LANGUAGE
        # In a thread, because scoring hours of speech would block the event loop.
        roles = await asyncio.to_thread(roles_of, speech.words, speech.voices_confidence)
        return draft_of(speech, roles.speakers, roles.confidence)

    async def record(self, event: RecordingUploaded, result: Outcome, tx: Transaction) -> Sequence[Event]:
        """Store the transcript and complete the job; if one exists, only publish its event again."""
        transcripts = self._dependencies.transcripts
        if isinstance(result, Withheld):
            await transcripts.delete_speech(tx, SessionId(event.session_id))
            await transcripts.move_job(tx, job_id_of(event), JobStatus.WITHHELD, result.value)
            return (_withheld(event, result),)
        if result is not None:
            transcript_id = TranscriptId(self._dependencies.new_id())
            first = Transcript(transcript_id, _about(event), 1, result, self._dependencies.clock())
            await transcripts.add(tx, first)
            await transcripts.delete_speech(tx, SessionId(event.session_id))
        # Read back, not `first`: on a replay there may be corrections, and consent may hide all of it.
        transcript = await transcripts.newest(tx, SessionId(event.session_id))
        if transcript is None:
            raise AppError(CONSENT_REQUIRED, CONSENT_REQUIRED.doc)
        await transcripts.move_job(tx, job_id_of(event), JobStatus.COMPLETED)
        get_logger().info(
            "transcript.created",
            session_id=str(event.session_id),
            segment_count=len(transcript.draft.segments),
            audio_s=transcript.draft.duration_s,
        )
        return (transcript_updated_event(transcript, TranscriptReady),)

    async def on_failure(self, event: RecordingUploaded, error: AppError, tx: Transaction) -> Sequence[Event]:
        """Publish the failure, or that consent ended; publish nothing for an erased session."""
        if error.problem is ERASED:
            return ()
        if error.problem is CONSENT_REQUIRED:
            await self._dependencies.transcripts.move_job(
                tx, job_id_of(event), JobStatus.WITHHELD, Withheld.CONSENT.value
            )
            return (_withheld(event, Withheld.CONSENT),)
        await self._dependencies.transcripts.move_job(tx, job_id_of(event), JobStatus.FAILED, error.problem.slug)
        return (
            TranscriptionFailed(
                organization_id=event.organization_id,
                patient_id=event.patient_id,
                session_id=event.session_id,
                job_id=job_id_of(event),
                reason=error.problem.slug,
            ),
        )

    async def _start(self, event: RecordingUploaded) -> bool:
        """Count the attempt and publish its start; return True if the session already has a transcript."""
        async with self._dependencies.transactions.transaction() as tx:
            if await self._dependencies.transcripts.newest(tx, SessionId(event.session_id)) is not None:
                return True
            attempt = await self._dependencies.transcripts.begin_job(tx, _about(event), job_id_of(event))
            await tx.emit(
                TranscriptionStarted(
                    organization_id=event.organization_id,
                    patient_id=event.patient_id,
                    session_id=event.session_id,
                    job_id=job_id_of(event),
                    attempt=attempt,
                )
            )
        return False

    async def _speech(self, event: RecordingUploaded) -> Speech | None:
        """Return the recognized speech; None if another worker has stored the transcript meanwhile."""
        dependencies, about = self._dependencies, _about(event)
        # Before the key: without consent nothing of a recording is opened, and no vendor is paid.
        await dependencies.consents.hold(about.patient_id, about.therapist_id, PURPOSES)
        fingerprint = fingerprint_of(event, dependencies.speech_to_text)
        key = await dependencies.recordings.key_of(about.session_id)
        # A slow worker that held the event before may have finished meanwhile.
        await confirm_claim()
        async with dependencies.transactions.transaction() as tx:
            stored = await dependencies.transcripts.stored_speech(tx, about.session_id, fingerprint)
            has_transcript = stored is None and await dependencies.transcripts.newest(tx, about.session_id) is not None
        if stored is not None or has_transcript:
            return stored
        content = dependencies.recordings.open(key)
        async with self._still_there(about.session_id):
            probe = await self._probed(event, content)
            # Last check before the paid call, since probing took seconds.
            await confirm_claim()
            audio = Audio(content, key.media_type, event.language, probe.duration_s)
            async with self._recording_progress(event) as progress:
                checkpoints = SealedCheckpoints(
                    dependencies.transactions, dependencies.transcripts, about, fingerprint, key
                )
                heard = await dependencies.speech_to_text.transcribe(audio, progress, checkpoints)
        # By the recording's clock, whatever the vendor measured: the session and its transcript agree.
        speech = replace(heard, duration_s=probe.duration_s, is_complete=probe.is_complete)
        await self._store_speech(about, fingerprint, speech)
        return speech

    @asynccontextmanager
    async def _still_there(self, session_id: SessionId) -> AsyncIterator[None]:
        """Raise what ingestion says of a session whose recording is missing: it may have been erased meanwhile."""
        try:
            yield
        except AppError as error:
            if error.problem is NOT_FOUND:
                await self._dependencies.recordings.key_of(session_id)
            raise

    async def _probed(self, event: RecordingUploaded, content: ByteSource) -> Probe:
        """Play the recording before anything is bought; publish what it is. Raises AppError if it is refused."""
        probe = await self._dependencies.probe(content)
        async with self._dependencies.transactions.transaction() as tx:
            await tx.emit(
                RecordingProbed(
                    organization_id=event.organization_id,
                    patient_id=event.patient_id,
                    session_id=event.session_id,
                    duration_s=probe.duration_s,
                    is_complete=probe.is_complete,
                    damaged_at_s=probe.damaged_at_s,
                )
            )
        if probe.refusal is not None:
            raise probe.refusal
        return probe

    async def _store_speech(self, about: About, fingerprint: bytes, speech: Speech) -> None:
        """Store a paid response, with retries during a database outage: it would have to be paid for again."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_is_outage),
            wait=wait_exponential(min=STORE_RETRY_MIN_WAIT_S, max=STORE_RETRY_MAX_WAIT_S),
            stop=stop_after_delay(STORE_RETRY_MAX_S),
            # The outage itself, so that the event waits for the database and counts no failed try (ADR 0006).
            reraise=True,
        ):
            with attempt:
                async with self._dependencies.transactions.transaction() as tx:
                    await self._dependencies.transcripts.store_speech(tx, about, fingerprint, speech)

    async def _requeue(self, event: RecordingUploaded, error: AppError) -> None:
        async with self._dependencies.transactions.transaction() as tx:
            await self._dependencies.transcripts.move_job(tx, job_id_of(event), JobStatus.QUEUED, error.problem.slug)

    @asynccontextmanager
    async def _recording_progress(self, event: RecordingUploaded) -> AsyncIterator[Progress]:
        """Yield a thread-safe progress callback; its last value is stored about once per second."""
        share = _Share()
        writer = asyncio.create_task(self._write_progress(event, share))
        try:
            yield share.set
        finally:
            # The last value may stay unwritten: how the job ended says more.
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer

    async def _write_progress(self, event: RecordingUploaded, share: "_Share") -> None:
        pace = Pace(self._dependencies.clock)
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)
            if share.value is None or share.value == pace.share:
                continue
            reached = pace.reached(share.value)
            # Progress is informational, so a failure to store it must not fail the job.
            with suppress(AppError):
                async with self._dependencies.transactions.transaction() as tx:
                    await self._dependencies.transcripts.note_progress(tx, job_id_of(event), share.value)
                    if reached is not None:
                        await tx.emit(_progressed(event, reached))


def job_id_of(event: RecordingUploaded) -> JobId:
    """Return the job id of a recording; it is derived, so redelivered events share one job."""
    return JobId(derived_id(event.recording_id, "transcription"))


def fingerprint_of(event: RecordingUploaded, vendor: SpeechToText) -> bytes:
    """Return the SHA-256 that identifies a transcription request: recording, vendor, model, language and options."""
    # All that changes what is heard: with another model or option the recording is heard again.
    parts = [event.content_sha256, vendor.source.vendor, vendor.source.model, event.language]
    text = json.dumps([*parts, sorted(vendor.options.items())], separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _is_outage(error: BaseException) -> bool:
    return isinstance(error, AppError) and error.problem is UNAVAILABLE


def _progressed(event: RecordingUploaded, reached: Reached) -> TranscriptionProgressed:
    return TranscriptionProgressed(
        organization_id=event.organization_id,
        patient_id=event.patient_id,
        session_id=event.session_id,
        job_id=job_id_of(event),
        share=reached.share,
        remaining_s=reached.remaining_s,
    )


class _Share:
    """A progress value from 0 to 1 that any thread may set; None before the first."""

    def __init__(self) -> None:
        self.value: float | None = None

    def set(self, value: float) -> None:
        self.value = min(max(value, 0.0), 1.0)


def _about(event: RecordingUploaded) -> About:
    return About(
        OrganizationId(event.organization_id),
        PatientId(event.patient_id),
        TherapistId(event.therapist_id),
        SessionId(event.session_id),
        event.session_date,
    )


def _withheld(event: RecordingUploaded, reason: Withheld) -> TranscriptWithheld:
    return TranscriptWithheld(
        organization_id=event.organization_id,
        patient_id=event.patient_id,
        session_id=event.session_id,
        reason=reason.value,
    )
