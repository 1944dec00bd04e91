"""Prepares a database for the services: roles, their passwords, the capability key, every schema. Safe to repeat.

Run before each rollout as `python -m deploy.provision`, by a login that may create roles and extensions;
no service ever holds that login.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.database.migration import migrate
from libs.contracts.services import SERVICES

ROOT = Path(__file__).parents[1]
BEFORE_MIGRATIONS, AFTER_MIGRATIONS = ("roles.sql", "ctx.sql", "comparisons.sql"), ("locks.sql", "ops.sql")
DATABASE_WAIT_MAX_S = 120.0
DATABASE_POLL_S = 1.0
EXIT_USAGE = 2


class ProvisionSettings(BaseSettings):
    """What preparing the database needs from the environment."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    migration_database_url: SecretStr = Field(
        description="PostgreSQL as a superuser or the like (postgresql+psycopg://)."
    )
    capability_key: SecretStr = Field(description="The gateway's CAPABILITY_KEY, in hex; here it is verified.")
    capability_key_id: str = Field("k1", description="The name of that key; a new key gets a new name.")
    svc_consent_password: SecretStr = Field(description="The password of the login role svc_consent.")
    svc_gateway_password: SecretStr = Field(description="The password of the login role svc_gateway.")
    svc_ingestion_password: SecretStr = Field(description="The password of the login role svc_ingestion.")
    svc_transcriber_password: SecretStr = Field(description="The password of the login role svc_transcriber.")
    svc_embedder_password: SecretStr = Field(description="The password of the login role svc_embedder.")
    svc_chat_password: SecretStr = Field(description="The password of the login role svc_chat.")
    svc_relay_password: SecretStr = Field(description="The password of svc_relay, which reads outboxes only.")
    svc_ops_password: SecretStr = Field(description="The password of svc_ops, which the operators' tools log in as.")
    isolation: Literal["full", "reduced"] = Field(
        "full", description="`reduced` accepts a database whose comparisons may run before its policies."
    )


def main() -> None:
    """Prepare the database the environment names."""
    try:
        settings = ProvisionSettings()
    except ValidationError as error:
        missing = ", ".join(str(part).upper() for fault in error.errors() for part in fault["loc"])
        print(f"not set or not valid: {missing}", file=sys.stderr)  # noqa: T201
        raise SystemExit(EXIT_USAGE) from None
    provision(settings)


def provision(settings: ProvisionSettings) -> None:
    """Bring roles, passwords, key and schemas to what the code expects."""
    url = settings.migration_database_url.get_secret_value()
    libpq_url = url.replace("postgresql+psycopg://", "postgresql://", 1)
    with _connected(libpq_url) as connection:
        _apply(connection, BEFORE_MIGRATIONS)
        refuse_unless_isolated(connection, settings.isolation)
        for schema in (*SERVICES, "relay", "ops"):
            _set_password(connection, f"svc_{schema}", getattr(settings, f"svc_{schema}_password"))
        connection.execute(
            "select ctx.install_key(%s, %s)",
            (settings.capability_key_id, bytes.fromhex(settings.capability_key.get_secret_value())),
        )
    for schema in SERVICES:
        migrate(schema, ROOT / "services" / schema / "migrations" / "versions", url)
    with _connected(libpq_url) as connection:
        _apply(connection, AFTER_MIGRATIONS)


def refuse_unless_isolated(connection: psycopg.Connection[Any], isolation: str) -> None:
    """Stop when comparisons can run before policies, unless reduced isolation was accepted by a setting."""
    found = connection.execute("select ctx.leakproof_functions()").fetchall()
    if found and isolation == "full":
        raise SystemExit(
            f"This database is not isolated: {len(found)} comparisons may run before row-level security. Provision as a"
            " superuser, or read docs/operations/before-production.md and set ISOLATION=reduced."
        )


def _apply(connection: psycopg.Connection[Any], files: Sequence[str]) -> None:
    for name in files:
        connection.execute((ROOT / "deploy" / "postgres" / name).read_bytes())


def _connected(url: str) -> psycopg.Connection[Any]:
    """Connect, waiting a while for a database that is just starting."""
    end = time.monotonic() + DATABASE_WAIT_MAX_S
    while True:
        try:
            return psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(DATABASE_POLL_S)


def _set_password(connection: psycopg.Connection[Any], role: str, password: SecretStr) -> None:
    # Hashed here (SCRAM), so that the statement the server may log holds no password.
    verifier = connection.pgconn.encrypt_password(password.get_secret_value().encode(), role.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier.decode()))
    )


if __name__ == "__main__":
    main()
