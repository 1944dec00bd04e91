"""Settings every process of a service reads from the environment; one sentence a field, no default for a secret."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_PASSWORDS = ("minioadmin", "postgres", "password", "changeme", "redis", "secret")


class ProcessSettings(BaseSettings):
    """What each process needs. Names of the environment are these names in upper case."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, hide_input_in_errors=True)

    env: Literal["dev", "test", "production"] = Field("production", description="Where this runs; `dev` opens /docs.")
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The TCP port to listen on.")
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="A port of its own for /metrics and the full /health, where `PORT` is public.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level logged.")
    database_url: SecretStr = Field(description="PostgreSQL as this service's own role (postgresql+psycopg://).")
    relay_database_url: SecretStr | None = Field(
        None, description="PostgreSQL as svc_relay, which reads outboxes and nothing else; needed by `work` and `all`."
    )
    redis_url: SecretStr = Field(description="Redis or Valkey (redis://:password@host:port/0).")
    otel_exporter_otlp_endpoint: str | None = Field(None, description="OTLP/HTTP collector; none means no export.")
    concurrency: int = Field(4, ge=1, le=256, description="Events one consumer runs at a time.")
    stream_lag_max: int = Field(
        10_000, ge=100, description="Events the slowest group of a topic may be behind before the relay waits."
    )
    dead_letters_max: int = Field(
        1_000,
        ge=1,
        description="Dead letters a group may have on one topic, since it was last resumed, before it is paused there.",
    )
    dead_letters_a_minute_max: int = Field(
        100, ge=1, le=10_000, description="Dead letters within a minute at which it is paused there."
    )
    stream_rebuild: Literal["auto", "manual"] = Field(
        "auto",
        description="What the relay does when Redis is new or lost everything: fill it from the archive by itself, "
        "or wait for the operators' command `events rebuild`.",
    )
    archive_retention_days: int = Field(
        90, ge=1, description="Days published events are kept for replay; longer than any outage you want to survive."
    )
    request_deadline_s: float = Field(30.0, gt=0, description="How long a request to another service may take.")

    @model_validator(mode="after")
    def _no_default_passwords(self) -> Self:
        if self.env == "dev":
            return self
        for name in type(self).model_fields:
            value = getattr(self, name)
            secret = value.get_secret_value() if isinstance(value, SecretStr) else ""
            # Also inside an address, where a password stands between a colon and an at sign.
            if any(secret == word or f":{word}@" in secret for word in DEFAULT_PASSWORDS):
                raise ValueError(f"{name.upper()} holds a default password, which only ENV=dev may use")
        return self


class WithObjectStore(ProcessSettings):
    """Where a service that reads or writes objects finds them."""

    minio_endpoint: str = Field(description="The S3 store, as host:port.")
    minio_access_key: SecretStr = Field(description="The store's access key.")
    minio_secret_key: SecretStr = Field(description="The secret of that access key.")
    minio_bucket: str = Field(description="The bucket that holds the encrypted objects.")
    minio_region: str = Field("us-east-1", description="The region the store expects in signatures.")
    minio_secure: bool = Field(True, description="Whether the store is reached over TLS.")
