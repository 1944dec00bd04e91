"""Servers on which many runs take turns, each with a database, a bucket and streams as if nobody had been there.

A set is used by one run at a time. Databases are the run's own and dropped; the streams are emptied. Roles belong to
the whole of PostgreSQL: when a run has left other roles than it found, everything it could have touched is made anew.
Where no edit reaches what makes a database, it is a copy of one that was made once, which takes a quarter of the time.
"""

import ast
import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from libs.devstack import provision
from libs.devstack.infra import TEMPLATE, role_secret_of
from libs.devstack.provision import ROOT, Database
from libs.devstack.servers import servers
from libs.devstack.servers.folder import throwaway_folder
from libs.devstack.servers.servers import Servers
from proofs.planted.planting import Edit

SOUND = "sound"
ROLES = "deploy/postgres/roles.sql"
_DATABASES = "select datname from pg_database where datname not in ('postgres', 'template0', 'template1')"
_OTHER_ROLES = "select rolname from pg_roles where not rolsuper and rolname !~ '^pg_'"
# All that is said of roles for the whole server; a password says nothing of what its owner may.
_ROLES = """
select md5(coalesce(string_agg(line, ';' order by line), '')) from (
  select (to_jsonb(r) - 'rolpassword' - 'oid')::text from pg_roles r
  union all select roleid::regrole || ' ' || member::regrole || ' ' || admin_option || inherit_option || set_option
  from pg_auth_members
  union all select setrole::text || setconfig::text from pg_db_role_setting where setdatabase = 0
) as said (line)"""


class SharedServers:
    """One set of servers."""

    def __init__(self, up: Servers) -> None:
        self._addresses = up.addresses
        self._roles = ""
        self._make_sound()

    @contextlib.contextmanager
    def environment(self, edits: Sequence[Edit]) -> Iterator[Mapping[str, str]]:
        """Give one run what it needs to find these servers, and clean up after it."""
        given = {
            "DATABASE_URL": self._addresses.admin_url,
            "REDIS_URL": self._addresses.redis_url,
            **self._addresses.object_store.environment(),
            "MINIO_BUCKET": f"run-{secrets.token_hex(6)}",
        }
        if any(edit.file == ROLES for edit in edits):
            self._forget()  # or the sound ones of before would stand in for those that the edit takes away
        try:
            yield given if reach_the_database(edits) else given | {TEMPLATE: SOUND}
        finally:
            self._clean()

    def _clean(self) -> None:
        with redis.Redis.from_url(self._addresses.redis_url) as streams:
            streams.flushall()
            streams.script_flush()
        with self._connected() as connection:
            for (name,) in connection.execute(_DATABASES).fetchall():
                if name != SOUND:
                    provision.drop(self._addresses.admin_url, name)
            if self._said_of_roles(connection) == self._roles:
                return
        self._forget()
        self._make_sound()

    def _forget(self) -> None:
        """Leave a server without databases and roles of ours."""
        provision.drop(self._addresses.admin_url, SOUND)
        self._roles = ""
        with self._connected() as connection:
            for (role,) in connection.execute(_OTHER_ROLES).fetchall():
                connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self._addresses.admin_url, autocommit=True)

    def _make_sound(self) -> None:
        url = provision.create(self._addresses.admin_url, SOUND)
        provision.provision(Database(url, secrets.token_bytes(32), role_secret_of(self._addresses.admin_url)))
        with self._connected() as connection:
            self._roles = self._said_of_roles(connection)

    def _said_of_roles(self, connection: psycopg.Connection) -> str:
        row = connection.execute(_ROLES).fetchone()
        return row[0] if row else ""


@contextlib.contextmanager
def shared_servers(count: int) -> Iterator[list[SharedServers]]:
    """Run so many sets for as long as the context lasts; whatever servers the environment names stay untouched."""
    with contextlib.ExitStack() as its:
        sets = []
        for _ in range(count):
            folder = its.enter_context(throwaway_folder())
            its.enter_context(folder.locked())
            up = servers.start(folder, environment={})
            its.callback(up.stop, at_once=True)
            sets.append(SharedServers(up))
        yield sets


def reach_the_database(edits: Sequence[Edit]) -> bool:
    """Tell whether one of the edits is of a file that makes a database: SQL, a migration, or what one imports."""
    return any(not edit.file.endswith(".py") or edit.file in _provisioning() for edit in edits)


@cache
def _provisioning() -> frozenset[str]:
    waiting = [ROOT / "libs" / "devstack" / "provision.py", *ROOT.glob("services/*/migrations/**/*.py")]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found and path.exists():
            found.add(path)
            waiting += _imported(path)
    return frozenset(str(path.relative_to(ROOT)) for path in found)


def _imported(path: Path) -> Iterator[Path]:
    """Return where each module could be that a file imports, and the packages it is in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            place = ROOT / name.replace(".", "/")
            yield place.with_suffix(".py")
            yield place / "__init__.py"
