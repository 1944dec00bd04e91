"""HTTP routes: transcripts in the requested version and form, and a therapist's corrections."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, PlainSerializer

from libs.common.clock import to_json_time
from libs.common.errors import NOT_ACCEPTABLE, PRECONDITION_FAILED, PRECONDITION_REQUIRED, AppError, FieldError
from libs.contracts.audit import AuditQuery
from libs.contracts.ids import SessionId
from libs.contracts.transcript import CorrectionRequest, SegmentChange, TranscriptQuery
from services.transcriber.corrections import Correction, TranscriptService
from services.transcriber.domain import Job, Speaker, Transcript
from services.transcriber.negotiation import preferred
from services.transcriber.ports import Audit, Wanted
from services.transcriber.renderings import RENDERINGS
from services.transcriber.segment_changes import Change, Naming
from services.transcriber.transcript_json import as_json

JSON = "application/json"
FORMS = (JSON, *RENDERINGS)
# A strong tag names a version and its form ("2" as JSON, "2-words" with its words, "2-vtt" as WebVTT); each of them
# names the version to correct.
_ETAG = re.compile(r'^"([1-9][0-9]{0,8})(?:-(?:words|vtt|x-subrip|plain))?"$')

JsonTime = Annotated[datetime, PlainSerializer(to_json_time, return_type=str)]
IfMatch = Annotated[str | None, Header(description='The version to correct, as in the ETag: `"1"`.')]


class JobOut(BaseModel):
    """The status of a transcription job; `last_error` is a problem slug."""

    id: UUID
    session_id: UUID
    status: str
    attempts: int
    percent: float
    last_error: str | None
    created_at: JsonTime
    started_at: JsonTime
    finished_at: JsonTime | None


def build_router(words: TranscriptService, audit: Audit) -> APIRouter:
    """Return the routes of this service."""
    router = APIRouter()

    @router.get("/sessions/{session_id}/transcript", response_model=None)
    async def read(
        session_id: UUID,
        query: Annotated[TranscriptQuery, Query()],
        accept: Annotated[str, Header()] = "*/*",
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """Return a version as JSON, or as WebVTT, SubRip or plain text if Accept prefers it; 304 if it is held."""
        form = _form(accept)
        wanted = Wanted(query.version, query.words and form == JSON)
        # First, and audited: whether a version is still the newest is told only to who may read it now.
        return _answer(await words.find(SessionId(session_id), wanted), _Form(form, wanted.with_words), if_none_match)

    @router.get("/sessions/{session_id}/transcription")
    async def job(session_id: UUID) -> JobOut:
        """Return the status of the session's transcription job."""
        return _job(await words.job(SessionId(session_id)))

    @router.patch("/sessions/{session_id}/transcript", response_model=None)
    async def correct(session_id: UUID, request: CorrectionRequest, if_match: IfMatch = None) -> Response:
        """Change segments and name voices; return the new version."""
        namings = [Naming(naming.voice, Speaker(naming.speaker)) for naming in request.voices]
        correction = Correction([_change(segment) for segment in request.segments], namings)
        return _json(await words.correct(SessionId(session_id), _version(if_match), correction))

    @router.post("/sessions/{session_id}/transcript/swap-speakers", response_model=None)
    async def swap_speakers(session_id: UUID, if_match: IfMatch = None) -> Response:
        """Swap therapist and patient; return the new version."""
        return _json(await words.swap_speakers(SessionId(session_id), _version(if_match)))

    @router.get("/audit-events")
    async def audit_events(query: Annotated[AuditQuery, Query()]) -> dict[str, Any]:
        """List who read or corrected which transcript, newest first."""
        return (await audit.page(query)).to_json(lambda row: row.to_json())

    return router


@dataclass(frozen=True)
class _Form:
    """A media type, and whether its JSON has the times of words."""

    media_type: str = JSON
    with_words: bool = False

    @property
    def tag(self) -> str:
        """Return the part of a strong ETag that tells this form from the others; none for JSON."""
        if self.with_words:
            return "-words"
        return "" if self.media_type == JSON else f"-{self.media_type.partition('/')[2]}"


def _form(accept: str) -> str:
    form = preferred(accept, FORMS)
    if form is None:
        raise AppError(NOT_ACCEPTABLE, f"A transcript comes as {', '.join(FORMS)}.")
    return form


def _change(segment: SegmentChange) -> Change:
    speaker = None if segment.speaker is None else Speaker(segment.speaker)
    return Change(segment.id, segment.text, speaker, segment.deleted)


def _version(if_match: str | None) -> int:
    if if_match is None:
        fault = FieldError("/header/if-match", "Send the ETag of the version you read.")
        raise AppError(
            PRECONDITION_REQUIRED, "Send `If-Match` with the ETag of the transcript to correct.", errors=[fault]
        )
    # Any other tag names no version of ours, and so not the newest: 412 as for an old one.
    found = _ETAG.match(if_match.strip())
    if found is None:
        raise AppError(PRECONDITION_FAILED, "`If-Match` is not the ETag of a transcript.")
    return int(found[1])


def _answer(transcript: Transcript, form: _Form, if_none_match: str) -> Response:
    headers = _etag(transcript, form)
    if _is_held(headers["ETag"], if_none_match):
        return Response(status_code=304, headers=headers)
    if form.media_type == JSON:
        return _json(transcript, form)
    return Response(RENDERINGS[form.media_type](transcript), media_type=form.media_type, headers=headers)


def _json(transcript: Transcript, form: _Form = _Form()) -> Response:
    rendered = as_json(transcript, with_words=form.with_words)
    return Response(rendered, media_type=JSON, headers=_etag(transcript, form))


def _etag(transcript: Transcript, form: _Form) -> dict[str, str]:
    return {"ETag": f'"{transcript.version}{form.tag}"'}


def _is_held(etag: str, if_none_match: str) -> bool:
    # A weak comparison (RFC 9110 section 13.1.2): caches on the way may have marked the tag as weak.
    held = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in held or "*" in held


def _job(job: Job) -> JobOut:
    return JobOut(
        id=job.id,
        session_id=job.session_id,
        status=job.status.value,
        attempts=job.attempts,
        percent=round(job.progress * 100, 1),
        last_error=job.last_error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )
