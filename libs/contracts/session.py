"""What happens to a session as the therapist sees it."""

from typing import ClassVar
from uuid import UUID

from libs.common.events import Event


class _OfSession(Event):
    topic: ClassVar[str] = "session"
    key_field: ClassVar[str] = "session_id"

    organization_id: UUID
    patient_id: UUID
    session_id: UUID


class SessionStatusChanged(_OfSession):
    """The stored status moved to `status`."""

    type: ClassVar[str] = "session.status_changed"

    status: str


class SessionReady(_OfSession):
    """The session can be asked about."""

    type: ClassVar[str] = "session.ready"


class SessionFailed(_OfSession):
    """The session's processing failed; `reason` is a problem slug."""

    type: ClassVar[str] = "session.failed"

    reason: str
