"""HTTP routes: transcripts in the requested format, and a therapist's corrections."""

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from libs.common.clock import to_json_time
from libs.common.errors import INVALID_REQUEST, PRECONDITION_FAILED, AppError, FieldError
from libs.common.visible_text import VISIBLE_WORDS
from libs.contracts.audit import AuditQuery
from libs.contracts.ids import SessionId
from services.transcriber.corrections import TranscriptService
from services.transcriber.domain import Job, Segment, Speaker, Transcript
from services.transcriber.ports import Audit
from services.transcriber.renderings import RENDERINGS

# Far above what the transcript of a 4-hour recording needs.
SEGMENTS_MAX = 20_000
SEGMENT_CHARS_MAX = 10_000
# A strong tag names a version and its form ("2" as JSON, "2-vtt" as WebVTT); either form names the version to correct.
_ETAG = re.compile(r'^"([1-9][0-9]{0,8})(?:-(?:vtt|x-subrip|plain))?"$')

JsonTime = Annotated[datetime, PlainSerializer(to_json_time, return_type=str)]
IfMatch = Annotated[str | None, Header(description='The version to correct, as in the ETag: `"1"`.')]


class SegmentBody(BaseModel):
    """A speaker's text with start and end in seconds."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    speaker: Speaker
    text: Annotated[
        str, Field(min_length=1, max_length=SEGMENT_CHARS_MAX, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$"), VISIBLE_WORDS
    ]
    start_time: float = Field(ge=0, allow_inf_nan=False)
    end_time: float = Field(ge=0, allow_inf_nan=False)
    confidence: float = Field(1.0, ge=0, le=1, description="1.0 for a person's correction.")


class CorrectionRequest(BaseModel):
    """The complete corrected segments of a transcript."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    segments: list[SegmentBody] = Field(min_length=1, max_length=SEGMENTS_MAX)


class SourceOut(BaseModel):
    """The vendor and model that transcribed the recording."""

    vendor: str
    model: str


class TranscriptOut(BaseModel):
    """The newest version of a transcript. `speaker_confidence`: probability (0 to 1) that speakers are correct.

    `recording_complete` is false if the end of the recording is missing.
    """

    id: UUID
    session_id: UUID
    version: int
    language: str
    confidence: float
    speaker_confidence: float
    audio_duration_s: float
    recording_complete: bool
    source: SourceOut
    full_text: str
    segments: list[SegmentBody]
    created_at: JsonTime


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
        session_id: UUID, accept: Annotated[str, Header()] = "*/*", if_none_match: Annotated[str, Header()] = ""
    ) -> Response:
        """Return the transcript as JSON, or as WebVTT, SubRip or plain text if Accept prefers it; 304 if it is held."""
        # First, and audited: whether a version is still the newest is told only to who may read it now.
        return _answer(await words.find(SessionId(session_id)), preferred(accept), if_none_match)

    @router.get("/sessions/{session_id}/transcription")
    async def job(session_id: UUID) -> JobOut:
        """Return the status of the session's transcription job."""
        return _job(await words.job(SessionId(session_id)))

    @router.patch("/sessions/{session_id}/transcript", response_model=None)
    async def correct(session_id: UUID, request: CorrectionRequest, if_match: IfMatch = None) -> Response:
        """Replace the segments; return the new version."""
        segments = [Segment(**segment.model_dump()) for segment in request.segments]
        return _json(await words.correct(SessionId(session_id), _version(if_match), segments))

    @router.post("/sessions/{session_id}/transcript/swap-speakers", response_model=None)
    async def swap_speakers(session_id: UUID, if_match: IfMatch = None) -> Response:
        """Swap therapist and patient; return the new version."""
        return _json(await words.swap_speakers(SessionId(session_id), _version(if_match)))

    @router.get("/audit-events")
    async def audit_events(query: Annotated[AuditQuery, Query()]) -> dict[str, Any]:
        """List who read or corrected which transcript, newest first."""
        return (await audit.page(query)).to_json(lambda row: row.to_json())

    return router


def preferred(accept: str) -> str | None:
    """Return the media type that Accept (RFC 9110 section 12.5.1) prefers; None means JSON, the default."""
    best: tuple[float, str | None] = (0.0, None)
    for part in accept.split(","):
        media_type, _, parameters = part.strip().partition(";")
        name = media_type.strip().lower()
        chosen = name if name in RENDERINGS else None
        if chosen is None and name not in ("application/json", "application/*", "*/*"):
            continue
        weight = _weight(parameters)
        # Of equals the first is taken, and what has q=0 never.
        if weight > best[0]:
            best = (weight, chosen)
    return best[1]


def _weight(parameters: str) -> float:
    found = re.search(r"(?:^|;)\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)", parameters)
    return float(found[1]) if found else 1.0


def _version(if_match: str | None) -> int:
    if if_match is None:
        fault = FieldError("/header/if-match", "Send the ETag of the version you read.")
        raise AppError(INVALID_REQUEST, "Send `If-Match` with the ETag of the transcript to correct.", errors=[fault])
    # Any other tag names no version of ours, and so not the newest: 412 as for an old one.
    found = _ETAG.match(if_match.strip())
    if found is None:
        raise AppError(PRECONDITION_FAILED, "`If-Match` is not the ETag of a transcript.")
    return int(found[1])


def _answer(transcript: Transcript, media_type: str | None, if_none_match: str) -> Response:
    headers = _etag(transcript, media_type)
    if _is_held(headers["ETag"], if_none_match):
        return Response(status_code=304, headers=headers)
    if media_type is None:
        return _json(transcript)
    return Response(RENDERINGS[media_type](transcript), media_type=media_type, headers=headers)


def _json(transcript: Transcript) -> Response:
    draft = transcript.draft
    out = TranscriptOut(
        id=transcript.id,
        session_id=transcript.about.session_id,
        version=transcript.version,
        language=draft.language,
        confidence=round(transcript.confidence, 4),
        speaker_confidence=round(draft.speaker_confidence, 4),
        audio_duration_s=draft.duration_s,
        recording_complete=draft.recording_complete,
        source=SourceOut(vendor=draft.source.vendor, model=draft.source.model),
        full_text=transcript.full_text,
        # Without validation: stored segments are valid, and there may be thousands.
        segments=[SegmentBody.model_construct(**vars(segment)) for segment in draft.segments],
        created_at=transcript.created_at,
    )
    return Response(out.model_dump_json(), media_type="application/json", headers=_etag(transcript))


def _etag(transcript: Transcript, media_type: str | None = None) -> dict[str, str]:
    form = f"-{media_type.partition('/')[2]}" if media_type else ""
    return {"ETag": f'"{transcript.version}{form}"'}


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
