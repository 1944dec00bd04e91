"""SQL for sessions and recordings. Row-level security limits what a transaction sees."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, DATE, TEXT, TIMESTAMP, Row, RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from libs.common.clock import to_json_time
from libs.common.database.paging import Page, Position, Window
from libs.common.database.transaction import Database, Transaction
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, RecordingId, SessionId, TherapistId
from libs.tenancy.narrowing import is_narrowed, narrow_to
from services.ingestion.domain import FINAL, Recording, Session, SessionParties, Status
from services.ingestion.ports import SessionFilter

_COLUMNS = (
    "organization_id, patient_id, session_id, therapist_id, consent_id, session_date, language, status, duration_s,"
    " reason, stage_times, metadata, created_at, updated_at, session_day"
)
_SHOWN = f"{_COLUMNS}, released_at, recording_complete, damaged_at_s, transcribed_share, transcribed_by"
_NARROW = narrow_to("session")
_FIND = text(f"select {_SHOWN} from session where session_id = :session_id")  # noqa: S608
_PARTIES = text("select organization_id, patient_id, therapist_id from session where session_id = :session_id")
_LOCK = text(f"select {_SHOWN} from session where session_id = :session_id for update")  # noqa: S608
_LOCK_OF_PARTIES = text(
    f"select {_SHOWN} from session"  # noqa: S608
    " where organization_id = :organization_id and patient_id = :patient_id and therapist_id = :therapist_id"
    " and status <> all (:final) order by session_id for update"
)
_ADD = text(
    f"insert into session ({_COLUMNS}) values"  # noqa: S608
    " (:organization_id, :patient_id, :session_id, :therapist_id, :consent_id, :session_date, :language, :status,"
    " :duration_s, :reason, :stage_times, :metadata, :created_at, :updated_at, :session_day)"
    " on conflict (session_id) do nothing returning 1"
).bindparams(bindparam("stage_times", type_=JSONB()), bindparam("metadata", type_=JSONB()))
_SAVE = text(
    "update session set status = :status, duration_s = :duration_s, reason = :reason, stage_times = :stage_times,"
    " recording_complete = :recording_complete, damaged_at_s = :damaged_at_s,"
    " transcribed_share = :transcribed_share, transcribed_by = :transcribed_by, updated_at = :updated_at"
    " where session_id = :session_id"
).bindparams(bindparam("stage_times", type_=JSONB()))
# Held back by hand, it is not released by becoming ready either.
_RELEASE = text("update session set released_at = :at, updated_at = :at where session_id = :session_id")
_HOLD_BACK = text(
    "update session set released_at = null, release = 'therapist', updated_at = :at where session_id = :session_id"
    " and (released_at is not null or release = 'auto')"
)
_PAGE = text(
    f"select {_SHOWN} from session"  # noqa: S608
    " where (:patient_id is null or patient_id = :patient_id)"
    " and (:therapist_id is null or therapist_id = :therapist_id)"
    " and (cast(:status as text) is null or status = :status)"
    " and (cast(:released as boolean) is null or (released_at is not null) = :released)"
    # A session that was given as a day is compared as a day: its instant depends on whose midnight it was.
    " and (:date_from is null or coalesce(session_day >= :day_from, session_date >= :date_from))"
    " and (:date_to is null or coalesce(session_day <= :day_to, session_date <= :date_to))"
    " and (:after_at is null or (created_at, session_id) < (:after_at, :after_id))"
    " order by created_at desc, session_id desc limit :most"
).bindparams(
    *(bindparam(name, type_=UUID()) for name in ("patient_id", "therapist_id", "after_id")),
    *(bindparam(name, type_=TIMESTAMP(timezone=True)) for name in ("date_from", "date_to", "after_at")),
    *(bindparam(name, type_=DATE()) for name in ("day_from", "day_to")),
)

_ADD_RECORDING = text(
    "insert into recording (organization_id, patient_id, session_id, recording_id, object_name, media_type,"
    " size_bytes, content_sha256, wrapped_keyset) values (:organization_id, :patient_id, :session_id, :recording_id,"
    " :object_name, :media_type, :size_bytes, :content_sha256, :wrapped_keyset)"
)
_RECORDING = text(
    "select recording_id, object_name, media_type, size_bytes, content_sha256, wrapped_keyset from recording"
    " where session_id = :session_id order by created_at desc limit 1"
)

# A function of the owner's: the sweep acts for no organization and learns only which names are unknown.
_UNKNOWN = text("select unknown_objects(:names)").bindparams(bindparam("names", type_=ARRAY(TEXT())))


class SessionStore:
    """Implements ports.Sessions."""

    async def add(self, tx: Transaction, session: Session, recording: Recording) -> bool:
        """Insert a session and its recording; a trigger locks the consent until commit."""
        # The id comes from the idempotency key, so a conflict is the same upload a second time.
        if (await tx.execute(_ADD, _parameters(session))).first() is None:
            return False
        await tx.execute(
            _ADD_RECORDING,
            {
                "organization_id": session.parties.organization_id,
                "patient_id": session.parties.patient_id,
                "session_id": session.id,
                "recording_id": recording.id,
                "object_name": recording.object_name,
                "media_type": recording.media_type,
                "size_bytes": recording.size_bytes,
                "content_sha256": recording.content_sha256,
                "wrapped_keyset": recording.wrapped_keyset,
            },
        )
        return True

    async def find(self, tx: Transaction, session_id: SessionId) -> Session | None:
        """Return one session."""
        if not await is_narrowed(tx, _NARROW, session_id):
            return None
        row = (await tx.execute(_FIND, {"session_id": session_id})).mappings().first()
        return _session(row) if row else None

    async def parties_of(self, tx: Transaction, session_id: SessionId) -> SessionParties | None:
        """Return the parties of a session."""
        if not await is_narrowed(tx, _NARROW, session_id):
            return None
        row = (await tx.execute(_PARTIES, {"session_id": session_id})).first()
        return _parties_of(row) if row else None

    async def lock(self, tx: Transaction, session_id: SessionId) -> Session | None:
        """Return one session, locked for update."""
        if not await is_narrowed(tx, _NARROW, session_id):
            return None
        row = (await tx.execute(_LOCK, {"session_id": session_id})).mappings().first()
        return _session(row) if row else None

    async def lock_of_parties(self, tx: Transaction, parties: SessionParties) -> Sequence[Session]:
        """Return sessions in progress, locked for update in id order so that two revocations cannot deadlock."""
        final = [status.value for status in FINAL]
        return [
            _session(row)
            for row in (await tx.execute(_LOCK_OF_PARTIES, _parties(parties) | {"final": final})).mappings()
        ]

    async def save(self, tx: Transaction, session: Session) -> None:
        """Update a session's status, what is known of its recording, reason and times."""
        columns = (
            *("status", "duration_s", "reason", "stage_times", "updated_at", "session_id"),
            *("recording_complete", "damaged_at_s", "transcribed_share", "transcribed_by"),
        )
        parameters = _parameters(session)
        await tx.execute(_SAVE, {name: parameters[name] for name in columns})

    async def release(self, tx: Transaction, session_id: SessionId, at: datetime) -> None:
        """Write when a session was released."""
        await tx.execute(_RELEASE, {"session_id": session_id, "at": at})

    async def hold_back(self, tx: Transaction, session_id: SessionId, at: datetime) -> None:
        """Keep a session out of the chat; one that is kept out stays as it is."""
        await tx.execute(_HOLD_BACK, {"session_id": session_id, "at": at})

    async def recording(self, tx: Transaction, session_id: SessionId) -> Recording | None:
        """Return a session's newest recording."""
        row = (await tx.execute(_RECORDING, {"session_id": session_id})).mappings().first()
        if row is None:
            return None
        return Recording(
            RecordingId(row["recording_id"]),
            row["object_name"],
            row["media_type"],
            row["size_bytes"],
            row["content_sha256"],
            bytes(row["wrapped_keyset"]) if row["wrapped_keyset"] is not None else None,
        )

    async def page(self, tx: Transaction, filters: SessionFilter, window: Window) -> Page[Session]:
        """Return one page, newest first."""
        found = await tx.execute(
            _PAGE,
            {
                "patient_id": filters.patient_id,
                "therapist_id": filters.therapist_id,
                "status": filters.status,
                "date_from": filters.date_from,
                "date_to": filters.date_to,
                "day_from": filters.day_from,
                "day_to": filters.day_to,
                "released": filters.released,
                "after_at": window.after.at if window.after else None,
                "after_id": window.after.id if window.after else None,
                "most": window.limit + 1,
            },
        )
        rows = [_session(row) for row in found.mappings()]
        return Page.cut(rows, window.limit, lambda row: Position(row.created_at, row.id))


