"""HTTP routes for third parties who verify the ledger, and for the consent texts."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from libs.common.clock import to_json_time
from libs.common.database.paging import CURSOR_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX, Window
from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.contracts.formats import LANGUAGE_TAG
from libs.contracts.purposes import Purpose
from services.consent.api.consents import DOCUMENT_CHARS_MAX, Limit
from services.consent.api.rendering import document_json, in_force_json, line_json
from services.consent.domain import is_text
from services.consent.transparency import ConsentTexts, Transparency

ENTRIES_DEFAULT, ENTRIES_MAX = 500, 1000
NOTES_DEFAULT, NOTES_MAX = 100, 500
SEQ_DIGITS_MAX = 12

Entries = Annotated[int, Query(ge=1, le=ENTRIES_MAX)]
Notes = Annotated[int, Query(ge=1, le=NOTES_MAX)]
Cursor = Annotated[str | None, Query(max_length=CURSOR_CHARS_MAX)]


class DocumentRequest(BaseModel):
    """A text that patients read before they consent to a purpose."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    consent_type: Purpose
    language: str = Field("en", pattern=LANGUAGE_TAG)
    text: str = Field(min_length=1, max_length=DOCUMENT_CHARS_MAX, pattern=r"^[^\x00]*$")


def add_documents(router: APIRouter, texts: ConsentTexts) -> None:
    """Add the routes for consent texts."""

    @router.post("/consent-documents", status_code=201)
    async def publish(request: DocumentRequest) -> dict[str, Any]:
        """Publish the next version of a text."""
        # The length alone lets through what is only spaces or invisible.
        if not is_text(request.text):
            fault = FieldError("/body/text", "Must not be empty.")
            raise AppError(INVALID_REQUEST, "The request has fields that are not valid.", errors=[fault])
        return document_json(await texts.publish(request.consent_type, request.language, request.text))

    @router.get("/consent-documents")
    async def page(
        consent_type: Purpose | None = None,
        language: str | None = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """List versions, newest first."""
        found = await texts.page(consent_type, language, Window.of(min(limit, PAGE_MAX), cursor))
        return found.to_json(document_json)

    @router.get("/consent-documents/{document_id}")
    async def find(document_id: UUID) -> dict[str, Any]:
        """Return one version."""
        return document_json(await texts.find(document_id))


def add_transparency(router: APIRouter, transparency: Transparency) -> None:
    """Add the routes for verifying the ledger."""
    _add_signatures(router, transparency)

    @router.get("/transparency/entries")
    async def entries(limit: Entries = ENTRIES_DEFAULT, cursor: Cursor = None) -> dict[str, Any]:
        """Return the organization's entries in chain order."""
        rows = await transparency.entries(_seq(cursor), limit)
        last = rows[-1][0].position.seq if rows else 0
        return _listed([line_json(entry, state) for entry, state in rows], str(last) if len(rows) == limit else None)

    @router.get("/transparency/in-force")
    async def in_force(limit: Entries = ENTRIES_DEFAULT, cursor: Cursor = None) -> dict[str, Any]:
        """Return the consents in force, for comparison with the entries."""
        rows, mark = await transparency.in_force(cursor, limit)
        return _listed([in_force_json(row) for row in rows], mark)


def _add_signatures(router: APIRouter, transparency: Transparency) -> None:
    @router.get("/transparency/keys")
    async def keys() -> dict[str, Any]:
        """Return the public keys that verify receipts and checkpoints."""
        rows = [
            {
                "key_id": key.key_id,
                "algorithm": "Ed25519",
                "public_key": base64.b64encode(key.raw).decode(),
                "verifier_key": key.text,
                # Old keys stay in the list: what they signed is still verified with them.
                "in_use": key is transparency.keys[0],
            }
            for key in transparency.keys
        ]
        return _listed(rows, None)

    @router.get("/transparency/checkpoint")
    async def checkpoint() -> dict[str, Any]:
        """Return the latest signed checkpoint."""
        found, note, entries = await transparency.latest()
        return {
            "organization_id": found.organization_id,
            "seq": found.seq,
            "hash": found.hash.hex(),
            "last_entry_at": to_json_time(datetime.fromtimestamp(found.at_us / 1_000_000, UTC)),
            # Beside the checkpoint, so that a verifier sees how much it does not cover yet.
            "entries_now": entries,
            "note": note,
        }

    @router.get("/transparency/checkpoints")
    async def checkpoints(limit: Notes = NOTES_DEFAULT, cursor: Cursor = None) -> dict[str, Any]:
        """Return signed checkpoints, shortest chain first."""
        notes = await transparency.checkpoints(_seq(cursor), limit)
        rows = [{"kind": "checkpoint", "seq": _seq_of(note), "note": note} for note in notes]
        return _listed(rows, str(rows[-1]["seq"]) if len(rows) == limit else None)


def _listed(rows: list[dict[str, Any]], next_cursor: str | None) -> dict[str, Any]:
    return {"data": rows, "has_more": next_cursor is not None, "next_cursor": next_cursor}


def _seq(cursor: str | None) -> int:
    if cursor is None:
        return 0
    # Both: `isdigit` alone takes digits of other scripts, and superscripts that `int` refuses.
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= SEQ_DIGITS_MAX):
        fault = FieldError("/query/cursor", "Not a cursor returned by this list.")
        raise AppError(INVALID_REQUEST, "The cursor is not valid.", errors=[fault])
    return int(cursor)


def _seq_of(note: str) -> int:
    return int(note.split("\n", 2)[1])
