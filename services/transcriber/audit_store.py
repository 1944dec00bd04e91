"""SQL for the audit of transcript reads. Rows are written in the reading transaction, so no read is unaudited."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, text

from libs.common.database.paging import Page
from libs.common.database.transaction import Database, Transaction
from libs.common.ids import new_id
from libs.contracts.audit import AuditEntry, AuditQuery, Kind
from libs.tenancy.audit import audit_page
from services.transcriber.ports import Release, Version

# The database adds the actor, the API key and the time from the capability.
_NOTE = text(
    "insert into read_audit (organization_id, patient_id, session_id, id, transcript_id, transcript_version, action)"
    " values (:organization_id, :patient_id, :session_id, :id, :transcript_id, :version, :action)"
)
_PAGE = audit_page("read_audit", "id", "action, session_id, transcript_id, transcript_version")


_KINDS: Mapping[Release, Kind] = {
    Release.READ: "transcript.read",
    Release.CORRECT: "transcript.corrected",
    Release.SEARCH: "transcript.searched",
}


class ReadAudit:
    """Implements ports.Audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, tx: Transaction, transcript: Version, release: Release) -> None:
        """Record that a transcript is read, corrected, or shown from in a search."""
        about = transcript.about
        await tx.execute(
            _NOTE,
            {
                "organization_id": about.organization_id,
                "patient_id": about.patient_id,
                "session_id": about.session_id,
                "id": new_id(),
                "transcript_id": transcript.id,
                "version": transcript.version,
                "action": release.value,
            },
        )

    async def page(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return audit rows, newest first. Requires a capability with `audit:read`."""
        async with self._database.transaction() as tx:
            found = await tx.execute(_PAGE, query.parameters())
            return query.page([_entry(row) for row in found])


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry.of_row(
        row,
        _KINDS[Release(row.action)],
        {
            "session_id": str(row.session_id),
            "transcript_id": str(row.transcript_id),
            "transcript_version": row.transcript_version,
        },
    )
