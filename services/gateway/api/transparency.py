"""The texts that patients agree to, and what a stranger checks the consent ledger with: kept by the consent service."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from libs.common.database.paging import CURSOR_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX
from libs.contracts.formats import LANGUAGE_TAG
from libs.contracts.purposes import Purpose
from services.gateway.api.consents import DOCUMENT_CHARS_MAX
from services.gateway.api.proxying import as_json, params_of
from services.gateway.api.route_registry import Caller, RouteRegistry, Strict, asked
from services.gateway.clients import Peer

ENTRIES_DEFAULT, ENTRIES_MAX = 500, 1000
NOTES_DEFAULT, NOTES_MAX = 100, 500


class DocumentRequest(Strict):
    """A text that patients are shown before they consent to a purpose; each publication is the next version."""

    consent_type: Purpose
    language: str = Field("en", pattern=LANGUAGE_TAG, description="A language tag such as `en` or `pt-BR`.")
    text: str = Field(min_length=1, max_length=DOCUMENT_CHARS_MAX, pattern=r"^[^\x00]*$")


class DocumentQuery(Strict):
    """Which texts to list."""

    consent_type: Purpose | None = None
    language: str | None = Field(None, pattern=LANGUAGE_TAG)
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = Field(None, max_length=CURSOR_CHARS_MAX)


class EntriesQuery(Strict):
    """Which part of the ledger."""

    limit: int = Field(ENTRIES_DEFAULT, ge=1, le=ENTRIES_MAX)
    cursor: str | None = Field(None, max_length=CURSOR_CHARS_MAX)


class NotesQuery(Strict):
    """Which checkpoints."""

    limit: int = Field(NOTES_DEFAULT, ge=1, le=NOTES_MAX)
    cursor: str | None = Field(None, max_length=CURSOR_CHARS_MAX)


def add_documents(registry: RouteRegistry, consent: Peer) -> None:
    """Add the routes of consent texts."""

    async def publish(caller: Caller, body: DocumentRequest) -> Response:
        """Publish the next version of a text. It cannot be changed or taken away; a grant may name it by its id."""
        query = asked(caller, "publishConsentDocument")
        answer = await consent.ask(query, "POST", "/consent-documents", json=body.model_dump(mode="json"))
        return as_json(answer, {"Location": f"/api/v1/consent-documents/{answer.json()['id']}"})

    async def list_documents(caller: Caller, wanted: Annotated[DocumentQuery, Query()]) -> Response:
        """List versions of texts, newest first."""
        query = asked(caller, "listConsentDocuments")
        return as_json(await consent.ask(query, "GET", "/consent-documents", params=params_of(wanted)))

    async def get_document(caller: Caller, document_id: UUID) -> Response:
        """Read one version with the SHA-256 that entries of the ledger name."""
        query = asked(caller, "getConsentDocument")
        return as_json(await consent.ask(query, "GET", f"/consent-documents/{document_id}"))

    registry.open("publishConsentDocument", publish)
    registry.open("listConsentDocuments", list_documents)
    registry.open("getConsentDocument", get_document)


def add_transparency(registry: RouteRegistry, consent: Peer) -> None:
    """Add the routes of those who check."""
    _add_signatures(registry, consent)

    async def entries(caller: Caller, wanted: Annotated[EntriesQuery, Query()]) -> Response:
        """Read the ledger in the order of its chain, with every field that its hashes cover and no circumstances."""
        query = asked(caller, "listLedgerEntries")
        return as_json(await consent.ask(query, "GET", "/transparency/entries", params=params_of(wanted)))

    async def in_force(caller: Caller, wanted: Annotated[EntriesQuery, Query()]) -> Response:
        """Read what the system acts on: it must be what the entries up to `at_seq` decided."""
        query = asked(caller, "listInForce")
        return as_json(await consent.ask(query, "GET", "/transparency/in-force", params=params_of(wanted)))

    registry.open("listLedgerEntries", entries)
    registry.open("listInForce", in_force)


def _add_signatures(registry: RouteRegistry, consent: Peer) -> None:
    async def keys(caller: Caller) -> Response:
        """Read the public keys. Compare `verifier_key` with the one you were given on another way."""
        return as_json(await consent.ask(asked(caller, "listLedgerKeys"), "GET", "/transparency/keys"))

    async def checkpoint(caller: Caller) -> Response:
        """Read the latest signed checkpoint. Keep `note`: it proves later that the ledger was this long."""
        return as_json(await consent.ask(asked(caller, "getCheckpoint"), "GET", "/transparency/checkpoint"))

    async def checkpoints(caller: Caller, wanted: Annotated[NotesQuery, Query()]) -> Response:
        """Read signed checkpoints, shortest chain first."""
        query = asked(caller, "listCheckpoints")
        return as_json(await consent.ask(query, "GET", "/transparency/checkpoints", params=params_of(wanted)))

    registry.open("listLedgerKeys", keys)
    registry.open("getCheckpoint", checkpoint)
    registry.open("listCheckpoints", checkpoints)
