"""Everything about one patient as one JSON document, written piece by piece: no more than a page is ever in memory.

The last member is `"complete": true`. A part that fails ends the body in the middle, so that half an export is never
taken for a whole one.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.responses import Response, StreamingResponse

from libs.common.clock import to_json_time, utc_now
from libs.common.database.paging import PAGE_MAX
from libs.common.errors import FORBIDDEN, NOT_FOUND, AppError
from libs.contracts.audit import AuditQuery
from libs.contracts.ids import PatientId, UserId
from libs.contracts.problems import CONSENT_REQUIRED, ERASED
from services.gateway.api.route_registry import Caller, RouteRegistry, asked
from services.gateway.audit_store import AccessAudit
from services.gateway.clients import Peer, RequestContext
from services.gateway.domain import Role, User
from services.gateway.handlers import Users

PAGES_MAX = 100_000
# No transcript, or none that may be told now, is part of the document; anything else breaks it off.
_ABSENT = (NOT_FOUND, CONSENT_REQUIRED, FORBIDDEN, ERASED)


@dataclass(frozen=True)
class Sources:
    """Who has something to tell about a patient."""

    consent: Peer
    ingestion: Peer
    transcriber: Peer
    embedder: Peer
    chat: Peer


def add_export(registry: RouteRegistry, sources: Sources, users: Users, access: AccessAudit) -> None:
    """Add the route."""

    async def export(caller: Caller, patient_id: UUID) -> Response:
        """Export everything about a patient: user, consents, ledger, sessions with transcripts and digests,
        commitments, conversations, audit.

        Words that consent hides at the moment are named as withheld.
        """
        await users.require((patient_id, Role.PATIENT))
        # Before the first byte: once the document has begun, a refusal can only break it off.
        user = await users.find(UserId(patient_id))
        query = asked(caller, "exportPatient", PatientId(patient_id))
        document = _Document(sources, query, access)
        name = f'attachment; filename="patient-{patient_id}.json"'
        headers = {"Cache-Control": "no-store", "Content-Disposition": name}
        return StreamingResponse(document.pieces(user), media_type="application/json", headers=headers)

    registry.open("exportPatient", export)


class _Document:
    """One export under one caller's capability."""

    def __init__(self, sources: Sources, query: RequestContext, access: AccessAudit) -> None:
        self._its = sources
        self._query = query
        self._access = access
        self._patient_id = str(query.patient_id)

    async def pieces(self, user: User) -> AsyncIterator[str]:
        """Yield the document."""
        yield '{"exported_at":' + json.dumps(to_json_time(utc_now()))
        yield ',"patient":' + json.dumps(_user(user))
        of_patient = {"patient_id": self._patient_id}
        history = f"/patients/{self._patient_id}/consents/history"
        parts: tuple[tuple[str, AsyncIterator[str]], ...] = (
            ("consents", self._each(self._its.consent, "/consents", of_patient)),
            ("ledger", self._each(self._its.consent, history, {})),
            ("sessions", self._sessions(of_patient)),
            ("commitments", self._commitments()),
            ("conversations", self._conversations(of_patient)),
            ("audit", self._audit(of_patient)),
        )
        for name, items in parts:
            yield f',"{name}":['
            async for piece in items:
                yield piece
            yield "]"
        yield ',"complete":true}'

    async def _sessions(self, of_patient: dict[str, str]) -> AsyncIterator[str]:
        comma = ""
        async for row in self._rows(self._its.ingestion, "/sessions", of_patient):
            transcript, digest = await self._transcript(row["id"]), await self._digest(row["id"])
            # The transcript as it came, not parsed and written again: an hour of words each.
            yield comma + json.dumps(row)[:-1] + f',"transcript":{transcript},"digest":{digest}}}'
            comma = ","

    async def _transcript(self, session_id: str) -> str:
        try:
            answer = await self._its.transcriber.ask(self._query, "GET", f"/sessions/{session_id}/transcript")
        except AppError as error:
            if error.problem not in _ABSENT:
                raise
            # Named and not left out, so that the patient sees that there is something which consent hides.
            return json.dumps({"withheld": error.problem.slug})
        return answer.text

    async def _digest(self, session_id: str) -> str:
        """Return what was made of a session for overviews; null before it is indexed or while consent hides it."""
        answer = await self._its.embedder.ask(self._query, "GET", "/digests", params={"session_id": session_id})
        return json.dumps(next(iter(answer.json()["data"]), None))

    async def _commitments(self) -> AsyncIterator[str]:
        answer = await self._its.embedder.ask(self._query, "GET", f"/patients/{self._patient_id}/commitments")
        yield ",".join(json.dumps(row) for row in answer.json()["data"])

    async def _conversations(self, of_patient: dict[str, str]) -> AsyncIterator[str]:
        comma = ""
        async for row in self._rows(self._its.chat, "/conversations", of_patient):
            # Without its closing brace: the conversation's last member follows page by page.
            yield comma + json.dumps(row)[:-1] + ',"messages":['
            async for message in self._each(self._its.chat, f"/conversations/{row['id']}/messages", {}):
                yield message
            yield "]}"
            comma = ","

    async def _audit(self, of_patient: dict[str, str]) -> AsyncIterator[str]:
        comma = ""
        for rows in (
            self._rows(self._its.ingestion, "/audit-events", of_patient),
            self._rows(self._its.transcriber, "/audit-events", of_patient),
            self._rows(self._its.chat, "/audit-events", of_patient),
            self._access_rows(),
        ):
            async for row in rows:
                # The cursor is this service's, and of no use to the patient.
                yield comma + json.dumps({name: value for name, value in row.items() if name != "cursor"})
                comma = ","

    async def _access_rows(self) -> AsyncIterator[dict[str, Any]]:
        wanted = AuditQuery(patient_id=self._query.patient_id, limit=PAGE_MAX)
        while True:
            page = await self._access.page(self._query.principal, wanted)
            for row in page.rows:
                yield row.to_json()
            if page.next is None:
                return
            wanted = wanted.model_copy(update={"cursor": page.next.to_cursor()})

    async def _each(self, peer: Peer, path: str, params: dict[str, str]) -> AsyncIterator[str]:
        comma = ""
        async for row in self._rows(peer, path, params):
            yield comma + json.dumps(row)
            comma = ","

    async def _rows(self, peer: Peer, path: str, params: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        cursor: dict[str, str] = {}
        # A service that always says `has_more` must not make an export endless.
        for _ in range(PAGES_MAX):
            wanted = {"limit": PAGE_MAX, **params, **cursor}
            page = (await peer.ask(self._query, "GET", path, params=wanted)).json()
            for row in page["data"]:
                yield row
            if not page["has_more"]:
                return
            cursor = {"cursor": page["next_cursor"]}


def _user(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "role": user.role.value,
        "email": user.email,
        "external_id": user.external_id,
        "time_zone": user.time_zone,
        "created_at": to_json_time(user.created_at),
    }
