"""SQL for reading who released sessions or held them back; the database itself writes the rows (migration 0011)."""

from typing import Any

from sqlalchemy import Row

from libs.common.database.paging import Page
from libs.common.database.transaction import Database
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.tenancy.audit import audit_page

_PAGE = audit_page("release_audit", "id", "session_id, released")


class ReleaseAudit:
    """Implements ports.Audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return audit rows, newest first. Requires a capability with `audit:read`."""
        async with self._database.transaction() as tx:
            return query.page([_entry(row) for row in await tx.execute(_PAGE, query.parameters())])


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry.of_row(
        row, "session.released" if row.released else "session.held_back", {"session_id": str(row.session_id)}
    )
