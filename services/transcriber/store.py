"""SQL for jobs, transcript versions, and vendors' responses that are not transcripts yet."""

import base64
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from libs.common.database.transaction import Database, Transaction
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import JobId, OrganizationId, PatientId, SessionId, TherapistId, TranscriptId
from libs.tenancy.erased_rows import is_erased
from libs.tenancy.narrowing import is_narrowed, narrow_to
from services.transcriber.domain import About, Draft, Job, JobStatus, Source, Speech, Transcript
from services.transcriber.ports import Wanted
from services.transcriber.stored_words import segments_json, segments_of, speech_json, speech_of, words_json

_TO_JOB, _TO_TRANSCRIPT = narrow_to("job"), narrow_to("transcript")
# The id comes from the recording: a second try is the same job, counted on.
_BEGIN_JOB = text(
    "insert into job as j (organization_id, id, patient_id, session_id, status, attempts)"
    " values (:organization_id, :id, :patient_id, :session_id, 'processing', 1)"
    " on conflict (organization_id, id) do update set status = 'processing', attempts = j.attempts + 1, progress = 0,"
    " started_at = clock_timestamp(), finished_at = null returning attempts"
)
_MOVE_JOB = text(
    "update job set status = :status, last_error = :last_error,"
    " progress = case when :status = 'completed' then 1 else progress end,"
    " finished_at = case when :status in ('completed', 'failed', 'withheld') then clock_timestamp() end"
    " where id = :id"
)
# Only while it runs: a note that comes late must not touch a job that has ended.
_NOTE_PROGRESS = text("update job set progress = :progress where id = :id and status = 'processing'")
_JOB = text(
    "select id, session_id, status, attempts, progress, last_error, created_at, started_at, finished_at from job"
    " where session_id = :session_id order by created_at desc limit 1"
)

_STORE_SPEECH = text(
    "insert into heard (organization_id, patient_id, therapist_id, session_id, fingerprint, speech)"
    " values (:organization_id, :patient_id, :therapist_id, :session_id, :fingerprint, :speech)"
    " on conflict do nothing"
).bindparams(bindparam("speech", type_=JSONB()))
_STORED_SPEECH = text("select speech from heard where session_id = :session_id and fingerprint = :fingerprint").columns(
    speech=JSONB()
)
_DELETE_SPEECH = text("delete from heard_deletable where session_id = :session_id")

# An event that comes again finds its version stored, and adds none. `lexemes`: search/search.sql says what for.
_ADD_TRANSCRIPT = text(
    "insert into transcript (organization_id, patient_id, therapist_id, session_id, session_date, id, version,"
    " language, segments, words, lexemes, full_text, confidence, speaker_confidence, duration_s, recording_complete,"
    " vendor, model, created_at) values (:organization_id, :patient_id, :therapist_id, :session_id, :session_date, :id,"
    " :version, :language, :segments, :words, array(select to_tsvector('english', left(s.value ->> 'text', 100000))"
    " from jsonb_array_elements(:segments) with ordinality as s (value, place) order by s.place), :full_text,"
    " :confidence, :speaker_confidence, :duration_s, :recording_complete, :vendor, :model, :created_at)"
    " on conflict do nothing returning version"
).bindparams(bindparam("segments", type_=JSONB()), bindparam("words", type_=JSONB()))
# Words are ten times what segments are, and stored out of line: they are read only where their times are asked for.
_TRANSCRIPT = text(
    "select organization_id, patient_id, therapist_id, session_id, session_date, id, version, language, segments,"
    " case when :with_words then words end as words,"
    " speaker_confidence, duration_s, recording_complete, vendor, model, created_at from transcript"
    " where session_id = :session_id and (cast(:version as int) is null or version = :version)"
    " order by version desc limit 1"
).columns(segments=JSONB(), words=JSONB())

_WITHDRAW = text(
    "insert into withdrawn (organization_id, patient_id, therapist_id, consent_id, delete_after)"
    " values (:organization_id, :patient_id, :therapist_id, :consent_id, :delete_after)"
    " on conflict (organization_id, patient_id, therapist_id)"
    " do update set consent_id = excluded.consent_id, delete_after = excluded.delete_after"
)
# A function of the owner's: what consent hides from the service must be deleted all the same.
_SWEEP = text("select sweep_withdrawn(:most)")
# Number of withdrawn consents whose transcripts one pass deletes.
SWEEP_BATCH = 20


