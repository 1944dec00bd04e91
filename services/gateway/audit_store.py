"""Who made, replaced or ended a key, a user or a patient's token: read here, written by triggers (migration 0007)."""

from typing import Any

from sqlalchemy import Row

from libs.common.database.paging import Page
from libs.common.database.transaction import Database
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.tenancy.audit import READ_SCOPE, audit_page
from services.gateway.access.authority import Authority, Grant
from services.gateway.domain import Principal

_PAGE = audit_page("access_audit", "id", "kind, subject")
_READ = Grant(frozenset({READ_SCOPE}))


class AccessAudit:
    """The audit of access."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def page(self, by: Principal, wanted: AuditQuery) -> Page[AuditEntry]:
        """Return rows of the principal's organization, newest first."""
        with self._authority.granted(by, _READ):
            async with self._database.transaction() as tx:
                return wanted.page([_entry(row) for row in await tx.execute(_PAGE, wanted.parameters())])


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry.of_row(
        row,
        row.kind,
        {f"{row.kind.partition('.')[0]}_id": row.subject},
    )
