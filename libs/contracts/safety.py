"""What people who care must hear about."""

from typing import ClassVar
from uuid import UUID

from libs.common.events import Event

# Said beside every "not now" to a patient, wherever the way to an answer ends.
CRISIS_RESOURCES: dict[str, str] = {
    "call_or_text": "988",
    "name": "988 Suicide & Crisis Lifeline (US, 24 hours)",
    "emergency": "911",
    "elsewhere": "https://findahelpline.com",
}


class CrisisSignal(Event):
    """A message to the assistant read like a crisis; `level` is `explicit` or `indirect`."""

    type: ClassVar[str] = "safety.crisis_signal"
    topic: ClassVar[str] = "safety"
    key_field: ClassVar[str] = "patient_id"

    organization_id: UUID
    patient_id: UUID
    conversation_id: UUID
    message_id: UUID
    level: str
