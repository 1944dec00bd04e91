"""Domain model of the ledger: decisions, entries, and the evidence stored apart so that it can be erased.

The byte format of an entry and the detection of rewrites are public: libs/contracts/ledger.py.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.ledger import led, link
from libs.contracts.purposes import Purpose
from libs.ledger.signatures import KeyRing, SigningKey, receipt_message

# Domain separation: no other hash of the ledger starts with this byte.
_EVIDENCE = b"\x02"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SALT_BYTES = 16


class Status(StrEnum):
    """Whether a consent is in force."""

    GRANTED = "granted"
    REVOKED = "revoked"


class Method(StrEnum):
    """How a decision was given: on a screen, on paper, or orally before a witness."""

    ELECTRONIC = "electronic"
    WRITTEN = "written"
    VERBAL = "verbal"


class EvidenceState(StrEnum):
    """State of the evidence whose digest an entry holds: unchanged, erased, or altered since it was hashed."""

    KEPT = "kept"
    ERASED = "erased"
    ALTERED = "altered"


@dataclass(frozen=True)
class ConsentParties:
    """The patient, the therapist and the purpose of a consent."""

    patient_id: PatientId
    therapist_id: TherapistId
    purpose: Purpose


@dataclass(frozen=True)
class Origin:
    """Where a decision came from: IP address and user agent, both optional."""

    ip: str | None = None
    user_agent: str | None = None


NOWHERE = Origin()


@dataclass(frozen=True)
class Evidence:
    """The personal data of a decision, stored apart so that erasing it leaves the chain valid.

    `observed` was seen by the gateway, `attested` was reported by the integrator; `metadata_json` is JSON text.
    """

    salt: bytes
    observed: Origin
    attested: Origin
    metadata_json: str
    reason: str | None = None

    def digest(self) -> bytes:
        """Return the SHA-256 stored in the ledger. The salt is erased with the data, so it cannot be guessed back."""
        # Their order is part of the format: another one would break every digest that is stored.
        parts = (
            self.observed.ip,
            self.observed.user_agent,
            self.attested.ip,
            self.attested.user_agent,
            self.metadata_json,
            self.reason,
        )
        return hashlib.sha256(_EVIDENCE + self.salt + b"".join(_maybe(part) for part in parts)).digest()


@dataclass(frozen=True)
class Decision:
    """A grant or a revocation that has not been written yet."""

    id: UUID
    consent_id: ConsentId
    parties: ConsentParties
    status: Status
    actor: str
    evidence: Evidence
    method: Method = Method.ELECTRONIC
    witness_id: TherapistId | None = None
    document_sha256: bytes | None = None


@dataclass(frozen=True)
class ChainPosition:
    """The position of an entry in its organization's chain, with its hashes."""

    seq: int
    prev_hash: bytes
    leaf: bytes
    hash: bytes


@dataclass(frozen=True)
class Signature:
    """The signature of an entry's receipt, and the id of the key that made it."""

    key_id: str
    value: bytes


@dataclass(frozen=True)
class Entry:
    """A stored ledger entry; `at` is database time and increases along the chain.

    `method` and `signature` are None in entries written before those columns existed.
    """

    id: UUID
    organization_id: OrganizationId
    consent_id: ConsentId
    parties: ConsentParties
    status: Status
    at: datetime
    actor: str
    witness_id: TherapistId | None
    document_sha256: bytes | None
    evidence_sha256: bytes
    position: ChainPosition
    method: Method | None = None
    signature: Signature | None = None


@dataclass(frozen=True)
class Consent:
    """A consent record: its grant, and the time of its revocation if there is one."""

    granted: Entry
    revoked_at: datetime | None
    evidence: Evidence | None

    @property
    def status(self) -> Status:
        """Return GRANTED while the record is in force."""
        return Status.GRANTED if self.revoked_at is None else Status.REVOKED

    def agrees_to(self, document_sha256: bytes | None) -> bool:
        """Return True if the record is a consent to the text with this digest."""
        return document_sha256 is not None and self.granted.document_sha256 == document_sha256


@dataclass(frozen=True)
class Document:
    """A version of the text that patients read before they consent to a purpose. Immutable once published."""

    id: UUID
    organization_id: OrganizationId
    purpose: Purpose
    language: str
    version: int
    text: str
    sha256: bytes
    published_at: datetime
    actor: str

    def digest_shown_for(self, purpose: Purpose, reported_sha256: bytes | None) -> bytes:
        """Return the digest that a consent to this text stores.

        Raises AppError(INVALID_REQUEST) if the text cannot have been what the patient agreed to.
        """
        # A patient who read about recording has not agreed to analysis.
        if self.purpose is not purpose:
            raise _invalid("document_id", "Is the text for another purpose.")
        if reported_sha256 not in (None, self.sha256):
            raise _invalid("document_id", "Its text does not match `document_sha256`.")
        if not is_text(self.text):
            raise _invalid("document_id", "Its text must not be empty.")
        return self.sha256


