"""What happens on the way from words to an index, and the words for what the index tells of commitments."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from libs.common.events import Event


class _OfIndex(Event):
    topic: ClassVar[str] = "index"
    key_field: ClassVar[str] = "session_id"

    organization_id: UUID
    patient_id: UUID
    session_id: UUID


class IndexReady(_OfIndex):
    """A transcript version can be searched."""

    type: ClassVar[str] = "index.ready"

    transcript_id: UUID
    transcript_version: int
    chunk_count: int
    model: str


class IndexFailed(_OfIndex):
    """A transcript could not be indexed; `reason` is a problem slug."""

    type: ClassVar[str] = "index.failed"

    transcript_id: UUID
    reason: str


class IndexWithheld(_OfIndex):
    """A transcript is not indexed, and that is right: consent to AI analysis is not in force."""

    type: ClassVar[str] = "index.withheld"

    reason: str


class CommitmentStatus(StrEnum):
    """What became of what a patient took on."""

    OPEN = "open"
    DONE = "done"
    NOT_DONE = "not_done"
    DROPPED = "dropped"
    REPLACED = "replaced"


# Written out again: Python lets no enum with members be extended by NONE.
class Correction(StrEnum):
    """What a therapist may set: a status, or that it never was a commitment."""

    OPEN = "open"
    DONE = "done"
    NOT_DONE = "not_done"
    DROPPED = "dropped"
    REPLACED = "replaced"
    NONE = "none"
