"""The rules of the ledger: what an entry is, how entries are chained, and how a rewrite is found.

The database computes the same bytes when it appends (migration 0001); this is the second witness.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose

_LEAF, _LINK, _EVIDENCE = b"\x00", b"\x01", b"\x02"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SALT_BYTES = 16


class Status(StrEnum):
    """Whether a consent is in force."""

    GRANTED = "granted"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Bond:
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
    bond: Bond
    status: Status
    actor: str
    evidence: Evidence
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
class Entry:
    """One line of the ledger as it is stored; `at` is the database's time and grows along the chain."""

    id: UUID
    organization_id: OrganizationId
    consent_id: ConsentId
    bond: Bond
    status: Status
    at: datetime
    actor: str
    witness_id: TherapistId | None
    document_sha256: bytes | None
    evidence_sha256: bytes
    seal: Seal


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


def genesis(organization_id: OrganizationId) -> bytes:
    """Return the hash before the first entry of an organization."""
    return hashlib.sha256(f"genesis:{organization_id}".encode()).digest()


def leaf_of(entry: Entry) -> bytes:
    """Hash an entry's fields, each of fixed width or led by its length, so that no two entries read alike."""
    micros = (entry.at - _EPOCH) // timedelta(microseconds=1)
    fixed = (
        entry.organization_id.bytes,
        entry.seal.seq.to_bytes(8, "big", signed=True),
        entry.id.bytes,
        entry.consent_id.bytes,
        entry.bond.patient_id.bytes,
        entry.bond.therapist_id.bytes,
        micros.to_bytes(8, "big", signed=True),
        entry.evidence_sha256,
    )
    texts = (entry.bond.purpose.value, entry.status.value, entry.actor)
    optional = (entry.witness_id.bytes if entry.witness_id else None, entry.document_sha256)
    return hashlib.sha256(
        _LEAF + b"".join(fixed) + b"".join(_led(text.encode()) for text in texts) + b"".join(map(_flagged, optional))
    ).digest()


def link(prev_hash: bytes, leaf: bytes) -> bytes:
    """Return the hash that ties a leaf to all before it."""
    return hashlib.sha256(_LINK + prev_hash + leaf).digest()


def first_break(organization_id: OrganizationId, entries: Iterable[Entry]) -> int | None:
    """Walk a whole chain in its order; return the seq of the first entry that does not fit, None when all do."""
    expected = genesis(organization_id)
    for seq, entry in enumerate(entries, start=1):
        seal = entry.seal
        fits = (
            entry.organization_id == organization_id
            and seal.seq == seq
            and seal.prev_hash == expected
            and seal.leaf == leaf_of(entry)
            and seal.hash == link(expected, seal.leaf)
        )
        if not fits:
            return seq
        expected = seal.hash
    return None


def document_digest(text: str) -> bytes:
    """Return the SHA-256 of the exact text that was shown; the text itself is not kept."""
    return hashlib.sha256(text.encode()).digest()


def _led(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _flagged(value: bytes | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + value


def _maybe(text: str | None) -> bytes:
    return b"\x00" if text is None else b"\x01" + _led(text.encode())
