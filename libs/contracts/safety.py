"""What people who care must hear about."""

from typing import ClassVar
from uuid import UUID

from libs.common.events import Event
from libs.contracts.help_lines import help_lines

# Said beside every "not now" to a patient where nobody has set a country.
CRISIS_RESOURCES: dict[str, str] = help_lines("US").to_json()


class CrisisSignalV1(Event):
    """As `safety.crisis_signal` was sent before it had a kind; `level` is `explicit` or `indirect`."""

    type: ClassVar[str] = "safety.crisis_signal"
    topic: ClassVar[str] = "safety"
    key_field: ClassVar[str] = "patient_id"

    organization_id: UUID
    patient_id: UUID
    conversation_id: UUID
    message_id: UUID
    level: str


class CrisisSignal(Event):
    """A message to the assistant read like a crisis.

    `level` is `explicit` (the fixed text was given) or `possible` (a line of care was added to the answer); `kind` is
    `self_harm`, `harm_to_others`, `abuse`, `child_in_danger` or `medical_emergency`.
    """

    type: ClassVar[str] = "safety.crisis_signal"
    topic: ClassVar[str] = "safety"
    version: ClassVar[int] = 2
    key_field: ClassVar[str] = "patient_id"

    organization_id: UUID
    patient_id: UUID
    conversation_id: UUID
    message_id: UUID
    level: str
    kind: str
