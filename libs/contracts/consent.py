"""What a patient allowed and took back."""

from typing import ClassVar
from uuid import UUID

from libs.common.events import Event
from libs.contracts.purposes import Purpose


class _OfConsent(Event):
    topic: ClassVar[str] = "consent"
    key_field: ClassVar[str] = "patient_id"
    # A grant, a revocation and a grant again of one patient must be applied in that order.
    is_ordered: ClassVar[bool] = True

    organization_id: UUID
    patient_id: UUID
    therapist_id: UUID
    consent_id: UUID
    consent_type: Purpose


class ConsentGranted(_OfConsent):
    """A purpose may be pursued from now on."""

    type: ClassVar[str] = "consent.granted"


class ConsentRevoked(_OfConsent):
    """A purpose may not be pursued any more."""

    type: ClassVar[str] = "consent.revoked"
