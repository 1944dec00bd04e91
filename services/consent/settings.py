"""Settings of the consent service, read from the environment."""

import stat
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from libs.contracts.ledger import UnreadableError
from libs.contracts.settings import WithRecordings
from libs.ledger.signatures import SEED_BYTES, SigningKey, VerifyKey

# Whoever else may read the key could sign entries in this service's name.
_PRIVATE_MODES = (0o600, 0o400)
_HEX = "64 hex digits: openssl rand -hex 32"


class ConsentSettings(WithRecordings):
    """The common settings, the store of signed checkpoints, and the key that signs them."""

    ledger_key: SecretStr | None = Field(
        None, description=f"The seed of the Ed25519 key that signs receipts and checkpoints, as {_HEX}."
    )
    ledger_key_file: Path | None = Field(
        None, description="A file of mode 0600 with that seed; set exactly one of the two."
    )
    ledger_keys_before: str = Field(
        "", description="Earlier public keys, separated by commas; their signatures stay verifiable."
    )

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if (self.ledger_key is None) == (self.ledger_key_file is None):
            raise ValueError("set exactly one of LEDGER_KEY and LEDGER_KEY_FILE")
        self.signing_key()
        self.keys_before()
        return self

    def signing_key(self) -> SigningKey:
        """Return the key in use. Raises ValueError if it is missing, readable by others, or malformed."""
        if self.ledger_key is not None:
            return _key(self.ledger_key.get_secret_value(), "LEDGER_KEY")
        path = self.ledger_key_file or Path()
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode not in _PRIVATE_MODES:
                raise ValueError(f"the ledger's key file has mode {mode:04o}; only 0600 and 0400 are accepted")
            return _key(path.read_text(), "LEDGER_KEY_FILE")
        except OSError as error:
            raise ValueError(f"the ledger's key file cannot be read: {error.strerror}") from error

    def keys_before(self) -> list[VerifyKey]:
        """Return the public keys used before. Raises ValueError for a malformed one."""
        try:
            return [VerifyKey.parse(text) for text in self.ledger_keys_before.split(",") if text.strip()]
        except UnreadableError as error:
            raise ValueError(f"LEDGER_KEYS_BEFORE: {error}") from error


def _key(text: str, name: str) -> SigningKey:
    try:
        seed = bytes.fromhex(text.strip())
    except ValueError:
        seed = b""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"{name} must hold {_HEX}")
    return SigningKey(seed)
