"""What happens to API keys."""

from typing import ClassVar
from uuid import UUID

from libs.common.events import Event


class KeyRevoked(Event):
    """An API key is dead from now on."""

    type: ClassVar[str] = "key.revoked"
    topic: ClassVar[str] = "key"
    key_field: ClassVar[str] = "api_key_id"

    organization_id: UUID
    api_key_id: str
