"""Everything of a database that an attack could change, as one fingerprint per part."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg

from libs.contracts.services import SERVICES

# Columns that vacuum and statistics move by themselves are left out.
_CATALOGS = {
    "classes": "select relname, relnamespace, relowner, relacl::text, relrowsecurity, relforcerowsecurity, relkind "
    "from pg_class",
    "functions": "select proname, pronamespace, proowner, proacl::text, prosrc, proconfig::text from pg_proc",
    "policies": "select polname, polrelid, polcmd, pg_get_expr(polqual, polrelid) from pg_policy",
    "triggers": "select tgname, tgrelid, tgenabled from pg_trigger",
    "rules": "select rulename, ev_class, ev_enabled from pg_rewrite",
    "roles": "select oid, rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolpassword "
    "from pg_authid",
    "members": "select roleid, member from pg_auth_members",
    "role settings": "select setrole, setdatabase, setconfig::text from pg_db_role_setting",
    "default privileges": "select defaclrole, defaclacl::text from pg_default_acl",
    "schemas": "select nspname, nspowner, nspacl::text from pg_namespace where nspname !~ '^pg_t'",
    "databases": "select datname, datacl::text from pg_database",
    "extensions": "select extname from pg_extension",
    "large objects": "select oid, lomowner from pg_largeobject_metadata",
    "event triggers": "select evtname, evtenabled from pg_event_trigger",
    "publications": "select pubname from pg_publication",
    "subscriptions": "select subname from pg_subscription",
    "casts": "select castsource, casttarget from pg_cast",
    "operators": "select oprname, oprnamespace, oprowner from pg_operator",
    "languages": "select lanname from pg_language",
    "prepared": "select gid from pg_prepared_xacts",
    "settings": "select name, setting from pg_file_settings where error is null",
    "replication": "select slot_name from pg_replication_slots",
}
_TABLES = """
select n.nspname, c.relname, exists (select from pg_attribute a where a.attrelid = c.oid
  and a.attname = 'organization_id' and not a.attisdropped)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where (n.nspname = any (%s) or n.nspname = 'ctx') and c.relkind in ('r', 'p') and not c.relispartition"""
_LOCKS_OUT = """
select 1 from pg_locks l join pg_class c on c.oid = l.relation
where l.pid = %s and l.granted and c.relkind in ('r', 'p')
  and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"""
# What a transaction may leave in a pooled session for the next one: nothing.
_WATCHED = ("row_security", "work_mem", "statement_timeout", "lock_timeout", "search_path", "role", "DateStyle")
_LEFT = "select " + ", ".join(
    [
        *(f"current_setting('{name}')" for name in _WATCHED),
        "coalesce(current_setting('ctx.token', true), '')",
        "(select count(*) from pg_listening_channels())",
        "(select count(*) from pg_cursors where is_holdable)",
    ]
)


class DatabaseState:
    """Reads the state as a superuser. Rows of organizations other than the victim's are the attacker's own business."""

    def __init__(self, admin_url: str, victim: UUID) -> None:
        self._connection = psycopg.connect(admin_url, autocommit=True)
        parts = {name: f"select md5(string_agg(x::text, '|' order by x::text)) from ({query}) x"
                 for name, query in _CATALOGS.items()}  # fmt: skip
        for schema, table, is_owned in self._connection.execute(_TABLES, (list(SERVICES),)).fetchall():
            only = f" where organization_id is null or organization_id = '{victim}'" if is_owned else ""
            parts[f"{schema}.{table}"] = (
                f"select md5(string_agg(x::text, '|' order by x::text)) from {schema}.{table} x{only}"
            )
        self._names = list(parts)
        self._query = "select " + ", ".join(f"({part})" for part in parts.values())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def fingerprint(self) -> Mapping[str, str]:
        """Return a digest of each part."""
        row = self._connection.execute(self._query.encode()).fetchone() or ()
        return dict(zip(self._names, row, strict=True))

    def difference(self, before: Mapping[str, str], after: Mapping[str, str]) -> str:
        """Name the parts that are not the same."""
        return ", ".join(name for name in self._names if before[name] != after[name])

    def is_connected(self, pid: int) -> bool:
        """Tell whether a session lives."""
        found = self._connection.execute("select 1 from pg_stat_activity where pid = %s", (pid,)).fetchone()
        return found is not None

    def is_locking_others_out(self, pid: int) -> bool:
        """Tell whether a session holds a lock on a whole table that another's insert, update or delete waits for."""
        found = self._connection.execute(_LOCKS_OUT, (pid,)).fetchone()
        return found is not None


def session_state(connection: psycopg.Connection[Any], token: str | None) -> tuple[Any, ...] | None:
    """Return what the next transaction in a session finds, entered as the pool does it; None when the session ended."""
    try:
        if token:
            connection.execute(f"begin; select ctx.enter('{token}'); commit".encode())
        return connection.execute(_LEFT.encode()).fetchone()
    except psycopg.OperationalError:
        return None if connection.closed else ("not usable",)
