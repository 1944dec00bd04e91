"""HTTP route: what sessions were about."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, PlainSerializer

from libs.common.clock import to_json_time
from libs.contracts.ids import SessionId
from services.embedder.digests.domain import Digest
from services.embedder.digests.ports import DigestRepository

SESSIONS_MAX = 200
JsonTime = Annotated[datetime, PlainSerializer(to_json_time, return_type=str)]


class TopicOut(BaseModel):
    """A stretch of the session in seconds, its share of the words, and the words that name it, best first."""

    words: list[str]
    start_time: float
    end_time: float
    share: float


class NameOut(BaseModel):
    """A name that was spoken, how often, and the second of the first time."""

    name: str
    mentions: int
    start_time: float


class SentenceOut(BaseModel):
    """What somebody said, verbatim, with its seconds; `topic` is the place of its topic, from 0."""

    chunk_id: UUID
    speaker: str
    quote: str
    start_time: float
    end_time: float
    topic: int


class DigestOut(BaseModel):
    """What one version of a session's transcript was about."""

    session_id: UUID
    session_date: JsonTime
    transcript_version: int
    topics: list[TopicOut]
    names: list[NameOut]
    sentences: list[SentenceOut]


class DigestsOut(BaseModel):
    """Digests, oldest session first."""

    data: list[DigestOut]


def build_router(digests: DigestRepository) -> APIRouter:
    """Return the routes of this wing."""
    router = APIRouter()

    @router.get("/digests", operation_id="listDigests")
    async def of_sessions(session_id: Annotated[list[UUID], Query(max_length=SESSIONS_MAX)]) -> DigestsOut:
        """Return the digests of the sessions that consent allows; a session without one is left out."""
        found = await digests.of_sessions([SessionId(one) for one in session_id])
        return DigestsOut(data=[_rendered(digest) for digest in found])

    return router


def _rendered(digest: Digest) -> DigestOut:
    topics: list[Any] = [
        TopicOut(words=list(one.words), start_time=one.start_s, end_time=one.end_s, share=one.share)
        for one in digest.topics
    ]
    return DigestOut(
        session_id=digest.session_id,
        session_date=digest.session_date,
        transcript_version=digest.transcript_version,
        topics=topics,
        names=[NameOut(name=one.name, mentions=one.mentions, start_time=one.start_s) for one in digest.names],
        sentences=[
            SentenceOut(
                chunk_id=one.chunk_id,
                speaker=one.turn.speaker.value,
                quote=one.turn.text,
                start_time=one.turn.start_s,
                end_time=one.turn.end_s,
                topic=one.topic,
            )
            for one in digest.sentences
        ],
    )
