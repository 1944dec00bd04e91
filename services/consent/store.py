"""SQL for the ledger. Row-level security limits what a transaction sees."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.database.paging import Page, Position, Window
from libs.common.database.transaction import Transaction
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from libs.tenancy.narrowing import is_narrowed, narrow_to
from services.consent.domain import (
    ChainPosition,
    Consent,
    ConsentParties,
    Decision,
    Entry,
    Evidence,
    EvidenceState,
    Method,
    Origin,
    Signature,
    Status,
    evidence_state,
)
from services.consent.ports import ConsentFilter

_NARROW = narrow_to("record")
_ENTRY = (
    "e.id, e.organization_id, e.patient_id, e.therapist_id, e.consent_id, e.consent_type, e.status, e.at, e.actor, "
    "e.method, e.witness_id, e.document_sha256, e.evidence_sha256, e.seq, e.prev_hash, e.leaf, e.hash"
)
_SIGNATURE = "s.key_id, s.signature"
_JOIN_SIGNATURE = "left join receipt s on s.event_id = e.id"
_JOIN_EVIDENCE = "left join evidence v on v.event_id = e.id"
_EVIDENCE = (
    "v.salt, v.observed_ip, v.observed_user_agent, v.attested_ip, v.attested_user_agent, v.metadata_json, v.reason"
)
# A revocation ends every earlier grant of its parties, whichever record it names. One pass over the entries: a lookup
# per record would scan the organization's entries each time (deploy/postgres/comparisons.sql).
_RECORDS = (
    "select g.*, min(g.at) filter (where g.status = 'revoked' and g.at <= coalesce(cast(:as_of as timestamptz), "
    "'infinity')) over (partition by g.patient_id, g.therapist_id, g.consent_type order by g.seq "
    "rows between 1 following and unbounded following) as revoked_at from event g"
)
_WITH_PROOF = f"select {_ENTRY}, e.revoked_at, {_SIGNATURE}, {_EVIDENCE} from"
# Nested loops are disabled for the same reason: the planner underestimates the row count.
_DISABLE_NESTED_LOOPS = text("select set_config('enable_nestloop', 'off', true)")

# Place, time and hashes are the trigger's: whoever can only insert cannot choose where an entry stands.
_APPEND = text(
    "insert into event as e (id, organization_id, patient_id, therapist_id, consent_id, consent_type, "  # noqa: S608
    "status, actor, method, witness_id, document_sha256, evidence_sha256) values (:id, :organization_id, :patient_id, "
    ":therapist_id, :consent_id, :consent_type, :status, :actor, :method, :witness_id, :document_sha256, "
    ":evidence_sha256) "
    f"returning {_ENTRY}"
)
_ADD_EVIDENCE = text(
    "insert into evidence (event_id, organization_id, patient_id, salt, observed_ip, observed_user_agent, attested_ip, "
    "attested_user_agent, metadata_json, reason) values (:event_id, :organization_id, :patient_id, :salt, "
    ":observed_ip, :observed_user_agent, :attested_ip, :attested_user_agent, :metadata_json, :reason)"
)
_ADD_RECEIPT = text(
    "insert into receipt (event_id, organization_id, patient_id, key_id, signature) "
    "values (:event_id, :organization_id, :patient_id, :key_id, :signature)"
)
_BY_ID = text(
    f"{_WITH_PROOF} ({_RECORDS}) e {_JOIN_EVIDENCE} {_JOIN_SIGNATURE} "
    "where e.consent_id = :consent_id and e.status = 'granted'"
)
# Cut to the page before signatures and evidence are joined, so that only its rows are looked up.
_LIST = text(
    f"{_WITH_PROOF} (select * from ({_RECORDS} "  # noqa: S608
    "where (cast(:patient_id as uuid) is null or g.patient_id = :patient_id) "
    "and (cast(:therapist_id as uuid) is null or g.therapist_id = :therapist_id) "
    "and (cast(:consent_type as text) is null or g.consent_type = :consent_type)) r where r.status = 'granted' "
    "and (cast(:after_at as timestamptz) is null or (r.at, r.consent_id) < (:after_at, cast(:after_id as uuid))) "
    "and (cast(:status as text) is null or (r.revoked_at is null) = (:status = 'granted')) "
    f"order by r.at desc, r.consent_id desc limit :limit) e {_JOIN_EVIDENCE} {_JOIN_SIGNATURE} "
    "order by e.at desc, e.consent_id desc"
)
# The newest by seq and not by time: entries of one microsecond still have an order.
_CURRENT = text(
    f"{_WITH_PROOF} (select distinct on (r.therapist_id, r.consent_type) r.* from ({_RECORDS} "  # noqa: S608
    "where g.patient_id = :patient_id) r "
    "where r.status = 'granted' and r.at <= coalesce(cast(:as_of as timestamptz), 'infinity') "
    f"order by r.therapist_id, r.consent_type, r.seq desc) e {_JOIN_EVIDENCE} {_JOIN_SIGNATURE} "
    "order by e.at desc, e.consent_id desc"
)
# Of grants and revocations alike, and without evidence: an entry is what happened, not how.
_HISTORY = text(
    f"select {_ENTRY}, {_SIGNATURE} from event e {_JOIN_SIGNATURE} where e.patient_id = :patient_id "  # noqa: S608
    "and (cast(:after_at as timestamptz) is null or (e.at, e.id) < (:after_at, cast(:after_id as uuid))) "
    "order by e.at desc, e.id desc limit :limit"
)
_CHAIN = text(
    f"select {_ENTRY}, {_SIGNATURE}, {_EVIDENCE} from "  # noqa: S608
    f"(select * from event where seq > :after order by seq limit :limit) e {_JOIN_EVIDENCE} {_JOIN_SIGNATURE} "
    "order by e.seq"
)
_LOCK_IN_FORCE = text(
    "select purpose, consent_id "
    "from consent.held(:organization_id, :patient_id, cast(:therapist_id as uuid), cast(:purposes as text[]))"
)
_LOCK_PARTIES = text("select take_turn(:patient_id, :therapist_id, :consent_type)")
_REVOCATION = text(
    f"select {_ENTRY}, {_SIGNATURE} from event e {_JOIN_SIGNATURE} where e.consent_id = :consent_id "  # noqa: S608
    "and e.status = 'revoked'"
)
ENTRY_BATCH = 1000


class LedgerStore:
    """Implements ports.Ledger. The caller's transaction carries the capability."""

    async def append(self, tx: Transaction, organization_id: OrganizationId, decision: Decision) -> Entry:
        """Append a decision; a trigger updates the projection and raises TR409 if there is nothing to revoke."""
        parties, evidence = decision.parties, decision.evidence
        row = await tx.execute(
            _APPEND,
            {
                "id": decision.id,
                "organization_id": organization_id,
                "patient_id": parties.patient_id,
                "therapist_id": parties.therapist_id,
                "consent_id": decision.consent_id,
                "consent_type": parties.purpose.value,
                "status": decision.status.value,
                "actor": decision.actor,
                "method": decision.method.value,
                "witness_id": decision.witness_id,
                "document_sha256": decision.document_sha256,
                "evidence_sha256": evidence.digest(),
            },
        )
        # From what the database returns: place, hashes and time are set by its trigger.
        entry = _entry(row.mappings().one())
        await tx.execute(
            _ADD_EVIDENCE,
            {
                "event_id": decision.id,
                "organization_id": organization_id,
                "patient_id": parties.patient_id,
                "salt": evidence.salt,
                "observed_ip": evidence.observed.ip,
                "observed_user_agent": evidence.observed.user_agent,
                "attested_ip": evidence.attested.ip,
                "attested_user_agent": evidence.attested.user_agent,
                "metadata_json": evidence.metadata_json,
                "reason": evidence.reason,
            },
        )
        return entry

    async def add_receipt(self, tx: Transaction, entry: Entry, signature: Signature) -> Entry:
        """Insert the signature of a new entry's receipt; return the entry with it."""
        await tx.execute(
            _ADD_RECEIPT,
            {
                "event_id": entry.id,
                "organization_id": entry.organization_id,
                "patient_id": entry.parties.patient_id,
                "key_id": signature.key_id,
                "signature": signature.value,
            },
        )
        # The entry was returned by its insert, before there was anything to sign.
        return replace(entry, signature=signature)

    async def find(self, tx: Transaction, consent_id: ConsentId) -> Consent | None:
        """Return one consent record, None if the capability sees no record with that id."""
        if not await is_narrowed(tx, _NARROW, consent_id):
            return None
        found = (await tx.execute(_BY_ID, {"consent_id": consent_id, "as_of": None})).mappings().first()
        return _consent(found) if found else None

    async def lock_in_force(
        self, tx: Transaction, organization_id: OrganizationId, parties: ConsentParties
    ) -> Consent | None:
        """Return the record in force; blocks concurrent grants for the same parties until commit."""
        lock = {
            "patient_id": parties.patient_id,
            "therapist_id": parties.therapist_id,
            "consent_type": parties.purpose.value,
        }
        # There may be no row yet to lock, so the parties are locked by their ids.
        await tx.execute(_LOCK_PARTIES, lock)
        whose = (organization_id, parties.patient_id, parties.therapist_id)
        locked = await self.lock_consents(tx, whose, [parties.purpose])
        return await self.find(tx, locked[parties.purpose]) if locked else None

    async def revocation(self, tx: Transaction, consent_id: ConsentId) -> Entry | None:
        """Return the entry that revoked a record by its id."""
        if not await is_narrowed(tx, _NARROW, consent_id):
            return None
        row = (await tx.execute(_REVOCATION, {"consent_id": consent_id})).mappings().first()
        return _entry(row) if row else None

    async def page(self, tx: Transaction, filters: ConsentFilter, window: Window) -> Page[Consent]:
        """Return consent records, newest grant first."""
        await tx.execute(_DISABLE_NESTED_LOOPS)
        found = await tx.execute(
            _LIST,
            {
                "patient_id": filters.patient_id,
                "therapist_id": filters.therapist_id,
                "consent_type": filters.purpose.value if filters.purpose else None,
                "status": filters.status.value if filters.status else None,
                "as_of": None,
                **_after(window),
            },
        )
        rows = [_consent(row) for row in found.mappings()]
        return Page.cut(rows, window.limit, lambda row: Position(row.granted.at, row.granted.consent_id))

    async def current(self, tx: Transaction, patient_id: PatientId, as_of: datetime | None) -> Sequence[Consent]:
        """Return the newest record per therapist and purpose as of a time (None: now)."""
        found = await tx.execute(_CURRENT, {"patient_id": patient_id, "as_of": as_of})
        return [_consent(row) for row in found.mappings()]

    async def history(self, tx: Transaction, patient_id: PatientId, window: Window) -> Page[Entry]:
        """Return a patient's ledger entries, newest first."""
        found = await tx.execute(_HISTORY, {"patient_id": patient_id, **_after(window)})
        rows = [_entry(row) for row in found.mappings()]
        return Page.cut(rows, window.limit, lambda row: Position(row.at, row.id))

    async def entries_after(
        self, tx: Transaction, seq: int, limit: int = ENTRY_BATCH
    ) -> Sequence[tuple[Entry, EvidenceState]]:
        """Return entries of the capability's organization after a seq, in chain order, with their evidence state."""
        await tx.execute(_DISABLE_NESTED_LOOPS)
        found = await tx.execute(_CHAIN, {"after": seq, "limit": limit})
        return [(entry, evidence_state(entry, _evidence(row))) for row in found.mappings() for entry in (_entry(row),)]

    async def lock_consents(
        self,
        tx: Transaction,
        parties: tuple[OrganizationId, PatientId, TherapistId | None],
        purposes: Sequence[Purpose],
    ) -> dict[Purpose, ConsentId]:
        """Return the consents in force for these purposes and lock them until the transaction ends."""
        organization_id, patient_id, therapist_id = parties
        found = await tx.execute(
            _LOCK_IN_FORCE,
            {
                "organization_id": organization_id,
                "patient_id": patient_id,
                "therapist_id": therapist_id,
                "purposes": [purpose.value for purpose in purposes],
            },
        )
        # What is not in force has no row: whoever asked compares (domain.missing).
        return {Purpose(row.purpose): ConsentId(row.consent_id) for row in found}


