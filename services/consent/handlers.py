"""What is done about consent: it is given, taken back, looked up, and asked for by those who want to work."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.capability import current
from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Transaction
from libs.common.errors import INVALID_REQUEST, NOT_FOUND, AppError, FieldError
from libs.common.ids import new_id
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
    is_text,
    signed,
)
from services.consent.ports import Documents, Ledger, Transactions, Wanted


@dataclass(frozen=True)
class Circumstances:
    """How a decision reached us, as the caller tells it."""

    observed: Origin
    attested: Origin = NOWHERE
    metadata_json: str = "{}"
    reason: str | None = None
    method: Method = Method.ELECTRONIC

    def as_evidence(self) -> Evidence:
        """Add the salt that protects the digest."""
        return Evidence(secrets.token_bytes(SALT_BYTES), self.observed, self.attested, self.metadata_json, self.reason)


@dataclass(frozen=True)
class Grant:
    """A patient's yes to one purpose; what was shown is known by its digest, or by the version that was published."""

    parties: ConsentParties
    circumstances: Circumstances
    document_sha256: bytes | None = None
    document_id: UUID | None = None
    witness_id: TherapistId | None = None


@dataclass(frozen=True)
class Granted:
    """The record that is in force, and whether this grant made it."""

    consent: Consent
    is_new: bool


@dataclass(frozen=True)
class Keeping:
    """Where decisions go, and who signs that they did."""

    database: Transactions
    ledger: Ledger
    documents: Documents
    key: SigningKey


class Consents:
    """The verbs of this service. Every one works under the capability in force, which names the organization."""

    def __init__(self, keeping: Keeping) -> None:
        self._database = keeping.database
        self._ledger = keeping.ledger
        self._documents = keeping.documents
        self._key = keeping.key

    async def grant(self, grant: Grant) -> Granted:
        """Write a grant down as a new record, unless the same text was agreed to before and that is in force still.

        Agreeing to another text is another decision; both records end with the same revocation.
        """
        claims = claims_in_force()
        decision = Decision(
            id=new_id(),
            consent_id=ConsentId(new_id()),
            parties=grant.parties,
            status=Status.GRANTED,
            actor=claims.actor,
            evidence=grant.circumstances.as_evidence(),
            method=grant.circumstances.method,
            witness_id=grant.witness_id,
            document_sha256=grant.document_sha256,
        )
        async with self._database.transaction() as tx:
            if grant.document_id:
                decision = replace(decision, document_sha256=await self._text_shown(tx, grant))
            standing = await self._ledger.standing(tx, claims.organization_id, grant.parties)
            if standing is not None and standing.agrees_to(decision.document_sha256):
                return Granted(standing, is_new=False)
            entry = await self._append(tx, claims, decision)
            await tx.emit(ConsentGranted(**_facts(entry)))
        return Granted(Consent(entry, None, decision.evidence), is_new=True)

    async def revoke(self, consent_id: ConsentId, circumstances: Circumstances) -> tuple[Consent, Entry]:
        """Take a record's purpose back; when this returns, nothing new can be stored under it.

        Raises AppError: NOT_FOUND, or ALREADY_REVOKED (by the database, under the ledger's lock).
        """
        claims = claims_in_force()
        async with self._database.transaction() as tx:
            consent = _found(await self._ledger.find(tx, consent_id))
            decision = Decision(
                id=new_id(),
                consent_id=consent_id,
                parties=consent.granted.parties,
                status=Status.REVOKED,
                actor=claims.actor,
                evidence=circumstances.as_evidence(),
                method=circumstances.method,
            )
            entry = await self._append(tx, claims, decision)
            await tx.emit(ConsentRevoked(**_facts(entry)))
        return Consent(consent.granted, entry.at, consent.evidence), entry

    async def revocation(self, consent_id: ConsentId) -> tuple[Consent, Entry]:
        """Return a record with the entry that took it back by its id; raise AppError(NOT_FOUND) when none did."""
        async with self._database.transaction() as tx:
            consent = _found(await self._ledger.find(tx, consent_id))
            entry = await self._ledger.revocation(tx, consent_id)
        if entry is None:
            raise AppError(NOT_FOUND, "This consent has not been revoked.")
        return consent, entry

    async def find(self, consent_id: ConsentId) -> Consent:
        """Return one record; raise AppError(NOT_FOUND)."""
        async with self._database.transaction() as tx:
            return _found(await self._ledger.find(tx, consent_id))

    async def page(self, wanted: Wanted, window: Window) -> Page[Consent]:
        """List records, newest first."""
        async with self._database.transaction() as tx:
            return await self._ledger.page(tx, wanted, window)

    async def current(self, patient_id: PatientId, as_of: datetime | None) -> Sequence[Consent]:
        """Return the newest record per therapist and purpose of a patient, as it stood at `as_of`."""
        async with self._database.transaction() as tx:
            return await self._ledger.current(tx, patient_id, as_of)

    async def history(self, patient_id: PatientId, window: Window) -> Page[Entry]:
        """Return a patient's ledger entries, newest first."""
        async with self._database.transaction() as tx:
            return await self._ledger.history(tx, patient_id, window)

    async def hold(
        self, patient_id: PatientId, therapist_id: TherapistId | None, purposes: Sequence[Purpose]
    ) -> dict[Purpose, ConsentId]:
        """Return the consents in force for all purposes; raise AppError(CONSENT_REQUIRED) with those missing."""
        organization_id: OrganizationId = claims_in_force().organization_id
        async with self._database.transaction() as tx:
            held = await self._ledger.held(tx, (organization_id, patient_id, therapist_id), purposes)
        missing = [purpose.value for purpose in purposes if purpose not in held]
        if missing:
            raise AppError(
                CONSENT_REQUIRED,
                f"No consent is in force for: {', '.join(missing)}. Record the patient's consent and send it again.",
                extra={"missing": missing},
            )
        return held

    async def _append(self, tx: Transaction, claims: Claims, decision: Decision) -> Entry:
        entry = await self._ledger.append(tx, claims.organization_id, decision)
        return await self._ledger.keep_receipt(tx, entry, signed(entry, self._key))

    async def _text_shown(self, tx: Transaction, grant: Grant) -> bytes:
        document = await self._documents.find(tx, grant.document_id) if grant.document_id else None
        if document is None:
            raise AppError(NOT_FOUND, "There is no such consent document.")
        if document.purpose is not grant.parties.purpose:
            raise _invalid("document_id", "It is the text for another purpose.")
        if grant.document_sha256 not in (None, document.sha256):
            raise _invalid("document_id", "Its text is not the one whose digest came with it.")
        if not is_text(document.text):
            raise _invalid("document_id", "Its text is empty, and nobody can have agreed to that.")
        return document.sha256


def _invalid(field: str, detail: str) -> AppError:
    fault = FieldError(f"/body/{field}", detail)
    return AppError(INVALID_REQUEST, "The request has fields that are not valid.", errors=[fault])


def _found(consent: Consent | None) -> Consent:
    if consent is None:
        raise AppError(NOT_FOUND, "There is no such consent.")
    return consent


def claims_in_force() -> Claims:
    """Return what the capability says."""
    # Unverified here; the transaction that follows is refused unless the database finds the capability valid.
    return parse(current())


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "organization_id": entry.organization_id,
        "patient_id": entry.parties.patient_id,
        "therapist_id": entry.parties.therapist_id,
        "consent_id": entry.consent_id,
        "consent_type": entry.parties.purpose,
    }