class ObjectIndex:
    """Implements orphans.RecordingIndex. Reads across organizations, but returns only object names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unknown(self, names: Sequence[str]) -> Sequence[str]:
        """Return the names that belong to no recording."""
        async with self._database.without_capability() as tx:
            return list((await tx.execute(_UNKNOWN, {"names": list(names)})).scalars())


def _parties(parties: SessionParties) -> dict[str, Any]:
    return {
        "organization_id": parties.organization_id,
        "patient_id": parties.patient_id,
        "therapist_id": parties.therapist_id,
    }


def _parties_of(row: Row[Any]) -> SessionParties:
    return SessionParties(OrganizationId(row.organization_id), PatientId(row.patient_id), TherapistId(row.therapist_id))


def _parameters(session: Session) -> dict[str, Any]:
    return _parties(session.parties) | {
        "session_id": session.id,
        "consent_id": session.consent_id,
        "session_date": session.session_date,
        "language": session.language,
        "status": session.status.value,
        "duration_s": session.duration_s,
        "reason": session.reason,
        "stage_times": {stage: to_json_time(at) for stage, at in session.stage_times.items()},
        "metadata": dict(session.metadata),
        "created_at": session.created_at,
        "updated_at": session.updated_at,
        "session_day": session.session_day,
        "recording_complete": session.recording_complete,
        "damaged_at_s": session.damaged_at_s,
        "transcribed_share": session.transcribed_share,
        "transcribed_by": session.transcribed_by,
    }


def _session(row: RowMapping) -> Session:
    times: Mapping[str, str] = row["stage_times"]
    return Session(
        id=SessionId(row["session_id"]),
        parties=SessionParties(
            OrganizationId(row["organization_id"]), PatientId(row["patient_id"]), TherapistId(row["therapist_id"])
        ),
        consent_id=ConsentId(row["consent_id"]),
        session_date=row["session_date"],
        language=row["language"],
        status=Status(row["status"]),
        duration_s=row["duration_s"],
        reason=row["reason"],
        stage_times={stage: datetime.fromisoformat(at) for stage, at in times.items()},
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        session_day=row["session_day"],
        released_at=row["released_at"],
        recording_complete=row["recording_complete"],
        damaged_at_s=row["damaged_at_s"],
        transcribed_share=row["transcribed_share"],
        transcribed_by=row["transcribed_by"],
    )
