"""Sessions: passed to ingestion, uploads without ever being held."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Header, Query, Request
from pydantic import Field
from starlette.responses import Response

from libs.common.client_time import DayOrInstant
from libs.common.database.paging import CURSOR_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX
from libs.common.errors import PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, AppError
from libs.common.http.client import Call
from libs.common.local_time import HEADER
from libs.contracts.formats import LANGUAGE_TAG
from libs.contracts.ids import PatientId
from services.gateway.api.proxying import EVENTS, as_json, as_stream, params_of
from services.gateway.api.route_registry import Caller, RouteRegistry, Strict, asked
from services.gateway.clients import Peer
from services.gateway.idempotency.handlers import require_key
from services.gateway.organization.handlers import OrganizationSettings
from services.gateway.pipeline.pipeline import body_of

FILE_BYTES_MAX = 500 * 1024 * 1024
# Fields and the lines between parts; ingestion counts the file's own bytes exactly.
FORM_BYTES_MAX = 256 * 1024
WAIT_MAX_S = 30
# What of the answer to an upload goes on to the caller.
_UPLOAD_HEADERS = ("content-type", "location", "idempotent-replayed")
# A boundary has 1 to 70 characters (RFC 2046, section 5.1.1).
_MULTIPART = re.compile(r'multipart/form-data\s*;.*boundary=("[^"]{1,70}"|[^\s";]{1,70})', re.IGNORECASE)

Status = Literal["pending", "uploaded", "transcribing", "embedding", "ready", "failed", "withheld"]
_WHOSE_DAY = "of the patient's time zone, or without `patient_id` of the organization's"
ETAG_CHARS_MAX = 100


class SessionQuery(Strict):
    """Which sessions to list."""

    patient_id: UUID | None = None
    therapist_id: UUID | None = None
    status: Status | None = None
    released: bool | None = Field(None, description="Only those that are part of the chat, or only those that are not.")
    date_from: DayOrInstant | None = Field(None, description=f"The first time, or the first day {_WHOSE_DAY}.")
    date_to: DayOrInstant | None = Field(None, description=f"The last time, or the last whole day {_WHOSE_DAY}.")
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = Field(None, max_length=CURSOR_CHARS_MAX)

    @property
    def names_a_day(self) -> bool:
        """Tell whether it takes a time zone to know what is meant."""
        return any(at is not None and not isinstance(at, datetime) for at in (self.date_from, self.date_to))


def add_sessions(registry: RouteRegistry, ingestion: Peer, settings: OrganizationSettings) -> None:
    """Add the routes."""
    _add_upload(registry, ingestion, settings)
    _add_release(registry, ingestion)

    async def list_sessions(caller: Caller, wanted: Annotated[SessionQuery, Query()]) -> Response:
        """List sessions, newest first."""
        parts: dict[str, Any] = {"params": params_of(wanted)}
        query = asked(caller, "listSessions", PatientId(wanted.patient_id) if wanted.patient_id else None)
        # Only then: the zone costs a look into the database.
        if wanted.names_a_day:
            parts["headers"] = {HEADER: await settings.zone_of(query.patient_id)}
        return as_json(await ingestion.ask(query, "GET", "/sessions", **parts))

    async def get_session(
        caller: Caller,
        session_id: UUID,
        wait: Annotated[float | None, Query(ge=0, le=WAIT_MAX_S)] = None,
        if_none_match: Annotated[str | None, Header(max_length=ETAG_CHARS_MAX)] = None,
    ) -> Response:
        """Read a session. With `wait` the answer comes when the status changes, or after that many seconds."""
        params = {"wait": wait} if wait is not None else None
        query = asked(caller, "getSession")
        headers = {"If-None-Match": if_none_match} if if_none_match else {}
        return as_json(await ingestion.ask(query, "GET", f"/sessions/{session_id}", params=params, headers=headers))

    async def watch(caller: Caller, session_id: UUID) -> Response:
        """Watch the status as server-sent events; the last one is `done` or `error`."""
        call = Call("GET", f"/sessions/{session_id}/events", headers={"Accept": EVENTS})
        return as_stream(*await ingestion.open(asked(caller, "watchSession"), call))

    async def retry(caller: Caller, session_id: UUID) -> Response:
        """Try a failed session again from the stage that failed."""
        return as_json(await ingestion.ask(asked(caller, "retrySession"), "POST", f"/sessions/{session_id}/retry"))

    registry.open("listSessions", list_sessions)
    registry.open("getSession", get_session)
    registry.open("watchSession", watch)
    registry.open("retrySession", retry)


def _add_release(registry: RouteRegistry, ingestion: Peer) -> None:
    async def release(caller: Caller, session_id: UUID) -> Response:
        """Release a session: from now on the chat may find it and quote from it. One that is released stays so.

        409 (`not-ready`) while it is being processed: what nobody can have read yet is not released.
        """
        return as_json(await ingestion.ask(asked(caller, "releaseSession"), "POST", f"/sessions/{session_id}/release"))

    async def hold_back(caller: Caller, session_id: UUID) -> Response:
        """Take a release back, or hold a session back before it is ready, whoever releases sessions otherwise.

        When this returns, no answer quotes it any more; answers that did are not shown to the patient until it is
        released again.
        """
        query = asked(caller, "holdSessionBack")
        return as_json(await ingestion.ask(query, "DELETE", f"/sessions/{session_id}/release"))

    registry.open("releaseSession", release)
    registry.open("holdSessionBack", hold_back)


def _add_upload(registry: RouteRegistry, ingestion: Peer, settings: OrganizationSettings) -> None:
    async def upload(caller: Caller, request: Request) -> Response:
        """Upload a recording as multipart/form-data: the fields first, `file` last.

        Consent is asked for before the first byte of the file. The answer comes when the recording is stored whole
        and encrypted; the work on it goes on by itself.
        """
        # Which patient it is about stands in the body, which is not read here.
        headers = _upload_headers(request) | {HEADER.lower(): await settings.zone_of(None)}
        answer = await ingestion.upload(asked(caller, "uploadSession"), "/sessions", headers, body_of(request))
        passed = {name: value for name, value in answer.headers.items() if name in _UPLOAD_HEADERS}
        location = passed.get("location", "")
        # The service names its own path; callers know the gateway's.
        if location.startswith("/sessions/"):
            passed["location"] = f"/api/v1{location}"
        return Response(answer.body, answer.status, passed)

    registry.open("uploadSession", upload, openapi_extra={"requestBody": _FORM})


def _upload_headers(request: Request) -> dict[str, str]:
    media_type = request.headers.get("content-type", "")
    if not _MULTIPART.match(media_type):
        raise AppError(UNSUPPORTED_MEDIA_TYPE, "Send the upload as multipart/form-data with a boundary.")
    headers = {"content-type": media_type}
    if "repr-digest" in request.headers:
        headers["repr-digest"] = request.headers["repr-digest"]
    if "idempotency-key" in request.headers:
        # Ingestion makes the session's id of it: a sending whose answer was lost is the same session when repeated.
        require_key(request.headers["idempotency-key"])
        headers["idempotency-key"] = request.headers["idempotency-key"]
    length = request.headers.get("content-length")
    if length is None:
        # Of unknown length: ingestion counts while it reads and stops at the limit.
        return headers | {"transfer-encoding": "chunked"}
    if int(length) > FILE_BYTES_MAX + FORM_BYTES_MAX:
        raise AppError(PAYLOAD_TOO_LARGE, "The recording exceeds the 500 MiB limit (524288000 bytes).")
    return headers | {"content-length": length}


_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["patient_id", "therapist_id", "session_date", "file"],
                "properties": {
                    "patient_id": {"type": "string", "format": "uuid"},
                    "therapist_id": {"type": "string", "format": "uuid"},
                    "session_date": {
                        "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
                        "description": "A time with its zone, or a bare date: that day in the organization's time "
                        "zone, kept as `session_day`. From 1900 to a day from now.",
                    },
                    "language": {"type": "string", "default": "en", "pattern": LANGUAGE_TAG},
                    "metadata": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "A JSON object.",
                    },
                    "file": {
                        "type": "string",
                        "contentMediaType": "application/octet-stream",
                        "description": "A recording (mp3, wav, m4a, mp4, mov, 3gp, webm, mkv, ogg, opus, flac, aac, "
                        "aiff, caf, amr) by its content, whatever its name; up to 500 MiB; the last part.",
                    },
                },
            }
        }
    },
}
