"""A provisioned database, streams and a bucket: what a store or a consumer is tested against."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from libs.devstack import provision
from libs.devstack.provision import CAPABILITY_KEY_ID, Database
from libs.devstack.servers import postgres, seaweed, servers, valkey
from libs.devstack.servers.addresses import ObjectStore
from libs.devstack.servers.folder import Folder, throwaway_folder
from libs.devstack.servers.servers import Servers

DATABASE_NAME = "therapyrag"
TEMPLATE = "DATABASE_TEMPLATE"
"""Names a provisioned database on the server of DATABASE_URL, of which those for tests are copies."""


@dataclass(frozen=True)
class Infra:
    """Servers that run, with roles and all migrations applied."""

    folder: Folder
    database: Database
    servers: Servers
    capability_key_id: str = CAPABILITY_KEY_ID

    @property
    def redis_url(self) -> str:
        """The Redis-compatible server."""
        return self.servers.addresses.redis_url

    @property
    def object_store(self) -> ObjectStore:
        """The S3 store and its bucket."""
        return self.servers.addresses.object_store

    @property
    def server_addresses(self) -> dict[str, str]:
        """Where the three servers listen, as host:port by name."""
        return {
            postgres.NAME: urlsplit(self.admin_url).netloc.rpartition("@")[2],
            valkey.NAME: urlsplit(self.redis_url).netloc.rpartition("@")[2],
            seaweed.NAME: self.object_store.endpoint,
        }

    @property
    def admin_url(self) -> str:
        """The database as a superuser, as libpq reads it (postgresql://)."""
        return self.database.admin_url

    @property
    def capability_key(self) -> bytes:
        """The key capabilities are signed with."""
        return self.database.capability_key

    @property
    def relay_database_url(self) -> str:
        """The database as the relay's role, as SQLAlchemy reads it."""
        return self.database.relay_url

    @property
    def ops_database_url(self) -> str:
        """The database as the operators' role, as SQLAlchemy reads it."""
        return self.database.ops_url

    def database_url(self, service: str) -> str:
        """Return the database as a service's own role, as SQLAlchemy reads it (postgresql+psycopg://)."""
        return self.database.service_url(service)

    def url_of(self, role: str, password: str) -> str:
        """Return the database as a role that a test made, as SQLAlchemy reads it."""
        return self.database.url_of(role, password)


@contextlib.contextmanager
def throwaway() -> Iterator[Infra]:
    """Run everything in a folder, or a database, that is gone afterwards."""
    with throwaway_folder() as folder, folder.locked(), servers.running(folder, throwaway=True) as up:
        # Beside a database that is somebody else's: never in it.
        name = DATABASE_NAME if postgres.NAME in up.processes else f"{DATABASE_NAME}_{secrets.token_hex(6)}"
        template = None if postgres.NAME in up.processes else os.environ.get(TEMPLATE)
        try:
            yield _copied(folder, up, name, template) if template else provisioned(folder, up, name)
        finally:
            if postgres.NAME not in up.processes:
                provision.drop(up.addresses.admin_url, name)


def provisioned(folder: Folder, up: Servers, name: str | None = None) -> Infra:
    """Bring the servers to the newest state, in a database of that name, else in the one the URL names."""
    url = provision.create(up.addresses.admin_url, name) if name else up.addresses.admin_url
    role_secret = folder.secret("roles") if postgres.NAME in up.processes else role_secret_of(up.addresses.admin_url)
    database = Database(url, bytes.fromhex(folder.secret("capability_key")), role_secret)
    provision.provision(database)
    provision.create_bucket(up.addresses.object_store)
    return Infra(folder, database, up)


def _copied(folder: Folder, up: Servers, name: str, template: str) -> Infra:
    """Copy a database that was provisioned before, with a key of its own."""
    url = provision.create(up.addresses.admin_url, name, template)
    capability_key = bytes.fromhex(folder.secret("capability_key"))
    database = Database(url, capability_key, role_secret_of(up.addresses.admin_url))
    provision.adopt(database)
    provision.create_bucket(up.addresses.object_store)
    return Infra(folder, database, up)


def role_secret_of(server_url: str) -> str:
    """Return what the passwords on somebody else's server are made of.

    Roles belong to the whole server, so two runs at a time must agree on their passwords.
    """
    return server_url.rpartition("/")[0]