@dataclass(frozen=True)
class ChainHead:
    """The last entry of an organization's chain."""

    organization_id: OrganizationId
    seq: int
    hash: bytes
    last_at: datetime


@dataclass(frozen=True)
class ChainLink:
    """An entry without its content: its position, the leaf hash of its current fields, and its signature."""

    position: ChainPosition
    at: datetime
    leaf_of_fields: bytes
    signature: Signature | None

    def continues(self, seq: int, hash_: bytes) -> bool:
        """Return True if it follows the entry with this seq and hash, and its fields still match its leaf hash."""
        position = self.position
        placed = (position.seq, position.prev_hash, position.hash) == (seq + 1, hash_, link(hash_, position.leaf))
        return placed and position.leaf == self.leaf_of_fields

    def is_signed(self, organization_id: OrganizationId, ring: KeyRing) -> bool:
        """Return True if this service wrote it: other database roles can insert, but have no signing key."""
        signature = self.signature
        message = receipt_message(str(organization_id), *_place(self.position))
        return signature is not None and ring.verifies(signature.key_id, signature.value, message)


@dataclass(frozen=True)
class InForceRow:
    """The newest consent of some parties as the system acts on it; `at_seq` is the ledger's length when it was read."""

    parties: ConsentParties
    consent_id: ConsentId
    status: Status
    at: datetime
    at_seq: int


def missing(purposes: Sequence[Purpose], in_force: Mapping[Purpose, ConsentId]) -> list[Purpose]:
    """Return the purposes without a consent in force, in the order asked: work needs them all."""
    return [purpose for purpose in purposes if purpose not in in_force]


def signed(entry: Entry, key: SigningKey) -> Signature:
    """Sign an entry's receipt."""
    return Signature(key.public.key_id, key.sign(receipt_message(str(entry.organization_id), *_place(entry.position))))


def line_of(entry: Entry) -> dict[str, Any]:
    """Return the entry in the public export format (docs/security/consent-ledger.md)."""
    # What an auditor recomputes the hashes from: members may be added, and none renamed.
    return {
        "kind": "entry",
        "organization_id": str(entry.organization_id),
        "seq": entry.position.seq,
        "id": str(entry.id),
        "consent_id": str(entry.consent_id),
        "patient_id": str(entry.parties.patient_id),
        "therapist_id": str(entry.parties.therapist_id),
        "consent_type": entry.parties.purpose.value,
        "status": entry.status.value,
        "at_us": micros(entry.at),
        "actor": entry.actor,
        "method": entry.method.value if entry.method else None,
        "witness_id": str(entry.witness_id) if entry.witness_id else None,
        "document_sha256": entry.document_sha256.hex() if entry.document_sha256 else None,
        "evidence_sha256": entry.evidence_sha256.hex(),
        "leaf": entry.position.leaf.hex(),
        "prev_hash": entry.position.prev_hash.hex(),
        "hash": entry.position.hash.hex(),
    }


def evidence_state(entry: Entry, evidence: Evidence | None) -> EvidenceState:
    """Return whether an entry's evidence still exists and still matches its digest."""
    if evidence is None:
        return EvidenceState.ERASED
    return EvidenceState.KEPT if evidence.digest() == entry.evidence_sha256 else EvidenceState.ALTERED


def micros(at: datetime) -> int:
    """Return a time as the ledger hashes it: microseconds since the Unix epoch."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def is_text(document: str) -> bool:
    """Return True if the document contains a letter or a digit."""
    return any(character.isalnum() for character in document)


def document_digest(text: str) -> bytes:
    """Return the SHA-256 of the exact text that was shown; the text itself is not stored."""
    return hashlib.sha256(text.encode()).digest()


def _invalid(field: str, detail: str) -> AppError:
    fault = FieldError(f"/body/{field}", detail)
    return AppError(INVALID_REQUEST, "The request has fields that are not valid.", errors=[fault])


def _place(position: ChainPosition) -> tuple[int, tuple[str, str, str]]:
    return position.seq, (position.leaf.hex(), position.prev_hash.hex(), position.hash.hex())


def _maybe(text: str | None) -> bytes:
    # Tagged and length-prefixed, so that None, "" and shifted field boundaries hash differently.
    return b"\x00" if text is None else b"\x01" + led(text.encode())
