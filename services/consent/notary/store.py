"""SQL for checkpoints and verification: chain heads, chain links, and the consents in force."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.database.transaction import Transaction
from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from services.consent.domain import ChainHead, ChainLink, ChainPosition, ConsentParties, InForceRow, Signature, Status

# Functions of the owner's: the notary acts for no organization, and they return nothing of a person.
_HEADS = text(
    "select organization_id, seq, hash, last_at "
    "from consent.heads(coalesce(cast(:after as timestamptz), '-infinity'::timestamptz))"
)
_LINKS = text(
    "select seq, at, prev_hash, leaf, hash, leaf_of_fields, key_id, signature "
    "from consent.links(:organization_id, :after, :limit)"
)
_HEAD_SEQ = text("select seq from head")
# The ledger's length in the same statement, so that both are of one moment.
_IN_FORCE = text(
    "select c.patient_id, c.therapist_id, c.consent_type, c.consent_id, c.status, "
    "coalesce(c.revoked_at, c.granted_at) as at, (select h.seq from head h) as at_seq from current c "
    "where cast(:patient_id as uuid) is null or (c.patient_id, c.therapist_id, c.consent_type) "
    "> (cast(:patient_id as uuid), cast(:therapist_id as uuid), cast(:consent_type as text)) "
    "order by c.patient_id, c.therapist_id, c.consent_type limit :limit"
)


class NotaryStore:
    """Reads heads and links of all organizations (no personal data), and the consents in force of one."""

    async def heads(self, tx: Transaction, after: datetime | None) -> Sequence[ChainHead]:
        """Return the heads of all chains that grew after a time."""
        found = await tx.execute(_HEADS, {"after": after})
        return [ChainHead(OrganizationId(row.organization_id), row.seq, bytes(row.hash), row.last_at) for row in found]

    async def links(
        self, tx: Transaction, organization_id: OrganizationId, after: int, limit: int
    ) -> Sequence[ChainLink]:
        """Return the links of a chain after a seq, in chain order."""
        found = await tx.execute(_LINKS, {"organization_id": organization_id, "after": after, "limit": limit})
        return [_link(row) for row in found.mappings()]

    async def head_seq(self, tx: Transaction) -> int:
        """Return the number of entries of the capability's organization."""
        return (await tx.execute(_HEAD_SEQ)).scalar() or 0

    async def in_force(self, tx: Transaction, after: str | None, limit: int) -> tuple[Sequence[InForceRow], str | None]:
        """Return the consents in force after a cursor, and the next cursor (None on the last page)."""
        found = await tx.execute(_IN_FORCE, {**_mark_parameters(after), "limit": limit + 1})
        rows = [_in_force_row(row) for row in found.mappings()]
        page = rows[:limit]
        return page, _mark(page[-1].parties) if len(rows) > limit else None


def _link(row: Any) -> ChainLink:  # a row of any query with these columns
    position = ChainPosition(row["seq"], bytes(row["prev_hash"]), bytes(row["leaf"]), bytes(row["hash"]))
    signature = Signature(row["key_id"], bytes(row["signature"])) if row["key_id"] else None
    return ChainLink(position, row["at"], bytes(row["leaf_of_fields"]), signature)


def _in_force_row(row: Any) -> InForceRow:
    parties = ConsentParties(
        PatientId(row["patient_id"]), TherapistId(row["therapist_id"]), Purpose(row["consent_type"])
    )
    return InForceRow(parties, ConsentId(row["consent_id"]), Status(row["status"]), row["at"], row["at_seq"])


def _mark(parties: ConsentParties) -> str:
    return f"{parties.patient_id}.{parties.therapist_id}.{parties.purpose.value}"


def _mark_parameters(mark: str | None) -> dict[str, Any]:
    if mark is None:
        return dict.fromkeys(("patient_id", "therapist_id", "consent_type"))
    try:
        patient_id, therapist_id, purpose = mark.split(".")
        return {
            "patient_id": UUID(patient_id),
            "therapist_id": UUID(therapist_id),
            "consent_type": Purpose(purpose).value,
        }
    except ValueError as error:
        fault = FieldError("/query/cursor", "Not a cursor returned by this list.")
        raise AppError(INVALID_REQUEST, "The cursor is not valid.", errors=[fault]) from error
