"""Who was told something, and on which consents: read here, written by store.py in the transaction of the answer."""

from typing import Any

from sqlalchemy import Row

from libs.common.audit import audit_page
from libs.common.database import Database
from libs.common.paging import Page
from libs.contracts.audit import AuditEntry, AuditQuery

_PAGE = audit_page(
    "answer_audit", "message_id", "conversation_id, answered_by, model, grounded, source_count, consent_ids"
)


class AnswerAudit:
    """The audit of answers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: AuditQuery) -> Page[AuditEntry]:
        """Return rows, newest first; takes a capability with `audit:read`."""
        async with self._database.transaction() as tx:
            found = await tx.execute(_PAGE, wanted.parameters())
            return wanted.page([_entry(row) for row in found])


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        id=row.message_id,
        at=row.at,
        kind="answer.given",
        actor=row.actor,
        api_key_id=row.api_key_id,
        patient_id=row.patient_id,
        about={
            "conversation_id": str(row.conversation_id),
            "message_id": str(row.message_id),
            "answered_by": row.answered_by,
            "model": row.model,
            "grounded": row.grounded,
            "source_count": row.source_count,
            "consent_ids": [str(consent) for consent in row.consent_ids],
        },
    )
