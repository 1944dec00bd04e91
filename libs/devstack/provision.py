"""From an empty PostgreSQL to the system's database: roles, capability key, every service's migrations, a bucket."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from libs.common.database.migration import migrate
from libs.contracts.services import SERVICES
from libs.devstack.errors import DevstackError
from libs.devstack.servers import s3_request
from libs.devstack.servers.addresses import ObjectStore

ROOT = Path(__file__).parents[2]
BEFORE_MIGRATIONS, AFTER_MIGRATIONS = ("roles.sql", "ctx.sql", "comparisons.sql"), ("locks.sql", "ops.sql")
CAPABILITY_KEY_ID = "devstack"
RELAY_ROLE = "svc_relay"
OPS_ROLE = "svc_ops"
# 409: it is there already.
_CREATED = (200, 409)


@dataclass(frozen=True)
class Database:
    """A provisioned database. `admin_url` is libpq's, of a superuser; `url_of` gives SQLAlchemy's."""

    admin_url: str
    capability_key: bytes
    role_secret: str

    def url_of(self, role: str, password: str) -> str:
        """Return the SQLAlchemy URL of a role."""
        parts = urlsplit(self.admin_url)
        host = (parts.netloc.rpartition("@"))[2]
        return urlunsplit(parts._replace(scheme="postgresql+psycopg", netloc=f"{role}:{quote(password)}@{host}"))

    def service_url(self, service: str) -> str:
        """Return the SQLAlchemy URL of a service's own role."""
        return self.url_of(f"svc_{service}", self.password(f"svc_{service}"))

    @property
    def relay_url(self) -> str:
        """The SQLAlchemy URL of the role that reads outboxes and nothing else."""
        return self.url_of(RELAY_ROLE, self.password(RELAY_ROLE))

    @property
    def ops_url(self) -> str:
        """The SQLAlchemy URL of the role that the operators' tools log in as."""
        return self.url_of(OPS_ROLE, self.password(OPS_ROLE))

    def password(self, role: str) -> str:
        """Return a role's password: the same for every run that knows the secret."""
        return hmac.new(self.role_secret.encode(), role.encode(), hashlib.sha256).hexdigest()


def create(server_url: str, name: str, template: str = "template1") -> str:
    """Create a database on the server if it is not there, as a copy of the template; return its superuser's URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            statement = sql.SQL("create database {} template {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def drop(server_url: str, name: str) -> None:
    """Drop a database with whoever is connected to it."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def provision(database: Database) -> None:
    """Bring a database to its newest state; a second time it is an upgrade."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        _apply(connection, BEFORE_MIGRATIONS)
        for role in (*(f"svc_{service}" for service in SERVICES), RELAY_ROLE, OPS_ROLE):
            _set_password(connection, role, database.password(role))
        _install_key(connection, database)
    for service in SERVICES:
        migrate_service(database, service)
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        _apply(connection, AFTER_MIGRATIONS)


def adopt(database: Database) -> None:
    """Bring a copy of a provisioned database to the same state: what belongs to a database itself is not copied."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        _apply(connection, BEFORE_MIGRATIONS[:1])
        _install_key(connection, database)


def _install_key(connection: psycopg.Connection, database: Database) -> None:
    connection.execute("select ctx.install_key(%s, %s)", (CAPABILITY_KEY_ID, database.capability_key))


def _apply(connection: psycopg.Connection, files: Sequence[str]) -> None:
    for file in files:
        connection.execute((ROOT / "deploy" / "postgres" / file).read_bytes())


def migrate_service(database: Database, service: str) -> None:
    """Run one service's migrations."""
    url = database.admin_url.replace("postgresql://", "postgresql+psycopg://", 1)
    migrate(service, ROOT / "services" / service / "migrations" / "versions", url)


def create_bucket(store: ObjectStore) -> None:
    """Create the bucket unless it is there."""
    answer = s3_request.send(store, "PUT", f"/{store.bucket}")
    if answer.status_code not in _CREATED:
        raise DevstackError(f"the object store at {store.endpoint} refuses the bucket: {answer.status_code}")


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    # Hashed here, so that the server's logs and statistics cannot hold it.
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(hashed)))
