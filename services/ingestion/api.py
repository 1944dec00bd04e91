"""HTTP routes: streaming uploads, reading and watching sessions, and the key of a recording for the transcriber."""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from structlog.contextvars import bind_contextvars

from libs.common.client_time import DayOrInstant
from libs.common.clock import to_json_time
from libs.common.database.paging import PAGE_DEFAULT, PAGE_MAX, Window
from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.common.http.draining import DrainingResponse, Patience
from libs.common.http.problems import problem_response
from libs.common.local_time import end_of, start_of, zone_of_caller
from libs.contracts.audit import AuditQuery
from libs.contracts.ids import PatientId, SessionId, TherapistId
from services.ingestion.domain import UPLOAD_STATUS, Session, Status
from services.ingestion.erasure.api import build_erasure_router
from services.ingestion.erasure.handlers import ErasureService
from services.ingestion.handlers import SessionQueries
from services.ingestion.ports import Audit, SessionFilter
from services.ingestion.upload.accept import AcceptRecording, UploadHead

WAIT_MAX_S = 30.0
PING_S = 15.0
WATCH_MAX_S = 600.0
# How long to drain a refused upload. The gateway reads the response while it sends; other clients need a moment.
DRAIN_MAX_S = 3.0
DRAIN_PATIENCE = Patience(all_s=DRAIN_MAX_S, silence_s=DRAIN_MAX_S)
LENGTH_DIGITS_MAX = 18
"""Longer numbers are over every limit, and Python refuses to parse thousands of digits."""
ETAG_DIGITS_MAX = 17
"""No tag of this service is longer: microseconds since 1970 take 16 digits until the year 2286."""
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{1,100}):")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Parts:
    """The application services that the routes call."""

    accept: AcceptRecording
    queries: SessionQueries
    eraser: ErasureService
    audit: Audit


def build_router(parts: Parts) -> APIRouter:
    """Return the routes of this service."""
    router = APIRouter()
    _add_upload(router, parts.accept)
    _add_reads(router, parts.queries)
    _add_watching(router, parts.queries)
    _add_release(router, parts.queries)
    _add_audit(router, parts.audit)
    _add_recording(router, parts.queries)
    router.include_router(build_erasure_router(parts.eraser))
    return router


def _add_upload(router: APIRouter, accept: AcceptRecording) -> None:
    @router.post("/sessions", status_code=202)
    async def upload(request: Request) -> Response:
        """Accept a recording. The body is read lazily, so a refused upload is not received."""
        try:
            accepted = await accept(_upload_head(request), _body(request))
        except AppError as error:
            bind_contextvars(problem=error.problem.slug, **error.facts)
            return DrainingResponse(problem_response(error, request.scope), DRAIN_PATIENCE)
        session = accepted.session
        body = {
            "session_id": str(session.id),
            "status": session.status.value,
            "upload_status": UPLOAD_STATUS[session.status],
        }
        # A relative Location (RFC 9110 section 10.2.2) is also valid behind the gateway's prefix.
        repeated = {"Idempotent-Replayed": "true"} if accepted.already_existed else {}
        return JSONResponse(body, status_code=202, headers={"Location": f"sessions/{session.id}"} | repeated)


def _add_reads(router: APIRouter, queries: SessionQueries) -> None:
    @router.get("/sessions")
    async def page(request: Request, filters: Annotated[_Filter, Query()]) -> dict[str, Any]:
        """List sessions, newest first."""
        found = await queries.page(
            filters.to_filter(zone_of_caller(request.headers)), Window.of(filters.limit, filters.cursor)
        )
        return found.to_json(_session)

    @router.get("/sessions/{session_id}")
    async def find(
        request: Request, session_id: UUID, wait: Annotated[float, Query(ge=0, le=WAIT_MAX_S)] = 0.0
    ) -> Response:
        """Return a session, immediately or after a change; 304 while it matches `If-None-Match`."""
        seen = request.headers.get("if-none-match")
        session = await queries.wait(SessionId(session_id), _seen_at(seen), wait)
        headers = {"ETag": _etag(session), "Cache-Control": "no-cache"}
        if seen == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return JSONResponse(_session(session), headers=headers)

    @router.post("/sessions/{session_id}/retry", status_code=202)
    async def retry(session_id: UUID) -> dict[str, Any]:
        """Process a failed session again."""
        return _session(await queries.retry(SessionId(session_id)))


def _add_release(router: APIRouter, queries: SessionQueries) -> None:
    @router.post("/sessions/{session_id}/release")
    async def release(session_id: UUID) -> dict[str, Any]:
        """Make a ready session part of the chat."""
        return _session(await queries.release(SessionId(session_id)))

    @router.delete("/sessions/{session_id}/release")
    async def hold_back(session_id: UUID) -> dict[str, Any]:
        """Keep a session out of the chat."""
        return _session(await queries.hold_back(SessionId(session_id)))


def _add_audit(router: APIRouter, audit: Audit) -> None:
    @router.get("/audit-events")
    async def audit_events(query: Annotated[AuditQuery, Query()]) -> dict[str, Any]:
        """List who released sessions or held them back, newest first."""
        return (await audit.page(query)).to_json(lambda row: row.to_json())