class TranscriberStore:
    """Implements ports.Transcripts and ports.Withdrawals. Row-level security limits what a transaction sees."""

    async def begin_job(self, tx: Transaction, about: About, job_id: JobId) -> int:
        """Start an attempt; return its number, from 1."""
        found = await tx.execute(
            _BEGIN_JOB,
            {
                "organization_id": about.organization_id,
                "id": job_id,
                "patient_id": about.patient_id,
                "session_id": about.session_id,
            },
        )
        return int(found.scalar_one())

    async def move_job(self, tx: Transaction, job_id: JobId, status: JobStatus, error: str | None = None) -> None:
        """Set a job's status; `error` is a problem slug."""
        await tx.execute(_MOVE_JOB, {"id": job_id, "status": status.value, "last_error": error})

    async def note_progress(self, tx: Transaction, job_id: JobId, share: float) -> None:
        """Set the progress of a running job (0 to 1)."""
        await tx.execute(_NOTE_PROGRESS, {"id": job_id, "progress": share})

    async def job(self, tx: Transaction, session_id: SessionId) -> Job | None:
        """Return a session's newest job."""
        if not await is_narrowed(tx, _TO_JOB, session_id):
            return None
        row = (await tx.execute(_JOB, {"session_id": session_id})).one_or_none()
        return None if row is None else Job(**(dict(row._mapping) | {"status": JobStatus(row.status)}))

    async def store_speech(self, tx: Transaction, about: About, fingerprint: bytes, speech: Speech) -> None:
        """Store a vendor's response. Raises AppError(CONSENT_REQUIRED) if consent ended meanwhile."""
        await tx.execute(_STORE_SPEECH, _owner(about) | {"fingerprint": fingerprint, "speech": speech_json(speech)})

    async def stored_speech(self, tx: Transaction, session_id: SessionId, fingerprint: bytes) -> Speech | None:
        """Return the stored response to an identical request."""
        found = await tx.execute(_STORED_SPEECH, {"session_id": session_id, "fingerprint": fingerprint})
        stored = found.scalar_one_or_none()
        return None if stored is None else speech_of(stored)

    async def store_checkpoint(self, tx: Transaction, about: About, name: bytes, sealed: bytes) -> None:
        """Store what was heard so far. Raises AppError(CONSENT_REQUIRED) if consent ended meanwhile."""
        speech = {"sealed": base64.b64encode(sealed).decode()}
        await tx.execute(_STORE_SPEECH, _owner(about) | {"fingerprint": name, "speech": speech})

    async def checkpoint(self, tx: Transaction, session_id: SessionId, name: bytes) -> bytes | None:
        """Return a stored checkpoint."""
        found = await tx.execute(_STORED_SPEECH, {"session_id": session_id, "fingerprint": name})
        stored = found.scalar_one_or_none()
        return None if stored is None else base64.b64decode(stored["sealed"])

    async def delete_speech(self, tx: Transaction, session_id: SessionId) -> None:
        """Delete the vendors' responses of a session, whose text is stored in the transcript now."""
        await tx.execute(_DELETE_SPEECH, {"session_id": session_id})

    async def add(self, tx: Transaction, transcript: Transcript) -> bool:
        """Add a version; return False if it exists. Raises AppError(CONSENT_REQUIRED) without consent."""
        draft = transcript.draft
        values = _owner(transcript.about) | {
            "session_date": transcript.about.session_date,
            "id": transcript.id,
            "version": transcript.version,
            "language": draft.language,
            "segments": segments_json(draft.segments),
            "words": words_json(draft.segments),
            "full_text": transcript.full_text,
            "confidence": transcript.confidence,
            "speaker_confidence": draft.speaker_confidence,
            "duration_s": draft.duration_s,
            "recording_complete": draft.recording_complete,
            "vendor": draft.source.vendor,
            "model": draft.source.model,
            "created_at": transcript.created_at,
        }
        return (await tx.execute(_ADD_TRANSCRIPT, values)).first() is not None

    async def newest(self, tx: Transaction, session_id: SessionId) -> Transcript | None:
        """Return the newest version without words' times; None without one, or without consent."""
        return await self.find(tx, session_id, Wanted())

    async def find(self, tx: Transaction, session_id: SessionId, wanted: Wanted) -> Transcript | None:
        """Return a version of a session's transcript; None without it, or without consent."""
        if not await is_narrowed(tx, _TO_TRANSCRIPT, session_id):
            return None
        asked = {"session_id": session_id, "version": wanted.version, "with_words": wanted.with_words}
        row = (await tx.execute(_TRANSCRIPT, asked)).one_or_none()
        return None if row is None else _transcript(row)

    async def is_erased(self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId) -> bool:
        """Return True if the session, or the patient if given, was erased."""
        return await is_erased(tx, patient_id, session_id)

    async def withdraw(self, tx: Transaction, event: ConsentRevoked, delete_after: datetime) -> None:
        """Schedule the deletion of transcripts under this consent; row-level security hides them already."""
        whose = {name: getattr(event, name) for name in ("organization_id", "patient_id", "therapist_id", "consent_id")}
        # Again for the same parties it moves the date: the grace counts from the last revocation.
        await tx.execute(_WITHDRAW, whose | {"delete_after": delete_after})


class WithdrawnTranscripts:
    """Deletes withdrawn transcripts of all organizations; returns only their number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sweep(self) -> int:
        """Delete transcripts whose grace period is over and whose consent was not granted again; return the number."""
        async with self._database.without_capability() as tx:
            return int((await tx.execute(_SWEEP, {"most": SWEEP_BATCH})).scalar_one())


def _owner(about: About) -> dict[str, Any]:
    return {
        "organization_id": about.organization_id,
        "patient_id": about.patient_id,
        "therapist_id": about.therapist_id,
        "session_id": about.session_id,
    }


def _transcript(row: Row[Any]) -> Transcript:
    return Transcript(
        id=TranscriptId(row.id),
        about=About(
            OrganizationId(row.organization_id),
            PatientId(row.patient_id),
            TherapistId(row.therapist_id),
            SessionId(row.session_id),
            row.session_date,
        ),
        version=row.version,
        draft=Draft(
            segments=tuple(segments_of(row.segments, row.words or {})),
            language=row.language,
            speaker_confidence=row.speaker_confidence,
            duration_s=row.duration_s,
            source=Source(row.vendor, row.model),
            recording_complete=row.recording_complete,
        ),
        created_at=row.created_at,
    )
