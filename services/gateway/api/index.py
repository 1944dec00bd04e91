"""What the index tells of sessions: what each was about, and what the patient took on and what became of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from libs.common.client_time import Instant
from libs.common.clock import to_json_time
from libs.contracts.ids import PatientId
from libs.contracts.index import CommitmentStatus, Correction
from services.gateway.api.proxying import as_json
from services.gateway.api.route_registry import Caller, RouteRegistry, asked
from services.gateway.clients import Peer, not_found
from services.gateway.domain import Role
from services.gateway.handlers import Users

StatusFilter = Annotated[list[CommitmentStatus] | None, Query(description="Only those of these statuses.")]
AsOf = Annotated[Instant | None, Query(description="As they stood at this time; none is now.")]


class CommitmentCorrection(BaseModel):
    """The status that holds; `none` says that it never was a commitment."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    status: Correction


def add_commitments(registry: RouteRegistry, embedder: Peer, users: Users) -> None:
    """Add the routes."""

    async def of_patient(caller: Caller, patient_id: UUID, status: StatusFilter = None, as_of: AsOf = None) -> Response:
        """List what a patient took on between sessions, newest first, each with the turns that say so.

        Commitments are found in the sessions' words; those of a therapist whose consent was revoked are not told.
        """
        await users.require((patient_id, Role.PATIENT))
        query = asked(caller, "listCommitments", PatientId(patient_id))
        params = {"status": [one.value for one in status or ()], "as_of": _text(as_of)}
        return as_json(await embedder.ask(query, "GET", f"/patients/{patient_id}/commitments", params=params))

    async def correct(caller: Caller, patient_id: UUID, commitment_id: UUID, body: CommitmentCorrection) -> Response:
        """Set what became of a commitment. A correction stands until the next one, whatever is said later."""
        await users.require((patient_id, Role.PATIENT))
        query = asked(caller, "correctCommitment", PatientId(patient_id))
        path = f"/patients/{patient_id}/commitments/{commitment_id}"
        await embedder.ask(query, "PATCH", path, json=body.model_dump(mode="json"))
        return Response(status_code=204)

    registry.open("listCommitments", of_patient)
    registry.open("correctCommitment", correct)


def add_digests(registry: RouteRegistry, ingestion: Peer, embedder: Peer) -> None:
    """Add the route."""

    async def of_session(caller: Caller, session_id: UUID) -> Response:
        """Read what a session was about: its topics and names, and what was said, verbatim, each with its seconds.

        It is made when the session is indexed; 404 before that, and while consent is not in force.
        """
        session = await ingestion.ask(asked(caller, "getDigest"), "GET", f"/sessions/{session_id}")
        # The index tells nothing under a capability that names no patient.
        query = asked(caller, "getDigest", PatientId(UUID(session.json()["patient_id"])))
        answer = await embedder.ask(query, "GET", "/digests", params={"session_id": str(session_id)})
        for digest in answer.json()["data"]:
            return JSONResponse(digest)
        raise not_found("digest")

    registry.open("getDigest", of_session)


def _text(at: datetime | None) -> str | None:
    return to_json_time(at) if at else None
