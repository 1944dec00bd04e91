"""HTTP routes: a patient's commitments with the turns they rest on, and corrections by a therapist."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from libs.common.capability import held
from libs.common.client_time import Instant
from libs.common.clock import to_json_time
from libs.common.errors import NOT_FOUND, AppError
from libs.contracts.capability import parse
from libs.contracts.ids import PatientId, SessionId
from libs.contracts.index import CommitmentStatus as Status
from libs.contracts.index import Correction
from services.embedder.commitments.domain import Change, Commitment, as_of
from services.embedder.commitments.ports import CommitmentRepository, Corrected

SESSIONS_MAX = 1000


class CorrectionRequest(BaseModel):
    """The status that holds; `none` says that it never was a commitment."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    status: Correction


def build_router(commitments: CommitmentRepository) -> APIRouter:
    """Return the routes of this wing."""
    router = APIRouter()

    @router.get("/patients/{patient_id}/commitments", operation_id="listCommitments")
    async def of_patient(
        patient_id: UUID,
        status: Annotated[list[Status] | None, Query()] = None,
        at: Annotated[Instant | None, Query(alias="as_of")] = None,
        session_id: Annotated[list[UUID] | None, Query(max_length=SESSIONS_MAX)] = None,
    ) -> dict[str, Any]:
        """List a patient's commitments, newest first; `as_of` tells them as they stood at that time.

        With `session_id` they are as if there were only these sessions.
        """
        only = None if session_id is None else [SessionId(one) for one in session_id]
        found = await commitments.of_patient(PatientId(patient_id), only)
        standing = found if at is None else as_of(found, at)
        return {"data": [_commitment(one) for one in reversed(standing) if status is None or one.status in status]}

    @router.patch("/patients/{patient_id}/commitments/{commitment_id}", operation_id="correctCommitment")
    async def correct(patient_id: UUID, commitment_id: UUID, request: CorrectionRequest) -> Response:
        """Set the status of a commitment. Raises AppError(NOT_FOUND)."""
        token = held()
        correction = Corrected(request.status, parse(token).actor if token else "unknown")
        if not await commitments.correct(PatientId(patient_id), commitment_id, correction):
            raise AppError(NOT_FOUND, "There is no such commitment.")
        return Response(status_code=204)

    return router


def _commitment(commitment: Commitment) -> dict[str, Any]:
    first = commitment.assigned
    return {
        "id": str(commitment.id),
        "status": commitment.status.value,
        "corrected": commitment.corrected,
        "text": first.turn.text,
        "by": first.turn.speaker.value,
        "due": commitment.due,
        "session_id": str(first.session_id),
        "assigned_at": _time(first.session_date),
        "events": [_change(change) for change in commitment.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    mention = change.mention
    return {
        "act": change.act.value,
        "session_id": str(mention.session_id),
        "session_date": _time(mention.session_date),
        "chunk_id": str(mention.chunk_id),
        "speaker": mention.turn.speaker.value,
        "quote": mention.turn.text,
        "start_time": mention.turn.start_s,
        "end_time": mention.turn.end_s,
        "probability": round(mention.probability(change.act), 3),
    }


def _time(at: datetime) -> str:
    return to_json_time(at)
