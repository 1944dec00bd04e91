"""What the gateway reads from the environment."""

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from libs.common.settings import ServiceSettings


def _hex_of_32(value: object) -> object:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or len(bytes.fromhex(text)) < 32:
        raise ValueError("it must be at least 32 bytes in hex: openssl rand -hex 32")
    return text


HexSecret = Annotated[SecretStr, BeforeValidator(_hex_of_32)]


class GatewaySettings(ServiceSettings):
    """The common settings and what only the public door needs."""

    capability_key: HexSecret = Field(description="Signs capabilities, in hex; installed in the database as well.")
    capability_key_id: str = Field("k1", description="The name the capability key is installed under.")
    key_pepper: HexSecret = Field(description="Keys the digests of API keys, in hex; kept outside the database.")
    operator_token: SecretStr | None = Field(
        None, min_length=16, description="Opens the operators' door (/operator/v1); none keeps that door shut."
    )
    patient_token_key: HexSecret | None = Field(
        None, description="The seed of the Ed25519 key that signs patient tokens, in hex; none offers no tokens."
    )
    public_url: str | None = Field(
        None, description="Where callers reach this gateway, for links in answers; none means host and port."
    )
    requests_per_hour: int = Field(1000, ge=1, description="Requests one API key may make in an hour.")
    requests_per_hour_alone: int = Field(
        250, ge=1, description="The same for one gateway by itself, while Redis cannot be asked."
    )

    @property
    def own_url(self) -> str:
        """Return where callers reach this gateway, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
