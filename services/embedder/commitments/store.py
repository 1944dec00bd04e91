"""SQL for mentions and corrections of commitments. Row-level security shows those of consented therapists only."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import Row, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from libs.common.database.transaction import Database, Transaction
from libs.contracts.ids import PatientId, SessionId
from services.embedder.commitments.domain import Commitment, Mention, joined, mentions_of
from services.embedder.commitments.ports import Corrected
from services.embedder.domain import Index, Speaker, Turn

_ADD = text(
    "insert into commitment_mention (organization_id, patient_id, therapist_id, session_id, session_date, chunk_id, id,"
    " speaker, content, start_s, end_s, acts, vector, due) values (:organization_id, :patient_id, :therapist_id,"
    " :session_id, :session_date, :chunk_id, :id, :speaker, :content, :start_s, :end_s, :acts,"
    " cast(:vector as halfvec), cast(:due as integer[])) on conflict do nothing"
).bindparams(bindparam("acts", type_=JSONB()), bindparam("vector", type_=HALFVEC()))
_READ = text(
    "select id, session_id, session_date, chunk_id, speaker, content, start_s, end_s, acts, vector, due"
    " from commitment_mention where patient_id = :patient_id"
    " and (cast(:sessions as uuid[]) is null or session_id = any (:sessions)) order by session_date, start_s"
)
_MENTIONS = _READ.bindparams(bindparam("sessions", type_=ARRAY(Uuid()))).columns(vector=HALFVEC())
# The last one counts, and the others stay as they were made.
_CORRECTIONS = text(
    "select distinct on (commitment_id) commitment_id, status from commitment_correction"
    " where patient_id = :patient_id order by commitment_id, at desc"
)
# Made from the mention, under row-level security: what is hidden or not there cannot be corrected.
_CORRECT = text(
    "insert into commitment_correction"
    " (organization_id, patient_id, therapist_id, session_id, commitment_id, status, corrected_by)"
    " select organization_id, patient_id, therapist_id, session_id, id, :status, :corrected_by from commitment_mention"
    " where patient_id = :patient_id and id = :id returning 1"
)


class CommitmentStore:
    """Implements Derived and CommitmentRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tx: Transaction, index: Index) -> None:
        """Add the mentions of an index that has just replaced the session's; the old ones went with their chunks."""
        rows = [_row(index, mention) for mention in mentions_of(index)]
        if rows:
            await tx.execute(_ADD, rows)

    async def of_patient(
        self, patient_id: PatientId, sessions: Collection[SessionId] | None = None
    ) -> list[Commitment]:
        """Return the patient's commitments as `sessions` tell them (None: all), oldest first."""
        whose = {"patient_id": patient_id, "sessions": None if sessions is None else list(sessions)}
        async with self._database.transaction() as tx:
            mentions = [_mention(row) for row in await tx.execute(_MENTIONS, whose)]
            corrected = await tx.execute(_CORRECTIONS, {"patient_id": patient_id})
            return joined(mentions, {row.commitment_id: row.status for row in corrected})

    async def correct(self, patient_id: PatientId, commitment_id: UUID, correction: Corrected) -> bool:
        """Add a therapist's correction; return False if there is no such commitment."""
        row = {
            "patient_id": patient_id,
            "id": commitment_id,
            "status": correction.status.value,
            "corrected_by": correction.corrected_by,
        }
        async with self._database.transaction() as tx:
            return (await tx.execute(_CORRECT, row)).first() is not None


def _row(index: Index, mention: Mention) -> Mapping[str, Any]:
    source = index.source
    return {
        "organization_id": source.organization_id,
        "patient_id": source.patient_id,
        "therapist_id": source.therapist_id,
        "session_id": source.session_id,
        "session_date": source.session_date,
        "chunk_id": mention.chunk_id,
        "id": mention.id,
        "speaker": mention.turn.speaker.value,
        "content": mention.turn.text,
        "start_s": mention.turn.start_s,
        "end_s": mention.turn.end_s,
        "acts": {act: round(probability, 3) for act, probability in mention.acts.items()},
        "vector": list(mention.vector),
        "due": list(mention.due) if mention.due else None,
    }


def _mention(row: Row[Any]) -> Mention:
    return Mention(
        id=row.id,
        session_id=row.session_id,
        session_date=row.session_date,
        chunk_id=row.chunk_id,
        turn=Turn(Speaker(row.speaker), row.content, row.start_s, row.end_s),
        acts=row.acts,
        vector=tuple(row.vector),
        due=tuple(row.due) if row.due else None,
    )
