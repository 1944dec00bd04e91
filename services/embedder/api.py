"""HTTP in: one patient's sessions are searched, under a capability that names that patient."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from libs.common.client_time import Instant
from libs.common.clock import to_json_time
from libs.contracts.ids import PatientId, SessionId
from services.embedder.domain import Found, Hit, Question, Span, Turn
from services.embedder.handlers import Search

RESULTS_MAX = 50
RESULTS_DEFAULT = 8
QUERY_MAX = 4000
SESSIONS_MAX = 1000

JsonTime = Annotated[datetime, PlainSerializer(to_json_time, return_type=str)]


class SearchRequest(BaseModel):
    """A question about one patient; `date_from` is included, `date_to` is not."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    patient_id: UUID
    query: str = Field(min_length=1, max_length=QUERY_MAX, pattern=r"\S")
    limit: int = Field(RESULTS_DEFAULT, ge=1, le=RESULTS_MAX)
    date_from: Instant | None = None
    date_to: Instant | None = None
    session_ids: list[UUID] | None = Field(None, max_length=SESSIONS_MAX)


class TurnOut(BaseModel):
    """One speaker's words with their seconds."""

    speaker: str
    text: str
    start_time: float
    end_time: float


class ResultOut(BaseModel):
    """A passage and the chunk it is cited under; several results may be of one chunk.

    `relevance` is the cosine similarity (0 to 1), null without vectors; `score` orders this answer only.
    """

    chunk_id: UUID
    passage_id: UUID
    session_id: UUID
    session_date: JsonTime
    transcript_id: UUID
    content: str
    start_time: float
    end_time: float
    speaker: str
    turns: list[TurnOut]
    relevance: float | None
    score: float


class SearchResponse(BaseModel):
    """The best passages first. `mode` is `text` while vectors are not to be had."""

    results: list[ResultOut]
    mode: Literal["hybrid", "text"]
    model: str


def build_router(search: Search) -> APIRouter:
    """Return the routes of this service."""
    router = APIRouter()

    @router.post("/search", operation_id="search", summary="Find passages in one patient's sessions")
    async def find(request: SearchRequest) -> SearchResponse:
        """Search what consent allows to be searched; a patient out of the capability's reach has no passages."""
        return _rendered(await search.find(_question(request)), search.model_name)

    return router


def _question(request: SearchRequest) -> Question:
    sessions = request.session_ids
    return Question(
        patient_id=PatientId(request.patient_id),
        # PostgreSQL takes no NUL in text.
        text=request.query.replace("\x00", " "),
        limit=request.limit,
        date_from=request.date_from,
        date_to=request.date_to,
        session_ids=None if sessions is None else tuple(SessionId(session) for session in sessions),
    )


def _rendered(found: Found, model: str) -> SearchResponse:
    return SearchResponse(
        results=[_result(hit) for hit in found.hits], mode="hybrid" if found.by_vectors else "text", model=model
    )


def _result(hit: Hit) -> ResultOut:
    passage: Span = hit.passage
    return ResultOut(
        chunk_id=hit.chunk_id,
        passage_id=hit.passage_id,
        session_id=hit.session_id,
        session_date=hit.session_date,
        transcript_id=hit.transcript_id,
        content=passage.content,
        start_time=passage.start_s,
        end_time=passage.end_s,
        speaker=passage.speaker.value,
        turns=[_turn(turn) for turn in passage.turns],
        relevance=hit.relevance,
        score=hit.score,
    )


def _turn(turn: Turn) -> TurnOut:
    return TurnOut(speaker=turn.speaker.value, text=turn.text, start_time=turn.start_s, end_time=turn.end_s)