def _after(window: Window) -> dict[str, Any]:
    after = window.after
    return {
        "after_at": after.at if after else None,
        "after_id": after.id if after else None,
        # One row more than the page tells whether there is a next page.
        "limit": window.limit + 1,
    }


def _entry(row: Any) -> Entry:
    return Entry(
        id=row["id"],
        organization_id=OrganizationId(row["organization_id"]),
        consent_id=ConsentId(row["consent_id"]),
        parties=ConsentParties(
            PatientId(row["patient_id"]), TherapistId(row["therapist_id"]), Purpose(row["consent_type"])
        ),
        status=Status(row["status"]),
        at=row["at"],
        actor=row["actor"],
        witness_id=_therapist(row["witness_id"]),
        document_sha256=_bytes(row["document_sha256"]),
        evidence_sha256=bytes(row["evidence_sha256"]),
        position=ChainPosition(row["seq"], bytes(row["prev_hash"]), bytes(row["leaf"]), bytes(row["hash"])),
        method=Method(row["method"]) if row["method"] else None,
        signature=Signature(row["key_id"], bytes(row["signature"])) if row.get("key_id") else None,
    )


def _consent(row: Any) -> Consent:
    return Consent(granted=_entry(row), revoked_at=row["revoked_at"], evidence=_evidence(row))


def _evidence(row: Any) -> Evidence | None:
    # Erased: the entry's digest stays, and the chain with it.
    if row["salt"] is None:
        return None
    return Evidence(
        salt=bytes(row["salt"]),
        observed=Origin(row["observed_ip"], row["observed_user_agent"]),
        attested=Origin(row["attested_ip"], row["attested_user_agent"]),
        metadata_json=row["metadata_json"],
        reason=row["reason"],
    )


def _therapist(value: UUID | None) -> TherapistId | None:
    return None if value is None else TherapistId(value)


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
