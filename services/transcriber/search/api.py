"""HTTP route: searches one patient's transcripts."""

import re
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from libs.common.database.paging import Position, invalid_cursor
from libs.contracts.ids import PatientId
from libs.contracts.transcript import TranscriptSearch
from services.transcriber.domain import Speaker
from services.transcriber.search.domain import Highlight, Search
from services.transcriber.search.handlers import SearchTranscripts, Shown
from services.transcriber.transcript_json import JsonTime

# The place of a session in a list, then the segment.
_CURSOR = re.compile(r"([\w=-]{32})([0-9a-f]{8})")


class HighlightOut(BaseModel):
    """A word that was asked for. `offset` counts characters (code points) of the segment's text.

    Without times where they are not known: of words that a person wrote, or of old transcripts.
    """

    text: str
    offset: int
    start_time: float | None
    end_time: float | None


class FoundSegmentOut(BaseModel):
    """A segment that was found, with start and end in seconds."""

    session_id: UUID
    session_date: JsonTime
    transcript_id: UUID
    transcript_version: int
    segment_id: int
    speaker: Speaker
    text: str
    start_time: float
    end_time: float
    confidence: float
    highlights: list[HighlightOut]


class FoundOut(BaseModel):
    """A page of what was found: newest session first, its segments in order of time."""

    data: list[FoundSegmentOut]
    has_more: bool
    next_cursor: str | None


def build_router(search: SearchTranscripts) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    # With a body, so that what is asked for stands in no address that a proxy inside may write down.
    @router.post("/patients/{patient_id}/transcripts/search")
    async def find(patient_id: UUID, request: TranscriptSearch) -> FoundOut:
        """Search the newest transcripts that consent allows. For a patient outside the capability it is empty."""
        wanted = Search(PatientId(patient_id), request.q, request.limit)
        found = await search.find(wanted, _place(request.cursor))
        last = _cursor(found.shown[-1]) if found.has_more else None
        return FoundOut(data=[_segment(shown) for shown in found.shown], has_more=found.has_more, next_cursor=last)

    return router


def _place(cursor: str | None) -> tuple[Position, int] | None:
    if cursor is None:
        return None
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise invalid_cursor()
    return Position.from_cursor(parts[1]), int(parts[2], 16)


def _cursor(shown: Shown) -> str:
    about = shown.hit.about
    return f"{Position(about.session_date, about.session_id).to_cursor()}{shown.hit.segment.id:08x}"


def _segment(shown: Shown) -> FoundSegmentOut:
    hit, segment = shown.hit, shown.hit.segment
    return FoundSegmentOut(
        session_id=hit.about.session_id,
        session_date=hit.about.session_date,
        transcript_id=hit.id,
        transcript_version=hit.version,
        segment_id=segment.id,
        speaker=segment.speaker,
        text=segment.text,
        start_time=segment.start_time,
        end_time=segment.end_time,
        confidence=segment.confidence,
        highlights=[_highlight(one) for one in shown.highlights],
    )


def _highlight(one: Highlight) -> HighlightOut:
    return HighlightOut(text=one.text, offset=one.offset, start_time=one.start_s, end_time=one.end_s)
