"""HTTP route: searches one patient's sessions, under a capability for that patient."""

from collections.abc import Mapping
from datetime import datetime
from itertools import zip_longest
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
    """A search in one patient's sessions; `date_from` is inclusive, `date_to` exclusive."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    patient_id: UUID
    query: str = Field(min_length=1, max_length=QUERY_MAX, pattern=r"\S")
    limit: int = Field(RESULTS_DEFAULT, ge=1, le=RESULTS_MAX)
    date_from: Instant | None = None
    date_to: Instant | None = None
    session_ids: list[UUID] | None = Field(None, max_length=SESSIONS_MAX)


class TurnOut(BaseModel):
    """A speaker's text with start and end in seconds, its cosine similarity (null without vectors), and what it does.

    `acts` are probabilities of `assign`, `agree`, `report_done`, `report_not_done`, `drop` and `replace`.
    """

    speaker: str
    text: str
    start_time: float
    end_time: float
    relevance: float | None = None
    acts: dict[str, float] = {}


class ResultOut(BaseModel):
    """A passage and the chunk to cite; several results may be of one chunk.

    `relevance` is the cosine similarity (0 to 1), null without vectors; `score` is comparable within one response only.
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
    """Passages, best first. `mode` is `text` while vectors are unavailable, or are not all of `model`.

    `understood_as` is the query with misspelt words mended; `unknown_words` occur nowhere in what was searched.
    """

    results: list[ResultOut]
    understood_as: str
    unknown_words: list[str]
    mode: Literal["hybrid", "text"]
    model: str


def build_router(search: Search) -> APIRouter:
    """Return the routes of this service."""
    router = APIRouter()

    @router.post("/search", operation_id="search", summary="Find passages in one patient's sessions")
    async def find(request: SearchRequest) -> SearchResponse:
        """Search the sessions that consent allows. For a patient outside the capability the result is empty."""
        found = await search.find(_question(request))
        return _rendered(found, found.model or search.model_name)

    return router


def _question(request: SearchRequest) -> Question:
    sessions = request.session_ids
    return Question(
        patient_id=PatientId(request.patient_id),
        # PostgreSQL rejects NUL in text.
        text=request.query.replace("\x00", " "),
        limit=request.limit,
        date_from=request.date_from,
        date_to=request.date_to,
        session_ids=None if sessions is None else tuple(SessionId(session) for session in sessions),
    )


def _rendered(found: Found, model: str) -> SearchResponse:
    return SearchResponse(
        results=[_result(hit) for hit in found.hits],
        understood_as=found.understood_as,
        unknown_words=list(found.unknown_words),
        mode="hybrid" if found.by_vectors else "text",
        model=model,
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
        # The turns are as many as the others, or the others are empty: without vectors there are neither.
        turns=[_turn(*one) for one in zip_longest(passage.turns, hit.turn_relevances, hit.turn_acts)],
        relevance=hit.relevance,
        score=hit.score,
    )


def _turn(turn: Turn, relevance: float | None, acts: Mapping[str, float] | None) -> TurnOut:
    return TurnOut(
        speaker=turn.speaker.value,
        text=turn.text,
        start_time=turn.start_s,
        end_time=turn.end_s,
        relevance=relevance,
        acts=dict(acts or {}),
    )
