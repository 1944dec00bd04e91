"""Consent use cases: grant, revoke, read, and check before other services work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.capability import current
from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Transaction
from libs.common.errors import NOT_FOUND, AppError
from libs.common.ids import Identify
from libs.contracts.capability import Claims, parse
from libs.contracts.consent import ConsentGranted, ConsentRevoked
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.purposes import Purpose
from libs.ledger.signatures import SigningKey
from services.consent.domain import (
    NOWHERE,
    SALT_BYTES,
    Consent,
    ConsentParties,
    Decision,
    Entry,
    Evidence,
    Method,
    Origin,
    Status,
    missing,
    signed,
)
from services.consent.ports import ConsentFilter, Documents, Ledger, Transactions


@dataclass(frozen=True)
class Circumstances:
    """How a decision reached the service, as reported by the caller."""

    observed: Origin
    attested: Origin = NOWHERE
    metadata_json: str = "{}"
    reason: str | None = None
    method: Method = Method.ELECTRONIC

    def as_evidence(self, salt: bytes) -> Evidence:
        """Return the evidence with its salt."""
        # Salted, since the ledger keeps the digest for ever: an address of four bytes could be guessed back from it
        # when the evidence itself has been erased.
        return Evidence(salt, self.observed, self.attested, self.metadata_json, self.reason)


@dataclass(frozen=True)
class GrantConsent:
    """A patient's consent to one purpose; the text shown is named by its digest or by a published version."""

    parties: ConsentParties
    circumstances: Circumstances
    document_sha256: bytes | None = None
    document_id: UUID | None = None
    witness_id: TherapistId | None = None


@dataclass(frozen=True)
class Granted:
    """The record in force, and whether this grant created it."""

    consent: Consent
    is_new: bool


@dataclass(frozen=True)
class LedgerWriter:
    """Writes decisions and signs their receipts: the stores, the signing key, and where ids and salts come from."""

    database: Transactions
    ledger: Ledger
    documents: Documents
    key: SigningKey
    new_id: Identify
    random_bytes: Callable[[int], bytes]


