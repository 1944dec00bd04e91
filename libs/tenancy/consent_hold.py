"""The question that every service asks before it acts: are these consents in force? (POST /holds of consent)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import BaseModel, ValidationError

from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.http.client import ServiceClient
from libs.contracts.ids import ConsentId, PatientId, TherapistId
from libs.contracts.purposes import Purpose


class _Held(BaseModel):
    consents: dict[Purpose, UUID]


async def hold(
    client: ServiceClient, patient_id: PatientId, therapist_id: TherapistId | None, purposes: Sequence[Purpose]
) -> Mapping[Purpose, ConsentId]:
    """Return the consents in force for all purposes (with any therapist, if none is given), in one request.

    Raises AppError(CONSENT_REQUIRED) with the missing ones, AppError(UPSTREAM_FAILED) on an invalid response.
    """
    # All purposes in one question: between two answers a revocation could come.
    body = {
        "patient_id": str(patient_id),
        "therapist_id": str(therapist_id) if therapist_id else None,
        "purposes": [purpose.value for purpose in purposes],
    }
    response = await client.request("POST", "/holds", json=body)
    try:
        held = _Held.model_validate_json(response.content).consents
        # An answer that lacks one of the purposes is as invalid as one that cannot be read.
        return {purpose: ConsentId(held[purpose]) for purpose in purposes}
    except (ValidationError, KeyError) as error:
        raise AppError(UPSTREAM_FAILED, "The consent service sent an invalid response.") from error
