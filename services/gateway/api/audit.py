"""The audit: kept by each service beside what it gives away, merged here in the order of time, page by page."""

import asyncio
import heapq
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import JSONResponse, Response

from libs.common.database.paging import Position
from libs.contracts.audit import AuditQuery
from libs.contracts.ids import PatientId
from services.gateway.api.audit_fhir import MEDIA_TYPE, bundle_of
from services.gateway.api.proxying import params_of
from services.gateway.api.route_registry import Caller, RouteRegistry, asked
from services.gateway.audit_store import AccessAudit
from services.gateway.clients import Peer


def add_audit(registry: RouteRegistry, own: AccessAudit, sources: Sequence[Peer]) -> None:
    """Add the route; each source beside our own answers `GET /audit-events` in the same order, from the same cursor."""

    async def list_audit_events(caller: Caller, request: Request, wanted: Annotated[AuditQuery, Query()]) -> Response:
        """List who was given which words about whom, and who gave or ended access, newest first.

        Words: transcripts read, corrected or shown by a search, sessions released or held back, answers given,
        conversations read. Access: keys, users, patients' tokens, the organization's settings.
        `since` is included, `until` is not. As FHIR R4 AuditEvents with `Accept: application/fhir+json`.
        """
        query = asked(caller, "listAuditEvents", PatientId(wanted.patient_id) if wanted.patient_id else None)
        params = params_of(wanted)
        answers = await asyncio.gather(*(peer.ask(query, "GET", "/audit-events", params=params) for peer in sources))
        ours = (await own.page(caller, wanted)).to_json(lambda row: row.to_json())
        page = merged([ours, *(answer.json() for answer in answers)], wanted.limit)
        if MEDIA_TYPE in request.headers.get("accept", ""):
            return JSONResponse(bundle_of(page, request.url.path), media_type=MEDIA_TYPE)
        return JSONResponse(page)

    registry.open("listAuditEvents", list_audit_events)


def merged(pages: Sequence[dict[str, Any]], limit: int) -> dict[str, Any]:
    """Return the newest `limit` rows of several pages that each hold the newest `limit` of their own."""
    # Enough for one page: the newest of all are among the newest of each.
    rows = list(heapq.merge(*(page["data"] for page in pages), key=_place, reverse=True))
    kept = rows[:limit]
    has_more = len(rows) > limit or any(page["has_more"] for page in pages)
    # One cursor for all sources: a time and an id, behind which each of them goes on.
    next_cursor = kept[-1]["cursor"] if kept and has_more else None
    data = [{key: value for key, value in row.items() if key != "cursor"} for row in kept]
    return {"data": data, "has_more": has_more, "next_cursor": next_cursor}


def _place(row: dict[str, Any]) -> Position:
    return Position.from_cursor(row["cursor"])
