"""Reading and correcting transcripts; each correction creates a new version and publishes an event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from libs.common.clock import Clock
from libs.common.database.transaction import Transaction
from libs.common.errors import INVALID_REQUEST, NOT_FOUND, PRECONDITION_FAILED, AppError, FieldError
from libs.common.http.problems import FIELD_ERRORS_MAX
from libs.contracts.capability import bound_patient
from libs.contracts.ids import SessionId
from libs.contracts.problems import ERASED
from libs.contracts.transcript import TranscriptReady, TranscriptUpdated
from services.transcriber.domain import Job, Transcript, with_speakers_swapped
from services.transcriber.ports import Audit, Release, Transactions, Transcripts, Wanted
from services.transcriber.segment_changes import (
    Change,
    Naming,
    faults_of,
    namings_as_changes,
    unknown_voices,
    with_changes,
)

_NEWEST = Wanted()
TranscriptEvent = TypeVar("TranscriptEvent", TranscriptReady, TranscriptUpdated)


@dataclass(frozen=True)
class Correction:
    """What a person changes in a version: single segments, and who speaks with which voice."""

    changes: Sequence[Change] = ()
    namings: Sequence[Naming] = ()


class TranscriptService:
    """Reads and corrects transcripts."""

    def __init__(self, transactions: Transactions, transcripts: Transcripts, audit: Audit, clock: Clock) -> None:
        self._transactions = transactions
        self._transcripts = transcripts
        self._audit = audit
        self._clock = clock

    async def find(self, session_id: SessionId, wanted: Wanted = _NEWEST) -> Transcript:
        """Record the read and return that version. Raises AppError: NOT_FOUND, ERASED."""
        async with self._transactions.transaction() as tx:
            transcript = await self._version(tx, session_id, wanted)
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

    async def correct(self, session_id: SessionId, version: int, correction: Correction) -> Transcript:
        """Correct `version`. Raises AppError: INVALID_REQUEST, PRECONDITION_FAILED, NOT_FOUND."""
        return await self._next_version(session_id, version, lambda before: self._corrected(before, correction))

    async def swap_speakers(self, session_id: SessionId, version: int) -> Transcript:
        """Swap therapist and patient in `version`. Raises AppError: PRECONDITION_FAILED, NOT_FOUND."""
        return await self._next_version(session_id, version, lambda now: with_speakers_swapped(now, self._clock()))

    def _corrected(self, current: Transcript, correction: Correction) -> Transcript:
        segments, changes = current.draft.segments, correction.changes
        faults = [FieldError(f"/body/segments/{index}", sentence) for index, sentence in faults_of(current, changes)]
        unknown = unknown_voices(segments, correction.namings)
        faults += [FieldError(f"/body/voices/{index}", sentence) for index, sentence in unknown]
        if faults:
            raise AppError(INVALID_REQUEST, "The changes do not fit this version.", errors=faults[:FIELD_ERRORS_MAX])
        named = namings_as_changes(segments, correction.namings, changes)
        return with_changes(current, [*changes, *named], self._clock())

    async def _next_version(
        self, session_id: SessionId, version: int, change: Callable[[Transcript], Transcript]
    ) -> Transcript:
        async with self._transactions.transaction() as tx:
            newest = await self._version(tx, session_id, Wanted(with_words=True))
            # Two checks of one thing: this one tells most, the insert catches who came in between.
            following = change(newest) if newest.version == version else None
            if following is None or not await self._transcripts.add(tx, following):
                raise AppError(
                    PRECONDITION_FAILED, "The transcript has changed. Read it again and correct the new version."
                )
            await self._audit.note(tx, following, Release.CORRECT)
            await tx.emit(transcript_updated_event(following, TranscriptUpdated))
            return following

    async def _version(self, tx: Transaction, session_id: SessionId, wanted: Wanted) -> Transcript:
        transcript = await self._transcripts.find(tx, session_id, wanted)
        if transcript is None:
            # Told only where the capability could have seen the words; to all others they have never existed.
            if await self._transcripts.is_erased(tx, bound_patient(), session_id):
                raise AppError(ERASED, "This session was erased.")
            raise AppError(NOT_FOUND, "There is no transcript of this session, or not this version of it.")
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
