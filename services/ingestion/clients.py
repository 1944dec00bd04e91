"""HTTP client of the consent service."""

from collections.abc import Mapping, Sequence

from libs.common.http.client import ServiceClient
from libs.contracts.ids import ConsentId
from libs.contracts.purposes import Purpose
from libs.tenancy.consent_hold import hold
from services.ingestion.domain import SessionParties


class ConsentClient:
    """Implements ports.Consents."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def hold(self, parties: SessionParties, purposes: Sequence[Purpose]) -> Mapping[Purpose, ConsentId]:
        """Require consent to all purposes in one request. Raises AppError(CONSENT_REQUIRED) with the missing ones."""
        return await hold(self._client, parties.patient_id, parties.therapist_id, purposes)
