"""The rules of the ledger: what a decision is, what an entry is, and what is kept apart so that it can be erased.

Which bytes an entry is, and how a rewrite is found, is for strangers to know as well: libs/contracts/ledger.py.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.ledger import led, link
from libs.contracts.purposes import Purpose
from libs.ledger.signatures import KeyRing, SigningKey, receipt_message

_EVIDENCE = b"\x02"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SALT_BYTES = 16


class Status(StrEnum):
    """Whether a consent is in force."""

    GRANTED = "granted"
    REVOKED = "revoked"


class Method(StrEnum):
    """How a decision was told: on a screen, on paper, or by word before a witness."""

    ELECTRONIC = "electronic"
    WRITTEN = "written"
    VERBAL = "verbal"


class Kept(StrEnum):
    """What became of the circumstances whose digest an entry holds."""

    KEPT = "kept"
    ERASED = "erased"
    ALTERED = "altered"


@dataclass(frozen=True)
class ConsentParties:
    """What a consent is about: one patient, one therapist, one purpose."""

    patient_id: PatientId
    therapist_id: TherapistId
    purpose: Purpose


@dataclass(frozen=True)
class Origin:
    """Where a decision came from: an address and a program's name, as far as known."""

    ip: str | None = None
    user_agent: str | None = None


NOWHERE = Origin()


@dataclass(frozen=True)
class Evidence:
    """The personal circumstances of a decision, kept apart so that they can be erased and the chain still holds.

    `observed` is what our gateway saw, `attested` what the integrator says it saw; `metadata_json` is JSON text.
    """

    salt: bytes
    observed: Origin
    attested: Origin
    metadata_json: str
    reason: str | None = None

    def digest(self) -> bytes:
        """Return the SHA-256 the ledger keeps; the salt makes it useless for guessing once the words are gone."""
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
    """A grant or a revocation that is about to be written down."""

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
class Seal:
    """The place of an entry in its organization's chain."""

    seq: int
    prev_hash: bytes
    leaf: bytes
    hash: bytes


@dataclass(frozen=True)
class Signature:
    """The signature of an entry's receipt, and which key made it."""

    key_id: str
    value: bytes


@dataclass(frozen=True)
class Entry:
    """One line of the ledger as it is stored; `at` is the database's time and grows along the chain.

    Entries from before there were methods and receipts have none.
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
    seal: Seal
    method: Method | None = None
    signature: Signature | None = None


@dataclass(frozen=True)
class Consent:
    """One consent record: the grant, and when it was taken back if it was."""

    granted: Entry
    revoked_at: datetime | None
    evidence: Evidence | None

    @property
    def status(self) -> Status:
        """Tell whether this record is in force."""
        return Status.GRANTED if self.revoked_at is None else Status.REVOKED

    def agrees_to(self, document_sha256: bytes | None) -> bool:
        """Tell whether it is known to be the consent to this very text."""
        return document_sha256 is not None and self.granted.document_sha256 == document_sha256


@dataclass(frozen=True)
class Document:
    """A version of the text that patients are shown before they consent to a purpose. Published once, never changed."""

    id: UUID
    organization_id: OrganizationId
    purpose: Purpose
    language: str
    version: int
    text: str
    sha256: bytes
    published_at: datetime
    actor: str


@dataclass(frozen=True)
class Head:
    """The end of an organization's chain."""

    organization_id: OrganizationId
    seq: int
    hash: bytes
    last_at: datetime


@dataclass(frozen=True)
class Link:
    """An entry without what it says: its place, the leaf its fields have now, and who signed it."""

    seal: Seal
    at: datetime
    leaf_of_fields: bytes
    signature: Signature | None

    def continues(self, seq: int, hash_: bytes) -> bool:
        """Tell whether it is the next one after an entry, and says what was hashed."""
        seal = self.seal
        placed = (seal.seq, seal.prev_hash, seal.hash) == (seq + 1, hash_, link(hash_, seal.leaf))
        return placed and seal.leaf == self.leaf_of_fields

    def is_signed(self, organization_id: OrganizationId, ring: KeyRing) -> bool:
        """Tell whether the service wrote it: whoever else can insert has no key."""
        made = self.signature
        message = receipt_message(str(organization_id), *_place(self.seal))
        return made is not None and ring.verifies(made.key_id, made.value, message)


@dataclass(frozen=True)
class InForceCheck:
    """What is acted on for one consent's parties, and how many entries there were when it was read."""

    parties: ConsentParties
    consent_id: ConsentId
    status: Status
    at: datetime
    at_seq: int


def signed(entry: Entry, key: SigningKey) -> Signature:
    """Sign an entry's receipt."""
    return Signature(key.public.key_id, key.sign(receipt_message(str(entry.organization_id), *_place(entry.seal))))


def line_of(entry: Entry) -> dict[str, Any]:
    """Return the entry as it travels to strangers (docs/security/consent-ledger.md)."""
    return {
        "kind": "entry",
        "organization_id": str(entry.organization_id),
        "seq": entry.seal.seq,
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
        "leaf": entry.seal.leaf.hex(),
        "prev_hash": entry.seal.prev_hash.hex(),
        "hash": entry.seal.hash.hex(),
    }


def kept(entry: Entry, evidence: Evidence | None) -> Kept:
    """Tell whether an entry's circumstances are still there, and are those that were hashed."""
    if evidence is None:
        return Kept.ERASED
    return Kept.KEPT if evidence.digest() == entry.evidence_sha256 else Kept.ALTERED


def micros(at: datetime) -> int:
    """Return a time as the ledger hashes it: microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def is_text(document: str) -> bool:
    """Tell whether there is anything in it that a person can have agreed to."""
    return any(character.isalnum() for character in document)


def document_digest(text: str) -> bytes:
    """Return the SHA-256 of the exact text that was shown; the text itself is not kept."""
    return hashlib.sha256(text.encode()).digest()


def _place(seal: Seal) -> tuple[int, tuple[str, str, str]]:
    return seal.seq, (seal.leaf.hex(), seal.prev_hash.hex(), seal.hash.hex())


def _maybe(text: str | None) -> bytes:
    return b"\x00" if text is None else b"\x01" + led(text.encode())
