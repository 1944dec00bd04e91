"""Keys that protect keys: the root key wraps others, those wrap more, the last one protects an object.

A wrapped key is useless without the key above it, so destroying one row erases what it protects.
"""

import base64
import binascii
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.errors import UPSTREAM_REFUSED, AppError

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"
# 0400 is how deploy/with_root_key.py writes it, and how a mounted secret should be.
_PRIVATE_MODES = (0o600, 0o400)


class KeyWrapping(Protocol):
    """Wraps and unwraps small secrets. `context` (encryption context, AAD) must be the same for both calls.

    Coroutines, because a key management service answers over a network.
    """

    async def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Return the secret, encrypted and bound to its context."""

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return the secret; raise AppError(UPSTREAM_REFUSED) when the key, the context or the bytes are not those."""


class LocalKey:
    """A KeyWrapping whose key is in this process: AES-256-GCM as version || nonce || ciphertext || tag."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a wrapping key has {KEY_BYTES} bytes")
        self._aead = AESGCM(key)

    async def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Encrypt under a fresh nonce."""
        # Random 96 bits are safe for some 2^32 wrappings of one key (NIST SP 800-38D, section 8.3).
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, secret, context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt and verify."""
        nonce, sealed = wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :]
        try:
            # Told as a wrong key is: what does not open is one case for the caller, whatever the reason.
            if wrapped[:1] != _VERSION:
                raise InvalidTag
            return self._aead.decrypt(nonce, sealed, context)
        except (InvalidTag, ValueError) as error:
            raise AppError(
                UPSTREAM_REFUSED, "A key could not be unwrapped. Ask the operator to check the root key."
            ) from error


class LocalKeys:
    """Several LocalKeys: the first wraps, and whichever fits opens, so that a key can be replaced."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("there is no key")
        self.keys = tuple(keys)
        self._holders = [LocalKey(key) for key in self.keys]

    async def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Encrypt under the first key."""
        return await self._holders[0].wrap(secret, context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt with the key that fits; the error is the last one's."""
        *others, last = self._holders
        for holder in others:
            # Only by trying is it known which key fits: nothing in the bytes names it.
            with suppress(AppError):
                return await holder.unwrap(wrapped, context)
        return await last.unwrap(wrapped, context)


def new_key() -> bytes:
    """Return a fresh random key for a LocalKey."""
    return os.urandom(KEY_BYTES)


def write_root_key(path: Path) -> None:
    """Create a root key file that only its owner can read. Raises FileExistsError: a root key is never replaced."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(new_key()) + b"\n")


def read_root_key(path: Path) -> LocalKeys:
    """Return the root keys of a file, one a line; raise ValueError when it is missing, open to others or no key."""
    try:
        # Refused and not repaired: whoever could read it may have done so.
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode not in _PRIVATE_MODES:
            raise ValueError(f"the root key file {path} has mode {mode:04o}; only 0600 and 0400 are accepted")
        return LocalKeys([base64.b64decode(line, validate=True) for line in path.read_bytes().split()])
    except OSError as error:
        raise ValueError(f"the root key file {path} cannot be read: {error.strerror}") from error
    except binascii.Error as error:
        raise ValueError(f"the root key file {path} does not hold a base64 key") from error
