"""What the gateway reads from the environment."""

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from libs.common.local_time import ZoneName
from libs.contracts.settings import WithCrisisCountry
from services.gateway.key_format import Peppers

SECRET_BYTES_MIN = 32
OPERATOR_TOKEN_CHARS_MIN = 16


def _hex_of_32(value: object) -> object:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or len(bytes.fromhex(text)) < SECRET_BYTES_MIN:
        raise ValueError(f"it must be at least {SECRET_BYTES_MIN} bytes in hex: openssl rand -hex {SECRET_BYTES_MIN}")
    return text


def _seed_of_32(value: object) -> object:
    text = _hex_of_32(value)
    # Ed25519 knows seeds of one length; the rest of a longer one would go unused, and nobody would know.
    if len(bytes.fromhex(str(text))) != SECRET_BYTES_MIN:
        raise ValueError(f"it must be exactly {SECRET_BYTES_MIN} bytes in hex: openssl rand -hex {SECRET_BYTES_MIN}")
    return text


def _numbered(value: object) -> object:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or not text:
        raise ValueError("it must be `version:hex`, several by commas")
    for part in text.split(","):
        version, _, pepper = part.partition(":")
        if not version.isdecimal():
            raise ValueError("it must be `version:hex`, several by commas")
        _hex_of_32(pepper)
    return text


HexSecret = Annotated[SecretStr, BeforeValidator(_hex_of_32)]
HexSeed = Annotated[SecretStr, BeforeValidator(_seed_of_32)]
OldPeppers = Annotated[SecretStr, BeforeValidator(_numbered)]


class GatewaySettings(WithCrisisCountry):
    """The common settings and what only the public entry point needs."""

    capability_key: HexSecret = Field(description="Signs capabilities, in hex; installed in the database as well.")
    capability_key_id: str = Field("k1", description="The name the capability key is installed under.")
    key_pepper: HexSecret = Field(description="Keys the digests of API keys, in hex; kept outside the database.")
    key_pepper_version: int = Field(1, ge=1, description="The pepper's number; one higher for each new pepper.")
    key_peppers_old: OldPeppers | None = Field(
        None,
        description="Earlier peppers as `version:hex,version:hex`; a key moves to the new one when it is next used.",
    )
    operator_token: SecretStr | None = Field(
        None,
        min_length=OPERATOR_TOKEN_CHARS_MIN,
        description="Opens the operators' API (/operator/v1); none keeps that API shut.",
    )
    patient_token_key: HexSeed | None = Field(
        None,
        description="The seed of the Ed25519 key that signs patient tokens, 32 bytes in hex; none offers no tokens.",
    )
    public_url: str | None = Field(
        None, description="Where callers reach this gateway, for links in answers; none means host and port."
    )
    patient_time_zone: ZoneName = Field(
        "UTC", description="IANA zone of organizations that have set none: whose dates answers and filters speak."
    )
    requests_per_hour: int = Field(1000, ge=1, description="Requests one API key may make in an hour.")
    requests_per_hour_local: int = Field(
        250, ge=1, description="The same for one gateway by itself, while Redis cannot be asked."
    )

    @property
    def peppers(self) -> Peppers:
        """Return the peppers of API keys."""
        old = self.key_peppers_old.get_secret_value().split(",") if self.key_peppers_old else []
        numbered = (part.partition(":") for part in old)
        return Peppers(
            self.key_pepper_version,
            bytes.fromhex(self.key_pepper.get_secret_value()),
            {int(version): bytes.fromhex(pepper) for version, _, pepper in numbered},
        )

    @property
    def own_url(self) -> str:
        """Return where callers reach this gateway, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
