"""What a stranger is shown so that they need not trust us: keys, checkpoints, entries, and what is acted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.database.paging import Page, Window
from libs.common.errors import INVALID_REQUEST, NOT_FOUND, AppError, FieldError
from libs.common.ids import new_id
from libs.contracts.purposes import Purpose
from libs.ledger.signatures import Checkpoint, VerifyKey
from services.consent.domain import Document, Entry, InForceCheck, Kept, document_digest
from services.consent.handlers import claims_in_force
from services.consent.ports import CheckpointRepository, Documents, Draft, Ledger, Standings, Transactions


@dataclass(frozen=True)
class Shown:
    """Where what is shown comes from. `keys` are public, the one in use first."""

    database: Transactions
    ledger: Ledger
    standings: Standings
    checkpoints: CheckpointRepository
    keys: Sequence[VerifyKey]


class Transparency:
    """The reads of this service for those who check it."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    @property
    def keys(self) -> Sequence[VerifyKey]:
        """The public keys, the one in use first."""
        return self._shown.keys

    async def latest(self) -> tuple[Checkpoint, str, int]:
        """Return the latest checkpoint with its note, and how many entries there are now; raise AppError(NOT_FOUND)."""
        entries = await self._entry_count()
        note = await self._shown.checkpoints.latest(claims_in_force().organization_id)
        if note is None:
            raise AppError(NOT_FOUND, "No checkpoint has been signed yet: the first one follows within a minute.")
        return Checkpoint.read(note), note, entries

    async def checkpoints(self, after: int, most: int) -> Sequence[str]:
        """Return notes behind a seq."""
        await self._entry_count()
        return await self._shown.checkpoints.after(claims_in_force().organization_id, after, most)

    async def entries(self, after: int, most: int) -> Sequence[tuple[Entry, Kept]]:
        """Return entries behind a seq, in the chain's order."""
        async with self._shown.database.transaction() as tx:
            return await self._shown.ledger.chain(tx, after, most)

    async def standings(self, after: str | None, most: int) -> tuple[Sequence[InForceCheck], str | None]:
        """Return what is acted on, and the mark to go on from."""
        async with self._shown.database.transaction() as tx:
            return await self._shown.standings.standings(tx, after, most)

    async def _entry_count(self) -> int:
        # The transaction is what verifies the capability: the object store would not.
        async with self._shown.database.transaction() as tx:
            return await self._shown.standings.head_seq(tx)


class ConsentTexts:
    """The texts patients are shown, by version."""

    def __init__(self, database: Transactions, documents: Documents) -> None:
        self._database = database
        self._documents = documents

    async def publish(self, purpose: Purpose, language: str, text: str) -> Document:
        """Publish the next version for a purpose and a language; raise AppError(INVALID_REQUEST) if it is no news."""
        claims = claims_in_force()
        draft = Draft(new_id(), claims.organization_id, purpose, language, text, document_digest(text), claims.actor)
        async with self._database.transaction() as tx:
            made = await self._documents.publish(tx, draft)
        if made is None:
            fault = FieldError("/body/text", "This very text has been published for this purpose and language.")
            raise AppError(INVALID_REQUEST, "The request has fields that are not valid.", errors=[fault])
        return made

    async def find(self, document_id: UUID) -> Document:
        """Return one version; raise AppError(NOT_FOUND)."""
        async with self._database.transaction() as tx:
            found = await self._documents.find(tx, document_id)
        if found is None:
            raise AppError(NOT_FOUND, "There is no such consent document.")
        return found

    async def page(self, purpose: Purpose | None, language: str | None, window: Window) -> Page[Document]:
        """List versions, newest first."""
        async with self._database.transaction() as tx:
            return await self._documents.page(tx, purpose, language, window)