def _add_watching(router: APIRouter, queries: SessionQueries) -> None:
    @router.get("/sessions/{session_id}/events")
    async def events(session_id: UUID) -> Response:
        """Stream a session's status as server-sent events until processing ends (`done`)."""
        await queries.find(SessionId(session_id))  # an unknown session is a 404 instead of a failing stream
        return StreamingResponse(
            _stream(queries, SessionId(session_id)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


def _add_recording(router: APIRouter, queries: SessionQueries) -> None:
    @router.get("/sessions/{session_id}/recording-key")
    async def recording_key(session_id: UUID) -> dict[str, Any]:
        """Return a recording's object name and decryption key. The gateway never routes here."""
        opened = await queries.open_recording(SessionId(session_id))
        recording = opened.recording
        return {
            "object_name": recording.object_name,
            "media_type": recording.media_type,
            "size_bytes": recording.size_bytes,
            "content_sha256": recording.content_sha256,
            "keyset": base64.b64encode(opened.keyset).decode(),
            "associated_data": base64.b64encode(opened.context).decode(),
        }


class _Filter(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    patient_id: UUID | None = None
    therapist_id: UUID | None = None
    status: Status | None = None
    released: bool | None = None
    date_from: DayOrInstant | None = None
    date_to: DayOrInstant | None = None
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = None

    def to_filter(self, zone: tzinfo) -> SessionFilter:
        """Return the filters for the store; bare dates are days in the time zone."""
        first, last = (None if isinstance(at, datetime) else at for at in (self.date_from, self.date_to))
        return SessionFilter(
            PatientId(self.patient_id) if self.patient_id else None,
            TherapistId(self.therapist_id) if self.therapist_id else None,
            self.status.value if self.status else None,
            _instant(self.date_from, zone, start_of),
            _instant(self.date_to, zone, _last_of),
            first,
            last,
            self.released,
        )


def _instant(given: date | None, zone: tzinfo, of_day: Callable[[date, tzinfo], datetime]) -> datetime | None:
    return given if given is None or isinstance(given, datetime) else of_day(given, zone)


def _last_of(day: date, zone: tzinfo) -> datetime:
    # Inclusive, as `date_to` is; microseconds are as fine as the database keeps.
    return end_of(day, zone) - timedelta(microseconds=1)


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            if chunk:
                yield chunk
    except ClientDisconnect as error:
        raise AppError(INVALID_REQUEST, "The upload was cut off.") from error


def _upload_head(request: Request) -> UploadHead:
    length = request.headers.get("content-length", "")
    return UploadHead(
        content_type=request.headers.get("content-type", ""),
        content_length=int(length[:LENGTH_DIGITS_MAX]) if length.isdecimal() else None,
        digest=_digest(request.headers.get("repr-digest")),
        idempotency_key=request.headers.get("idempotency-key"),
        zone=zone_of_caller(request.headers),
    )


def _digest(header: str | None) -> bytes | None:
    """Return the SHA-256 of a Repr-Digest header; other algorithms are ignored."""
    found = _DIGEST.search(header) if header else None
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error as error:
        fault = FieldError("/header/repr-digest", "The SHA-256 is not valid base64.")
        raise AppError(INVALID_REQUEST, "Repr-Digest is not valid.", errors=[fault]) from error


async def _stream(queries: SessionQueries, session_id: SessionId) -> AsyncIterator[str]:
    try:
        async for session in queries.watch(session_id, PING_S, WATCH_MAX_S):
            yield _status_event(session) if session else ": ping\n\n"
    except AppError as error:
        problem = {"type": f"/problems/{error.problem.slug}", "detail": error.detail}
        yield f"event: error\ndata: {json.dumps(problem)}\n\n"
    else:
        yield "event: done\ndata: {}\n\n"


def _status_event(session: Session) -> str:
    return f"event: status\nid: {_micros(session.updated_at)}\ndata: {json.dumps(_session(session))}\n\n"


def _etag(session: Session) -> str:
    return f'"{_micros(session.updated_at)}"'


def _seen_at(etag: str | None) -> datetime | None:
    digits = etag.strip('"') if etag else ""
    if not digits.isdecimal() or len(digits) > ETAG_DIGITS_MAX:
        return None
    return _EPOCH + timedelta(microseconds=int(digits))


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _progress(session: Session) -> dict[str, Any]:
    expected = session.transcribed_by if session.status is Status.TRANSCRIBING else None
    at = to_json_time(expected) if expected else None
    return {"stage": session.stage, "percent": session.percent, "transcript_expected_at": at}


def _session(session: Session) -> dict[str, Any]:
    return {
        "id": str(session.id),
        "patient_id": str(session.parties.patient_id),
        "therapist_id": str(session.parties.therapist_id),
        "consent_id": str(session.consent_id),
        "session_date": to_json_time(session.session_date),
        "session_day": session.session_day.isoformat() if session.session_day else None,
        "language": session.language,
        "recording_duration_seconds": session.duration_s,
        "recording_complete": session.recording_complete,
        "status": session.status.value,
        "upload_status": UPLOAD_STATUS[session.status],
        "progress": _progress(session),
        "stage_times": {stage: to_json_time(at) for stage, at in session.stage_times.items()},
        "error_message": session.error_message,
        "released": session.released,
        "metadata": dict(session.metadata),
        "created_at": to_json_time(session.created_at),
        "updated_at": to_json_time(session.updated_at),
    }
