"""How an API key is written: `trk_{live|test}_{12 id}_{43 secret}{6 checksum}`, so that garbage costs no look-up.

The pattern for secret scanners is PATTERN; the checksum is CRC-32 in base 62 over all that stands before it.
"""

import hashlib
import hmac
import re
import string
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["live", "test"]
Choice = Callable[[str], str]
"""Draws one of these characters, as `secrets.choice` does."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_CHARS = 12
SECRET_CHARS = 43  # 256 bits in base 62
CHECKSUM_CHARS = 6
PATTERN = r"trk_(live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}"
_KEY = re.compile(r"trk_(live|test)_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


@dataclass(frozen=True)
class Key:
    """A key that was presented or just created. Its text is a secret and is never printed by accident."""

    mode: Mode
    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """Return the key as its owner keeps it."""
        body = f"trk_{self.mode}_{self.id}_{self.secret}"
        return body + _checksum(body)

    @property
    def last_four(self) -> str:
        """Return the end of the key, by which its owner recognizes it."""
        return self.text[-4:]

    def digest(self, pepper: bytes) -> bytes:
        """Return what is stored: HMAC-SHA-256 under a pepper that the database does not hold."""
        # No slow hash: 256 random bits cannot be tried, and it is paid for with each request.
        return hmac.new(pepper, self.text.encode(), hashlib.sha256).digest()


@dataclass(frozen=True)
class Peppers:
    """The pepper that new digests are made under, with its version, and those of digests that were made before."""

    version: int
    current: bytes = field(repr=False)
    old: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    def of(self, version: int) -> bytes | None:
        """Return the pepper of a version; None when it has been retired."""
        return self.current if version == self.version else self.old.get(version)


def new_key(mode: Mode, choice: Choice) -> Key:
    """Make a key of characters that `choice` draws; it must be fit for secrets."""
    return Key(mode, _drawn(choice, ID_CHARS), _drawn(choice, SECRET_CHARS))


def read_key(text: str) -> Key | None:
    """Parse a key; None when its format or checksum is invalid."""
    match = _KEY.fullmatch(text)
    # A typing error, or a made-up key, is told without a query.
    if match is None or _checksum(text[:-CHECKSUM_CHARS]) != match[4]:
        return None
    return Key("live" if match[1] == "live" else "test", match[2], match[3])


def _drawn(choice: Choice, length: int) -> str:
    return "".join(choice(_ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
