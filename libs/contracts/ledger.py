"""The consent ledger as a stranger reads it: which bytes an entry is, and how entries are chained.

An entry travels as a line of JSON (docs/security/consent-ledger.md). The database computes the same bytes when it
appends (services/consent/migrations); this is the second witness, and needs neither the database nor a service.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

# Different first bytes: a leaf can never be passed off as a link (RFC 9162, section 2.1.1).
LEAF, LINK = b"\x00", b"\x01"
HASH_BYTES = 32
UUID_BYTES = 16

Line = Mapping[str, Any]  # one object of JSON


class UnreadableError(ValueError):
    """A line is not an entry: a field is missing, or is not of its kind or length."""


def genesis(organization_id: str) -> bytes:
    """Return the hash before the first entry of an organization."""
    return hashlib.sha256(f"genesis:{organization_id}".encode()).digest()


def link(prev_hash: bytes, leaf: bytes) -> bytes:
    """Return the hash that ties a leaf to all before it."""
    return hashlib.sha256(LINK + prev_hash + leaf).digest()


def leaf_of(line: Line) -> bytes:
    """Hash an entry's fields, each of fixed width or led by its length, so that no two entries read alike.

    Entries from before there was a `method` end without it. Raises UnreadableError.
    """
    try:
        method = line.get("method")
        message = (
            LEAF
            + uuid_bytes(line["organization_id"])
            # Signed, as PostgreSQL's `int8send` writes it.
            + line["seq"].to_bytes(8, "big", signed=True)
            + uuid_bytes(line["id"])
            + uuid_bytes(line["consent_id"])
            + uuid_bytes(line["patient_id"])
            + uuid_bytes(line["therapist_id"])
            + line["at_us"].to_bytes(8, "big", signed=True)
            + hash_bytes(line["evidence_sha256"])
            + led(line["consent_type"].encode())
            + led(line["status"].encode())
            + led(line["actor"].encode())
            + flagged(uuid_bytes(line["witness_id"]) if line["witness_id"] else None)
            + flagged(hash_bytes(line["document_sha256"]) if line["document_sha256"] else None)
            + (b"" if method is None else led(method.encode()))
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UnreadableError("a field of the entry is missing or of another kind") from error
    return hashlib.sha256(message).digest()


def uuid_bytes(text: str) -> bytes:
    """Return the 16 bytes of a UUID."""
    return _exactly(bytes.fromhex(text.replace("-", "")), UUID_BYTES)


def hash_bytes(text: str) -> bytes:
    """Return the 32 bytes of a SHA-256 in hex."""
    return _exactly(bytes.fromhex(text), HASH_BYTES)


def led(value: bytes) -> bytes:
    """Return a value led by its length."""
    # Without the length two neighbouring texts could be cut elsewhere and hash alike.
    return len(value).to_bytes(4, "big") + value


def flagged(value: bytes | None) -> bytes:
    """Return a value of fixed width that may be absent."""
    # Without the mark, absence and the beginning of the next field could hash alike.
    return b"\x00" if value is None else b"\x01" + value


def _exactly(value: bytes, length: int) -> bytes:
    if len(value) != length:
        raise UnreadableError(f"a field of the entry has not its {length} bytes")
    return value
