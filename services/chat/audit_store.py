"""SQL for reading the audit of answers. store.py writes the rows in the transaction that returns an answer."""

import heapq
from typing import Any

from sqlalchemy import Row

from libs.common.database.paging import Page
from libs.common.database.transaction import Database
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.tenancy.audit import audit_page

_ANSWERS = audit_page(
    "answer_audit", "message_id", "conversation_id, answered_by, model, grounded, source_count, consent_ids"
)
_READINGS = audit_page("read_audit", "id", "conversation_id, message_count")


class AnswerAudit:
    """Implements ports.AnswerRecord: answers given and conversations read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return audit rows, newest first. Requires a capability with `audit:read`."""
        async with self._database.transaction() as tx:
            answers = [_answer(row) for row in await tx.execute(_ANSWERS, query.parameters())]
            readings = [_reading(row) for row in await tx.execute(_READINGS, query.parameters())]
        # Both lists are newest first and reach one row beyond the page, so their merged beginning is the page.
        rows = heapq.merge(answers, readings, key=lambda row: row.position, reverse=True)
        return query.page(list(rows)[: query.limit + 1])


def _answer(row: Row[Any]) -> AuditEntry:
    return AuditEntry.of_row(
        row,
        "answer.given",
        {
            "conversation_id": str(row.conversation_id),
            "message_id": str(row.id),
            "answered_by": row.answered_by,
            "model": row.model,
            "grounded": row.grounded,
            "source_count": row.source_count,
            "consent_ids": [str(consent) for consent in row.consent_ids],
        },
    )


def _reading(row: Row[Any]) -> AuditEntry:
    return AuditEntry.of_row(
        row,
        "conversation.read",
        {"conversation_id": str(row.conversation_id), "message_count": row.message_count},
    )
