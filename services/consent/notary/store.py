"""What vouching for the ledger needs of it: its heads and links for who signs, and what is in force for who checks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.database.transaction import Transaction
from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from services.consent.domain import ConsentParties, Head, Link, Seal, Signature, Standing, Status

_HEADS = text(
    "select organization_id, seq, hash, last_at "
    "from consent.heads(coalesce(cast(:after as timestamptz), '-infinity'::timestamptz))"
)
_LINKS = text(
    "select seq, at, prev_hash, leaf, hash, leaf_of_fields, key_id, signature "
    "from consent.links(:organization_id, :after, :most)"
)
_HEAD_SEQ = text("select seq from head")
_STANDINGS = text(
    "select c.patient_id, c.therapist_id, c.consent_type, c.consent_id, c.status, "
    "coalesce(c.revoked_at, c.granted_at) as at, (select h.seq from head h) as at_seq from current c "
    "where cast(:patient_id as uuid) is null or (c.patient_id, c.therapist_id, c.consent_type) "
    "> (cast(:patient_id as uuid), cast(:therapist_id as uuid), cast(:consent_type as text)) "
    "order by c.patient_id, c.therapist_id, c.consent_type limit :most"
)


class NotaryStore:
    """Reads of all organizations what names nobody, and of one what it acts on."""

    async def heads(self, tx: Transaction, after: datetime | None) -> Sequence[Head]:
        """Return the ends of all chains that grew after a time."""
        found = await tx.execute(_HEADS, {"after": after})
        return [Head(OrganizationId(row.organization_id), row.seq, bytes(row.hash), row.last_at) for row in found]

    async def links(self, tx: Transaction, organization_id: OrganizationId, after: int, most: int) -> Sequence[Link]:
        """Return the links of a chain behind a seq, in its order."""
        found = await tx.execute(_LINKS, {"organization_id": organization_id, "after": after, "most": most})
        return [_link(row) for row in found.mappings()]

    async def head_seq(self, tx: Transaction) -> int:
        """Return how many entries the capability's organization has."""
        return (await tx.execute(_HEAD_SEQ)).scalar() or 0

    async def standings(self, tx: Transaction, after: str | None, most: int) -> tuple[Sequence[Standing], str | None]:
        """Return rows of what is in force behind a mark, and the mark to go on from."""
        found = await tx.execute(_STANDINGS, {**_marked(after), "most": most + 1})
        rows = [_standing(row) for row in found.mappings()]
        kept = rows[:most]
        return kept, _mark(kept[-1].parties) if len(rows) > most else None


def _link(row: Any) -> Link:  # a row of any query with these columns
    seal = Seal(row["seq"], bytes(row["prev_hash"]), bytes(row["leaf"]), bytes(row["hash"]))
    signature = Signature(row["key_id"], bytes(row["signature"])) if row["key_id"] else None
    return Link(seal, row["at"], bytes(row["leaf_of_fields"]), signature)


def _standing(row: Any) -> Standing:
    parties = ConsentParties(
        PatientId(row["patient_id"]), TherapistId(row["therapist_id"]), Purpose(row["consent_type"])
    )
    return Standing(parties, ConsentId(row["consent_id"]), Status(row["status"]), row["at"], row["at_seq"])


def _mark(parties: ConsentParties) -> str:
    return f"{parties.patient_id}.{parties.therapist_id}.{parties.purpose.value}"


def _marked(mark: str | None) -> dict[str, Any]:
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
        fault = FieldError("/query/cursor", "Use the `next_cursor` of an earlier response.")
        raise AppError(INVALID_REQUEST, "The cursor is not valid.", errors=[fault]) from error
