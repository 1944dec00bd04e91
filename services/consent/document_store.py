"""SQL for consent texts: an organization's numbered versions, immutable once published."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.database.paging import Page, Position, Window
from libs.common.database.transaction import Transaction
from libs.contracts.ids import OrganizationId
from libs.contracts.purposes import Purpose
from services.consent.domain import Document
from services.consent.ports import Draft

_COLUMNS = "d.id, d.organization_id, d.consent_type, d.language, d.version, d.text, d.sha256, d.published_at, d.actor"

# Serializes publications per organization, because each takes the next version number.
_IN_TURN = text("select ctx.in_turn('consent.document')")
# The same text again meets a conflict and becomes no new version.
_PUBLISH = text(
    "insert into document as d (id, organization_id, consent_type, language, version, text, sha256, actor) "  # noqa: S608
    "select :id, :organization_id, :consent_type, :language, coalesce(max(o.version), 0) + 1, :text, :sha256, :actor "
    "from document o where o.consent_type = :consent_type and o.language = :language "
    "on conflict (organization_id, consent_type, language, sha256) do nothing "
    f"returning {_COLUMNS}"
)
_FIND = text(f"select {_COLUMNS} from document d where d.id = :id")  # noqa: S608
_PAGE = text(
    f"select {_COLUMNS} from document d "  # noqa: S608
    "where (cast(:consent_type as text) is null or d.consent_type = :consent_type) "
    "and (cast(:language as text) is null or d.language = :language) "
    "and (cast(:after_at as timestamptz) is null or (d.published_at, d.id) < (:after_at, cast(:after_id as uuid))) "
    "order by d.published_at desc, d.id desc limit :limit"
)


class DocumentStore:
    """Implements ports.Documents. The caller's transaction carries the capability."""

    async def publish(self, tx: Transaction, document: Draft) -> Document | None:
        """Insert the next version; return None if the same text was already published."""
        await tx.execute(_IN_TURN)
        row = await tx.execute(
            _PUBLISH,
            {
                "id": document.id,
                "organization_id": document.organization_id,
                "consent_type": document.purpose.value,
                "language": document.language,
                "text": document.text,
                "sha256": document.sha256,
                "actor": document.actor,
            },
        )
        published = row.mappings().first()
        return _document(published) if published else None

    async def find(self, tx: Transaction, document_id: UUID) -> Document | None:
        """Return one version."""
        found = (await tx.execute(_FIND, {"id": document_id})).mappings().first()
        return _document(found) if found else None

    async def page(
        self, tx: Transaction, purpose: Purpose | None, language: str | None, window: Window
    ) -> Page[Document]:
        """Return versions, newest first."""
        after = window.after
        found = await tx.execute(
            _PAGE,
            {
                "consent_type": purpose.value if purpose else None,
                "language": language,
                "after_at": after.at if after else None,
                "after_id": after.id if after else None,
                "limit": window.limit + 1,
            },
        )
        rows = [_document(row) for row in found.mappings()]
        return Page.cut(rows, window.limit, lambda row: Position(row.published_at, row.id))


def _document(row: Any) -> Document:  # a row of any query with these columns
    return Document(
        id=row["id"],
        organization_id=OrganizationId(row["organization_id"]),
        purpose=Purpose(row["consent_type"]),
        language=row["language"],
        version=row["version"],
        text=row["text"],
        sha256=bytes(row["sha256"]),
        published_at=row["published_at"],
        actor=row["actor"],
    )
