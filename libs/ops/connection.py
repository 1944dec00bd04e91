"""Where the gateway is and with whose key; read from the environment when a command starts, never at import."""

from dataclasses import dataclass, replace

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class OpsSettings(BaseSettings):
    """What the tools read from the environment."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    therapyrag_url: str = Field("http://127.0.0.1:8000", description="The public address of the gateway.")
    therapyrag_key: SecretStr | None = Field(None, description="An API key of the organization.")
    operator_token: SecretStr | None = Field(None, description="Opens the operators' door; only `bootstrap` uses it.")


@dataclass(frozen=True)
class Connection:
    """One gateway and one credential. `transport` replaces the network in tests."""

    url: str
    key: str | None = None
    operator_token: str | None = None
    transport: httpx.AsyncBaseTransport | None = None

    def at(self, url: str) -> "Connection":
        """The same credentials for another address."""
        return replace(self, url=url)

    @classmethod
    def from_environment(cls) -> "Connection":
        """Read THERAPYRAG_URL, THERAPYRAG_KEY and OPERATOR_TOKEN."""
        settings = OpsSettings()
        return cls(settings.therapyrag_url, _shown(settings.therapyrag_key), _shown(settings.operator_token))


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
