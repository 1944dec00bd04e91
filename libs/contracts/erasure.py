"""What was erased, told so that every service erases its share; ids and counts only."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from libs.common.events import Event


class Table(StrEnum):
    """Whose rows can be counted in an erasure; a fact about one can name nothing else."""

    TRANSCRIPT = "transcript"
    HEARD = "heard"
    JOB = "job"
    WITHDRAWN = "withdrawn"
    CHUNK = "chunk"
    PASSAGE = "passage"
    EMBEDDING = "embedding"
    INDEXED = "indexed"
    CONVERSATION = "conversation"
    MESSAGE = "message"
    MESSAGE_SOURCE = "message_source"
    # The rows that are locked while the hourly message quota counts; `sent` holds what is counted.
    TURNSTILE = "turnstile"
    SENT = "sent"
    EVIDENCE = "evidence"
    USERS = "users"
    PATIENT_TOKEN = "patient_token"  # noqa: S105
    REPLAY = "replay"


class _Erased(Event):
    topic: ClassVar[str] = "erasure"
    key_field: ClassVar[str] = "patient_id"

    organization_id: UUID
    patient_id: UUID
    erasure_id: UUID


class SessionErased(_Erased):
    """A session is no more, and nothing that came from it may come back."""

    type: ClassVar[str] = "session.erased"

    session_id: UUID


class PatientErased(_Erased):
    """A patient is no more, with all sessions, and nothing of it may come back."""

    type: ClassVar[str] = "patient.erased"


class Counted(_Erased):
    """A share of an erasure is done; `counts` says how many rows of which table went."""

    counts: dict[Table, int]


class TranscriptErased(Counted):
    """The transcriber has erased its share: words, what vendors answered, jobs. `counts` is rows by table."""

    type: ClassVar[str] = "transcript.erased"
    topic: ClassVar[str] = "transcript"


class IndexErased(Counted):
    """The embedder has erased its share: chunks, passages, vectors. `counts` is rows by table."""

    type: ClassVar[str] = "index.erased"
    topic: ClassVar[str] = "index"


class AnswersErased(Counted):
    """The chat has erased its share: answers that stood on it, quotes, conversations. `counts` is rows by table."""

    type: ClassVar[str] = "answers.erased"
    topic: ClassVar[str] = "answers"


class EvidenceErased(Counted):
    """The circumstances of a patient's consents are erased and the ledger verifies. `counts` is rows by table."""

    type: ClassVar[str] = "evidence.erased"
    topic: ClassVar[str] = "consent"
    # As all of the topic `consent`: no grant may overtake the revocation before it.
    is_ordered: ClassVar[bool] = True


class UserErased(Counted):
    """The gateway has erased its share: the user, tokens, kept answers. `counts` is rows by table."""

    type: ClassVar[str] = "user.erased"
    topic: ClassVar[str] = "user"


Erasure = SessionErased | PatientErased
"""What sets a service's share of an erasure going."""


def session_of(event: Erasure) -> UUID | None:
    """Return the session that is erased; None for all of the patient's."""
    return event.session_id if isinstance(event, SessionErased) else None
