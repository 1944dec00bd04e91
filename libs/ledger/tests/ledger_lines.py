"""A small ledger as it is exported, made by hand: chained, signed, with checkpoints."""

import base64
import hashlib
from typing import Any
from uuid import UUID

from libs.contracts.ledger import genesis, hash_bytes, leaf_of, link
from libs.ledger.signatures import Checkpoint, KeyRing, SigningKey, receipt_message

ORGANIZATION = str(UUID(int=7))
KEY = SigningKey(bytes(range(32)))
RING = KeyRing([KEY.public])
START_US = 1_767_225_600_000_000

Lines = list[dict[str, Any]]


def line(seq: int, **changed: Any) -> dict[str, Any]:
    """An entry that is not chained yet: odd ones grant, even ones take back."""
    return {
        "kind": "entry",
        "organization_id": ORGANIZATION,
        "seq": seq,
        "id": str(UUID(int=seq)),
        "consent_id": str(UUID(int=1000 + (seq + 1) // 2)),
        "patient_id": str(UUID(int=1)),
        "therapist_id": str(UUID(int=2)),
        "consent_type": "recording",
        "status": "granted" if seq % 2 else "revoked",
        "at_us": START_US + seq,
        "actor": "key:abc",
        "method": "electronic",
        "witness_id": None,
        "document_sha256": hashlib.sha256(b"I agree.").hexdigest(),
        "evidence_sha256": "00" * 32,
        "evidence": "kept",
    } | changed


def chained(lines: Lines, key: SigningKey | None = KEY) -> Lines:
    """The lines with places, hashes and receipts, as whoever has the key makes them; without one, no receipts."""
    made: Lines = []
    prev = genesis(ORGANIZATION)
    for seq, each in enumerate(lines, 1):
        row = each | {"seq": seq, "prev_hash": prev.hex()}
        leaf = leaf_of(row)
        prev = link(prev, leaf)
        row |= {"leaf": leaf.hex(), "hash": prev.hex()}
        made.append(row | {"receipt": receipt(row, key) if key else each.get("receipt")})
    return made


def receipt(row: dict[str, Any], key: SigningKey = KEY) -> dict[str, Any]:
    """The signature on an entry's place."""
    message = receipt_message(row["organization_id"], row["seq"], (row["leaf"], row["prev_hash"], row["hash"]))
    return {"key_id": key.public.key_id, "signature": base64.b64encode(key.sign(message)).decode()}


def whole_receipt(row: dict[str, Any]) -> dict[str, Any]:
    """The receipt as an answer carries it."""
    place = {name: row[name] for name in ("organization_id", "seq", "leaf", "prev_hash", "hash")}
    return {**place, **row["receipt"]}


def note(row: dict[str, Any], key: SigningKey = KEY) -> str:
    """The checkpoint of the chain up to an entry."""
    return Checkpoint(row["organization_id"], row["seq"], hash_bytes(row["hash"]), row["at_us"]).to_note(key)


def standing(row: dict[str, Any], at_seq: int) -> dict[str, Any]:
    """What is in force after an entry."""
    names = ("patient_id", "therapist_id", "consent_type", "consent_id", "status", "at_us")
    return {"kind": "in_force", "at_seq": at_seq} | {name: row[name] for name in names}
