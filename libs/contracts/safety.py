"""What people who care must hear about."""

from typing import ClassVar
from uuid import UUID

from libs.common.events import Event


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
