"""Erasing a session or a patient for good, the receipt of it, and the legal hold that forbids it."""

from uuid import UUID

import httpx
from starlette.responses import Response

from libs.common.errors import NOT_FOUND, AppError
from libs.contracts.ids import PatientId
from services.gateway.api.proxying import as_json
from services.gateway.api.route_registry import Caller, RouteRegistry, asked
from services.gateway.clients import Peer, not_found
from services.gateway.domain import Role, may_see_receipt
from services.gateway.handlers import Users


def add_erasures(registry: RouteRegistry, ingestion: Peer, users: Users) -> None:
    """Add the routes."""
    _add_holds(registry, ingestion, users)

    async def erase_session(caller: Caller, session_id: UUID) -> Response:
        """Erase a session for good: recording, words, index, and answers that stood on it.

        When this has answered, its key is destroyed and its rows are deleted; the rest follows within seconds and is
        counted into the receipt (`Location`). Asked again, the same receipt comes.
        """
        query = asked(caller, "eraseSession")
        return _with_location(await ingestion.ask(query, "DELETE", f"/sessions/{session_id}"))

    async def erase_patient(caller: Caller, patient_id: UUID) -> Response:
        """Erase a patient for good: user, sessions, conversations, and the circumstances of consents.

        The ledger of consents stays with ids and digests and verifies as before. Nothing about this patient is taken
        in any more.
        """
        query = asked(caller, "erasePatient", PatientId(patient_id))
        params = {"known": await _is_patient(users, patient_id)}
        return _with_location(await ingestion.ask(query, "DELETE", f"/patients/{patient_id}", params=params))

    async def get_erasure(caller: Caller, erasure_id: UUID) -> Response:
        """Read a receipt: what each store erased and when, and which ones are waited for.

        The receipt of a patient's erasure is for keys with the scope admin.
        """
        answer = await ingestion.ask(asked(caller, "getErasure"), "GET", f"/erasures/{erasure_id}")
        # As if there were none: a refusal would tell that a patient was erased.
        if not may_see_receipt(caller, of_a_session=answer.json()["session_id"] is not None):
            raise not_found("erasure")
        return as_json(answer)

    registry.open("eraseSession", erase_session)
    registry.open("erasePatient", erase_patient)
    registry.open("getErasure", get_erasure)


def _add_holds(registry: RouteRegistry, ingestion: Peer, users: Users) -> None:
    async def place(caller: Caller, patient_id: UUID) -> Response:
        """Forbid that anything about a patient is erased, by request or by age, until the hold is lifted."""
        await users.require((patient_id, Role.PATIENT))
        query = asked(caller, "placeLegalHold", PatientId(patient_id))
        return as_json(await ingestion.ask(query, "PUT", f"/patients/{patient_id}/legal-hold"))

    async def lift(caller: Caller, patient_id: UUID) -> Response:
        """Lift a hold. What was due in the meantime goes with the next sweep."""
        await users.require((patient_id, Role.PATIENT))
        query = asked(caller, "liftLegalHold", PatientId(patient_id))
        return as_json(await ingestion.ask(query, "DELETE", f"/patients/{patient_id}/legal-hold"))

    registry.open("placeLegalHold", place)
    registry.open("liftLegalHold", lift)


async def _is_patient(users: Users, patient_id: UUID) -> bool:
    """Tell whether there is such a patient; of an erased one only the receipt is left."""
    try:
        await users.require((patient_id, Role.PATIENT))
    except AppError as error:
        if error.problem is not NOT_FOUND:
            raise
        return False
    return True


def _with_location(answer: httpx.Response) -> Response:
    return as_json(answer, {"location": f"/api/v1/erasures/{answer.json()['id']}"})
