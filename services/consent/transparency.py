"""Read side for third-party verification: public keys, checkpoints, entries, and the consents in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.database.paging import Page, Window
from libs.common.errors import INVALID_REQUEST, NOT_FOUND, AppError, FieldError
from libs.common.ids import Identify
from libs.contracts.purposes import Purpose
from libs.ledger.signatures import Checkpoint, VerifyKey
from services.consent.domain import Document, Entry, EvidenceState, InForceRow, document_digest
from services.consent.handlers import claims_in_force
from services.consent.ports import CheckpointRepository, Documents, Draft, InForceReader, Ledger, Transactions


@dataclass(frozen=True)
class TransparencySources:
    """Sources of the published data. `keys` are public keys, the one in use first."""

    database: Transactions
    ledger: Ledger
    in_force: InForceReader
    checkpoints: CheckpointRepository
    keys: Sequence[VerifyKey]


class Transparency:
    """Returns the data with which a third party verifies the ledger."""

    def __init__(self, sources: TransparencySources) -> None:
        self._sources = sources

    @property
    def keys(self) -> Sequence[VerifyKey]:
        """Return the public keys, the one in use first."""
        return self._sources.keys

    async def latest(self) -> tuple[Checkpoint, str, int]:
        """Return the latest checkpoint, its note, and the current number of entries. Raises AppError(NOT_FOUND)."""
        entries = await self._entry_count()
        note = await self._sources.checkpoints.latest(claims_in_force().organization_id)
        if note is None:
            raise AppError(NOT_FOUND, "No checkpoint has been signed yet. Retry in a minute.")
        return Checkpoint.read(note), note, entries

    async def checkpoints(self, after: int, limit: int) -> Sequence[str]:
        """Return notes after a seq."""
        # For the capability's sake, which the object store cannot verify.
        await self._entry_count()
        return await self._sources.checkpoints.after(claims_in_force().organization_id, after, limit)

    async def entries(self, after: int, limit: int) -> Sequence[tuple[Entry, EvidenceState]]:
        """Return entries after a seq, in chain order."""
        async with self._sources.database.transaction() as tx:
            return await self._sources.ledger.entries_after(tx, after, limit)

    async def in_force(self, after: str | None, limit: int) -> tuple[Sequence[InForceRow], str | None]:
        """Return the consents in force, and the next cursor."""
        async with self._sources.database.transaction() as tx:
            return await self._sources.in_force.in_force(tx, after, limit)

    async def _entry_count(self) -> int:
        # Opening a transaction verifies the capability; the object store cannot.
        async with self._sources.database.transaction() as tx:
            return await self._sources.in_force.head_seq(tx)


class ConsentTexts:
    """Publishes and returns versions of consent texts."""

    def __init__(self, database: Transactions, documents: Documents, new_id: Identify) -> None:
        self._database = database
        self._documents = documents
        self._new_id = new_id

    async def publish(self, purpose: Purpose, language: str, text: str) -> Document:
        """Publish the next version for a purpose and language. Raises AppError(INVALID_REQUEST) for a known text."""
        claims = claims_in_force()
        # The digest is over the text as it was sent: what a patient was shown can be hashed again by anybody.
        draft = Draft(
            self._new_id(), claims.organization_id, purpose, language, text, document_digest(text), claims.actor
        )
        async with self._database.transaction() as tx:
            published = await self._documents.publish(tx, draft)
        if published is None:
            fault = FieldError("/body/text", "Already published for this purpose and language.")
            raise AppError(INVALID_REQUEST, "The request has fields that are not valid.", errors=[fault])
        return published

    async def find(self, document_id: UUID) -> Document:
        """Return one version. Raises AppError(NOT_FOUND)."""
        async with self._database.transaction() as tx:
            found = await self._documents.find(tx, document_id)
        if found is None:
            raise AppError(NOT_FOUND, "There is no such consent document.")
        return found

    async def page(self, purpose: Purpose | None, language: str | None, window: Window) -> Page[Document]:
        """List versions, newest first."""
        async with self._database.transaction() as tx:
            return await self._documents.page(tx, purpose, language, window)
