"""The product's own way: its chunking, its tables and its one SQL statement, row security and consent included."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from evals.retrieval.locomo import Conversation, Place
from evals.retrieval.recall import BUDGETS, Answered, Piece
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId, TranscriptId
from services.embedder.chunking import CountTokens, chunks_of
from services.embedder.domain import Hit, Index, Question, Source, Turn
from services.embedder.ports import TextEmbedder
from services.embedder.store import IndexStore

# The smallest passage a ranking is filled with: so many fit the largest budget.
PASSAGE_TOKENS_LEAST = 20


@dataclass(frozen=True)
class Patient:
    """Somebody whose consent is in force; `holding` acts for them."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId
    acting_under: Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Ground:
    """A migrated database and a way to get a new patient in it."""

    database: Database
    store: IndexStore
    new_patient: Callable[[], Awaitable[Patient]]
    count: CountTokens
    url: str


async def answers(conversation: Conversation, embedder: TextEmbedder, ground: Ground) -> list[Answered]:
    """Index a conversation as one patient's sessions and search it with every question."""
    patient = await ground.new_patient()
    numbers: dict[SessionId, int] = {}
    with patient.acting_under():
        for number, (at, turns) in conversation.sessions.items():
            source = _source(patient, at)
            numbers[source.session_id] = number
            await _index(ground, Index(source, chunks_of(turns, ground.count), embedder.model), embedder)
        vectors = await embedder.embed([asked.text for asked in conversation.questions])
        found: list[Answered] = []
        for asked, vector in zip(conversation.questions, vectors, strict=True):
            question = Question(patient.patient_id, asked.text, max(BUDGETS) // PASSAGE_TOKENS_LEAST)
            hits = await ground.store.search(question, embedder.model, vector)
            found.append(Answered(asked, [_piece(hit, numbers, conversation) for hit in hits.hits]))
    return found


async def _index(ground: Ground, index: Index, embedder: TextEmbedder) -> None:
    vectors = await embedder.embed([passage.text for passage in index.passages])
    keys = [passage.content_hash for passage in index.passages]
    await ground.store.add_vectors(index.source, index.model, dict(zip(keys, vectors, strict=True)))
    async with ground.database.transaction() as tx:
        await ground.store.replace(tx, index)


def _source(patient: Patient, at: datetime) -> Source:
    return Source(
        patient.organization_id,
        patient.patient_id,
        patient.therapist_id,
        SessionId(new_id()),
        at,
        TranscriptId(new_id()),
        1,
    )


def _piece(hit: Hit, numbers: dict[SessionId, int], conversation: Conversation) -> Piece:
    number = numbers[hit.session_id]
    turns: Sequence[Turn] = conversation.sessions[number][1]
    # A turn of the data is held if the passage has words from its seconds.
    holds = frozenset(
        Place(number, place)
        for place, turn in enumerate(turns)
        if any(said.start_s < turn.end_s and turn.start_s < said.end_s for said in hit.passage.turns)
    )
    return Piece(hit.passage.tokens, holds)
