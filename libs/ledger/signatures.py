"""Who vouches for the ledger: Ed25519 keys, receipts of single entries, and checkpoints of the whole.

Keys and checkpoints are signed notes (C2SP signed-note), which tools of others read as well; a receipt signs six
lines of text. The database never holds the signing key, so whoever rewrites it cannot sign what they wrote.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.contracts.ledger import HASH_BYTES, UnreadableError

NAME = "therapyrag.consent"
RECEIPT_HEADER = f"{NAME}/receipt/v1"
SEED_BYTES = 32
_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_SIGNATURE_START = "— "


@dataclass(frozen=True)
class VerifyKey:
    """A public key by the name and the id that its signatures carry."""

    name: str
    raw: bytes

    @property
    def key_id(self) -> str:
        """Eight hex digits that follow from the name and the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:_KEY_ID_BYTES].hex()

    @property
    def text(self) -> str:
        """The key as one word: `<name>+<key id>+<base64>`."""
        return f"{self.name}+{self.key_id}+{base64.b64encode(_ED25519 + self.raw).decode()}"

    @staticmethod
    def parse(text: str) -> "VerifyKey":
        """Read a key; raise UnreadableError when it is none, or its id is not the one of its bytes."""
        try:
            name, key_id, encoded = text.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise UnreadableError("a public key reads `<name>+<key id>+<base64>`") from error
        # The first byte names the algorithm, so that another one can come beside it.
        key = VerifyKey(name, raw[1:])
        if raw[:1] != _ED25519 or len(raw) != 1 + HASH_BYTES or key.key_id != key_id:
            raise UnreadableError("this is not an Ed25519 key with its own key id")
        return key

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether this key signed the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """The private half, made from a seed of 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = VerifyKey(NAME, self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature, which is the same every time."""
        return self._key.sign(message)


class KeyRing:
    """The trusted public keys."""

    def __init__(self, keys: Iterable[VerifyKey]) -> None:
        self._keys: Mapping[str, VerifyKey] = {key.key_id: key for key in keys}

    def verifies(self, key_id: str | None, signature: bytes, message: bytes) -> bool:
        """Tell whether the key of that id is trusted and signed the message."""
        key = self._keys.get(key_id or "")
        return key is not None and key.verifies(signature, message)


@dataclass(frozen=True)
class Receipt:
    """A promise that an entry stands at its place in the chain. Hashes are hex, the signature is base64."""

    organization_id: str
    seq: int
    leaf: str
    prev_hash: str
    hash: str
    key_id: str
    signature: str

    @staticmethod
    def read(fields: Mapping[str, Any]) -> "Receipt":
        """Read a receipt as it came in an answer; raise UnreadableError."""
        try:
            return Receipt(**{name: fields[name] for name in Receipt.__dataclass_fields__})
        except (KeyError, TypeError) as error:
            raise UnreadableError("a field of the receipt is missing") from error

    def is_signed(self, ring: KeyRing) -> bool:
        """Tell whether a trusted key signed it."""
        message = receipt_message(self.organization_id, self.seq, (self.leaf, self.prev_hash, self.hash))
        return ring.verifies(self.key_id, unbase64(self.signature), message)


def receipt_message(organization_id: str, seq: int, hashes: tuple[str, str, str]) -> bytes:
    """Return the bytes a receipt signs: six lines. `hashes` are leaf, prev_hash and hash in hex."""
    return "".join(f"{part}\n" for part in (RECEIPT_HEADER, organization_id, seq, *hashes)).encode()


@dataclass(frozen=True)
class Checkpoint:
    """An organization's chain at one length: the hash of its last entry, and that entry's time in microseconds."""

    organization_id: str
    seq: int
    hash: bytes
    at_us: int

    @property
    def text(self) -> str:
        """The signed text. It names no time but the entry's, so that every signer writes the same bytes."""
        return f"{NAME}/{self.organization_id}\n{self.seq}\n{base64.b64encode(self.hash).decode()}\n{self.at_us}\n"

    def to_note(self, key: SigningKey) -> str:
        """Return the signed note."""
        signature = bytes.fromhex(key.public.key_id) + key.sign(self.text.encode())
        return f"{self.text}\n{_SIGNATURE_START}{key.public.name} {base64.b64encode(signature).decode()}\n"

    @staticmethod
    def read(note: str) -> "Checkpoint":
        """Read a note without asking who signed it; raise UnreadableError."""
        try:
            origin, seq, encoded, at_us = note.split("\n\n", maxsplit=1)[0].split("\n")
            prefix, _, organization_id = origin.partition("/")
            found = Checkpoint(organization_id, int(seq), base64.b64decode(encoded, validate=True), int(at_us))
        except (ValueError, binascii.Error) as error:
            raise UnreadableError("this is not a checkpoint") from error
        # Written back and compared: what is signed is the text as it is written here.
        if prefix != NAME or len(found.hash) != HASH_BYTES or not note.startswith(f"{found.text}\n"):
            raise UnreadableError("this is not a checkpoint of a consent ledger")
        return found

    def is_signed(self, note: str, ring: KeyRing) -> bool:
        """Tell whether one of the note's signatures over this text is of a trusted key."""
        message = self.text.encode()
        # A note may be signed by others as well, and by a key of ours that is no longer in use.
        for line in note.partition("\n\n")[2].splitlines():
            sealed = unbase64(line.rpartition(" ")[2]) if line.startswith(_SIGNATURE_START) else b""
            if ring.verifies(sealed[:_KEY_ID_BYTES].hex(), sealed[_KEY_ID_BYTES:], message):
                return True
        return False


def unbase64(text: str | None) -> bytes:
    """Return the bytes, none for what is not base64: that is no signature either."""
    try:
        return base64.b64decode(text or "", validate=True)
    except (ValueError, binascii.Error):
        return b""