class Consents:
    """The use cases of this service. Each runs under the current capability, which names the organization."""

    def __init__(self, writer: LedgerWriter) -> None:
        self._database = writer.database
        self._ledger = writer.ledger
        self._documents = writer.documents
        self._key = writer.key
        self._new_id = writer.new_id
        self._random_bytes = writer.random_bytes

    async def grant(self, grant: GrantConsent) -> Granted:
        """Record a grant, unless a consent to the same text is already in force.

        A consent to another text is a new record; one revocation ends both.
        """
        claims = claims_in_force()
        decision = Decision(
            id=self._new_id(),
            consent_id=ConsentId(self._new_id()),
            parties=grant.parties,
            status=Status.GRANTED,
            actor=claims.actor,
            evidence=grant.circumstances.as_evidence(self._random_bytes(SALT_BYTES)),
            method=grant.circumstances.method,
            witness_id=grant.witness_id,
            document_sha256=grant.document_sha256,
        )
        async with self._database.transaction() as tx:
            if grant.document_id:
                # Read inside the transaction, so that the capability limits which documents are visible.
                decision = replace(decision, document_sha256=await self._shown_digest(tx, grant))
            # Locked: of two equal grants at once the second finds the first and adds no record.
            in_force = await self._ledger.lock_in_force(tx, claims.organization_id, grant.parties)
            # A repeated grant for the same text is idempotent, so a retrying client creates no second record.
            if in_force is not None and in_force.agrees_to(decision.document_sha256):
                return Granted(in_force, is_new=False)
            entry = await self._append(tx, claims, decision)
            await tx.emit(ConsentGranted(**_event_fields(entry)))
        return Granted(Consent(entry, None, decision.evidence), is_new=True)

    async def revoke(self, consent_id: ConsentId, circumstances: Circumstances) -> tuple[Consent, Entry]:
        """Revoke a consent. After this returns, no service can store anything new under it.

        Raises AppError(NOT_FOUND), and AppError(ALREADY_REVOKED) from the database, under the ledger's lock.
        """
        claims = claims_in_force()
        async with self._database.transaction() as tx:
            consent = _found(await self._ledger.find(tx, consent_id))
            decision = Decision(
                id=self._new_id(),
                consent_id=consent_id,
                parties=consent.granted.parties,
                status=Status.REVOKED,
                actor=claims.actor,
                evidence=circumstances.as_evidence(self._random_bytes(SALT_BYTES)),
                method=circumstances.method,
            )
            entry = await self._append(tx, claims, decision)
            # In the transaction of the entry: no revocation without its event, and no event without it.
            await tx.emit(ConsentRevoked(**_event_fields(entry)))
        return Consent(consent.granted, entry.at, consent.evidence), entry

    async def revocation(self, consent_id: ConsentId) -> tuple[Consent, Entry]:
        """Return a record and the entry that revoked it by id. Raises AppError(NOT_FOUND) if it is not revoked."""
        async with self._database.transaction() as tx:
            consent = _found(await self._ledger.find(tx, consent_id))
            entry = await self._ledger.revocation(tx, consent_id)
        if entry is None:
            raise AppError(NOT_FOUND, "This consent has not been revoked.")
        return consent, entry

    async def find(self, consent_id: ConsentId) -> Consent:
        """Return one record. Raises AppError(NOT_FOUND)."""
        async with self._database.transaction() as tx:
            return _found(await self._ledger.find(tx, consent_id))

    async def page(self, filters: ConsentFilter, window: Window) -> Page[Consent]:
        """List records, newest first."""
        async with self._database.transaction() as tx:
            return await self._ledger.page(tx, filters, window)

    async def current(self, patient_id: PatientId, as_of: datetime | None) -> Sequence[Consent]:
        """Return a patient's newest record per therapist and purpose as of a time (None: now)."""
        async with self._database.transaction() as tx:
            return await self._ledger.current(tx, patient_id, as_of)

    async def history(self, patient_id: PatientId, window: Window) -> Page[Entry]:
        """Return a patient's ledger entries, newest first."""
        async with self._database.transaction() as tx:
            return await self._ledger.history(tx, patient_id, window)

    async def hold(
        self, patient_id: PatientId, therapist_id: TherapistId | None, purposes: Sequence[Purpose]
    ) -> dict[Purpose, ConsentId]:
        """Return the consents in force for all purposes. Raises AppError(CONSENT_REQUIRED) with the missing ones."""
        organization_id: OrganizationId = claims_in_force().organization_id
        async with self._database.transaction() as tx:
            # The lock ends with this transaction: whoever stores a result holds the consents again in its own.
            held = await self._ledger.lock_consents(tx, (organization_id, patient_id, therapist_id), purposes)
        # All that is missing at once, so that an integrator asks the patient one time.
        if lacking := [purpose.value for purpose in missing(purposes, held)]:
            raise AppError(
                CONSENT_REQUIRED,
                f"No consent is in force for: {', '.join(lacking)}. Record the patient's consent and send it again.",
                extra={"missing": lacking},
            )
        return held

    async def _append(self, tx: Transaction, claims: Claims, decision: Decision) -> Entry:
        # The signature is over the place in the chain, which only the insert knows.
        entry = await self._ledger.append(tx, claims.organization_id, decision)
        return await self._ledger.add_receipt(tx, entry, signed(entry, self._key))

    async def _shown_digest(self, tx: Transaction, grant: GrantConsent) -> bytes:
        document = await self._documents.find(tx, grant.document_id) if grant.document_id else None
        if document is None:
            raise AppError(NOT_FOUND, "There is no such consent document.")
        # The digest comes from the version and not from the caller: who names both must name the same text.
        return document.digest_shown_for(grant.parties.purpose, grant.document_sha256)


def _found(consent: Consent | None) -> Consent:
    if consent is None:
        raise AppError(NOT_FOUND, "There is no such consent.")
    return consent


def claims_in_force() -> Claims:
    """Return the claims of the current capability."""
    # Not verified here: the database verifies the capability in the transaction that follows, or refuses it.
    return parse(current())


def _event_fields(entry: Entry) -> dict[str, Any]:
    return {
        "organization_id": entry.organization_id,
        "patient_id": entry.parties.patient_id,
        "therapist_id": entry.parties.therapist_id,
        "consent_id": entry.consent_id,
        "consent_type": entry.parties.purpose,
    }
