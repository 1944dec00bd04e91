"""HTTP routes: erase a session or a patient, read the receipt, place and lift a legal hold."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from libs.common.clock import to_json_time
from libs.contracts.ids import ErasureId, PatientId, SessionId
from services.ingestion.erasure.domain import ErasureReceipt, Hold
from services.ingestion.erasure.handlers import ErasureService


def build_erasure_router(service: ErasureService) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.delete("/sessions/{session_id}", status_code=202)
    async def erase_session(session_id: UUID) -> Response:
        """Erase a session; a repeated request returns the same receipt."""
        return _accepted(await service.erase_session(SessionId(session_id)))

    @router.delete("/patients/{patient_id}", status_code=202)
    async def erase_patient(patient_id: UUID, known: bool = False) -> Response:
        """Erase a patient, or return the receipt. `known`: the gateway has a user with this id."""
        return _accepted(await service.erase_patient(PatientId(patient_id), known=known))

    @router.get("/erasures/{erasure_id}")
    async def find(erasure_id: UUID) -> dict[str, Any]:
        """Return a receipt with the results so far."""
        return _receipt(await service.find(ErasureId(erasure_id)))

    @router.put("/patients/{patient_id}/legal-hold")
    async def place(patient_id: UUID) -> dict[str, Any]:
        """Place a legal hold."""
        return _hold(await service.hold(PatientId(patient_id), held=True))

    @router.delete("/patients/{patient_id}/legal-hold")
    async def lift(patient_id: UUID) -> dict[str, Any]:
        """Lift a legal hold."""
        return _hold(await service.hold(PatientId(patient_id), held=False))

    return router


def _accepted(receipt: ErasureReceipt) -> Response:
    # An absolute path: a relative one would resolve against the path of the erased session.
    return JSONResponse(_receipt(receipt), 202, headers={"Location": f"/erasures/{receipt.id}"})


def _receipt(receipt: ErasureReceipt) -> dict[str, Any]:
    subject, completed_at = receipt.subject, receipt.completed_at
    return {
        "id": str(receipt.id),
        "patient_id": str(subject.patient_id),
        "session_id": str(subject.session_id) if subject.session_id else None,
        "status": "completed" if completed_at else "running",
        "requested_by": receipt.actor,
        "requested_at": to_json_time(receipt.requested_at),
        "completed_at": to_json_time(completed_at) if completed_at else None,
        "stores": {
            result.store: {"erased_at": to_json_time(result.at), "counts": dict(result.counts)}
            for result in receipt.results
        },
        "waiting_for": list(receipt.waiting_for),
    }


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "patient_id": str(hold.patient_id),
        "held": hold.held,
        "changed_at": to_json_time(hold.changed_at) if hold.changed_at else None,
    }
