"""HTTP client of the consent service."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import BaseModel, ValidationError

from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.http.client import ServiceClient
from libs.contracts.ids import ConsentId
from libs.contracts.purposes import Purpose
from services.ingestion.domain import SessionParties


class ConsentClient:
    """Implements ports.Consents."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def hold(self, parties: SessionParties, purposes: Sequence[Purpose]) -> Mapping[Purpose, ConsentId]:
        """Require consent to all purposes in one request. Raises AppError(CONSENT_REQUIRED) with the missing ones."""
        response = await self._client.request(
            "POST",
            "/holds",
            json={
                "patient_id": str(parties.patient_id),
                "therapist_id": str(parties.therapist_id),
                "purposes": [purpose.value for purpose in purposes],
            },
        )
        try:
            held = _Held.model_validate_json(response.content).consents
            return {purpose: ConsentId(held[purpose]) for purpose in purposes}
        except (ValidationError, KeyError) as error:
            raise AppError(UPSTREAM_FAILED, "The consent service sent an invalid response.") from error


class _Held(BaseModel):
    consents: dict[Purpose, UUID]
