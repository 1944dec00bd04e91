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
    operator_token: SecretStr | None = Field(
        None, description="Opens the operators' API: `bootstrap`, and a replay of events whose capability has expired."
    )
    ops_database_url: SecretStr | None = Field(
        None, description="PostgreSQL as svc_ops (postgresql+psycopg://); what works on events needs it."
    )
    redis_url: SecretStr | None = Field(None, description="Redis or Valkey; what works on events needs it.")


@dataclass(frozen=True)
class Connection:
    """One gateway and one credential, and the stores behind it. `transport` replaces the network in tests."""

    url: str
    key: str | None = None
    operator_token: str | None = None
    transport: httpx.AsyncBaseTransport | None = None
    database_url: str | None = None
    redis_url: str | None = None

    def at(self, url: str) -> "Connection":
        """The same credentials for another address."""
        return replace(self, url=url)

    @classmethod
    def from_environment(cls) -> "Connection":
        """Read THERAPYRAG_URL, THERAPYRAG_KEY, OPERATOR_TOKEN, OPS_DATABASE_URL and REDIS_URL."""
        settings = OpsSettings()
        return cls(
            settings.therapyrag_url,
            _shown(settings.therapyrag_key),
            _shown(settings.operator_token),
            database_url=_shown(settings.ops_database_url),
            redis_url=_shown(settings.redis_url),
        )


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
