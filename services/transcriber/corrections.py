"""Reading and correcting transcripts; each correction creates a new version and publishes an event."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from libs.common.clock import Clock
from libs.common.database.transaction import Transaction
from libs.common.errors import INVALID_REQUEST, NOT_FOUND, PRECONDITION_FAILED, AppError, FieldError
from libs.contracts.capability import bound_patient
from libs.contracts.ids import SessionId
from libs.contracts.problems import ERASED
from libs.contracts.transcript import TranscriptReady, TranscriptUpdated
from services.transcriber.domain import Job, Segment, Transcript, corrected, validation_errors, with_speakers_swapped
from services.transcriber.ports import Audit, Release, Transactions, Transcripts

TranscriptEvent = TypeVar("TranscriptEvent", TranscriptReady, TranscriptUpdated)


class TranscriptService:
    """Reads and corrects transcripts."""

    def __init__(self, transactions: Transactions, transcripts: Transcripts, audit: Audit, clock: Clock) -> None:
        self._transactions = transactions
        self._transcripts = transcripts
        self._audit = audit
        self._clock = clock

    async def find(self, session_id: SessionId) -> Transcript:
        """Record the read and return the newest version. Raises AppError: NOT_FOUND, ERASED."""
        async with self._transactions.transaction() as tx:
            transcript = await self._newest(tx, session_id)
            # In the transaction that reads: no words are given out without a note of it.
            await self._audit.note(tx, transcript, Release.READ)
            return transcript

    async def job(self, session_id: SessionId) -> Job:
        """Return a session's transcription job. Raises AppError(NOT_FOUND)."""
        async with self._transactions.transaction() as tx:
            job = await self._transcripts.job(tx, session_id)
        if job is None:
            raise AppError(NOT_FOUND, "There is no transcription of this session.")
        return job

    async def correct(self, session_id: SessionId, version: int, segments: Sequence[Segment]) -> Transcript:
        """Replace the segments of `version`. Raises AppError: INVALID_REQUEST, PRECONDITION_FAILED, NOT_FOUND."""
        return await self._next_version(session_id, version, lambda before: self._corrected(before, segments))

    async def swap_speakers(self, session_id: SessionId, version: int) -> Transcript:
        """Swap therapist and patient in `version`. Raises AppError: PRECONDITION_FAILED, NOT_FOUND."""
        return await self._next_version(session_id, version, lambda now: with_speakers_swapped(now, self._clock()))

    def _corrected(self, current: Transcript, segments: Sequence[Segment]) -> Transcript:
        # A vendor's last word may end behind what was measured here; who corrects the words keeps its time.
        ends_s = max(current.draft.duration_s, *(segment.end_time for segment in current.draft.segments), 0.0)
        faults = [
            FieldError(f"/body/segments/{index}", sentence) for index, sentence in validation_errors(segments, ends_s)
        ]
        if faults:
            raise AppError(INVALID_REQUEST, "The segments are not valid for this recording.", errors=faults)
        return corrected(current, segments, self._clock())

    async def _next_version(
        self, session_id: SessionId, version: int, change: Callable[[Transcript], Transcript]
    ) -> Transcript:
        async with self._transactions.transaction() as tx:
            newest = await self._newest(tx, session_id)
            # Two checks of one thing: this one tells most, the insert catches who came in between.
            following = change(newest) if newest.version == version else None
            if following is None or not await self._transcripts.add(tx, following):
                raise AppError(
                    PRECONDITION_FAILED, "The transcript has changed. Read it again and correct the new version."
                )
            await self._audit.note(tx, following, Release.CORRECT)
            await tx.emit(transcript_updated_event(following, TranscriptUpdated))
            return following

    async def _newest(self, tx: Transaction, session_id: SessionId) -> Transcript:
        transcript = await self._transcripts.newest(tx, session_id)
        if transcript is None:
            # Told only where the capability could have seen the words; to all others they have never existed.
            if await self._transcripts.is_erased(tx, bound_patient(), session_id):
                raise AppError(ERASED, "This session was erased.")
            raise AppError(NOT_FOUND, "There is no transcript of this session.")
        return transcript


def transcript_updated_event(transcript: Transcript, kind: type[TranscriptEvent]) -> TranscriptEvent:
    """Return the event for a new version of a transcript."""
    about = transcript.about
    return kind(
        organization_id=about.organization_id,
        patient_id=about.patient_id,
        therapist_id=about.therapist_id,
        session_id=about.session_id,
        session_date=about.session_date,
        transcript_id=transcript.id,
        transcript_version=transcript.version,
        language=transcript.draft.language,
        audio_duration_s=transcript.draft.duration_s,
    )
