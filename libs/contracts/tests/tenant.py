"""A tenant that nobody else has, for the tests of every service: its people's ids, and capabilities signed for it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId, SessionId, TherapistId

if TYPE_CHECKING:
    from libs.devstack.infra import Infra

CAPABILITY_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True)
class Tenant:
    """A fresh organization with a patient and a therapist; isolates a test, so nothing is ever truncated."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId
    minter: Minter

    def capability(
        self,
        *scopes: str,
        patient: PatientId | None = None,
        session: SessionId | None = None,
        key: ApiKeyId | None = None,
    ) -> str:
        """Return a token with these scopes (`chat:write`), bound to a patient or a session and of a key if given."""
        claims = Claims(
            organization_id=self.organization_id,
            actor=f"user:{self.therapist_id}",
            scopes=frozenset(scopes),
            expires_at=utc_now() + CAPABILITY_LIFETIME,
            token_id=new_id(),
            patient_id=patient,
            session_id=session,
            api_key_id=key,
        )
        return self.minter.mint(claims)


@pytest.fixture
def tenant(infra: "Infra") -> Tenant:
    """An organization of this test's own."""
    minter = Minter(infra.capability_key_id, infra.capability_key)
    return Tenant(OrganizationId(new_id()), PatientId(new_id()), TherapistId(new_id()), minter)
