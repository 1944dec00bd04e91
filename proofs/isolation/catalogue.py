"""Proof: no object of the database, now or later, breaks a rule of isolation (`python -m proofs.isolation.catalogue`).

Each rule is a query that names the offenders. Who may read which table is held by tests/guarantees/test_catalogue.py.
"""

import sys
from collections.abc import Mapping, Sequence

import psycopg

from libs.contracts.services import SERVICES
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from proofs.kit.line import proof

NAME = "catalogue"
# Mechanism that holds ids and small facts only (libs/common), and the list of models.
WITHOUT_ROW_SECURITY = ("outbox", "inbox", "claim", "alembic_version", "model")
# Read one row at a time by an id that nobody can guess; never listed by organization.
READ_BY_ID = ("consent.evidence", "consent.receipt", "gateway.patient_token")

_OURS = "n.nspname = any (%(schemas)s)"
_TABLE = "pg_class c join pg_namespace n on n.oid = c.relnamespace"
_LOGINS = "r.rolname like 'svc\\_%%'"
_OWNED = (
    "exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organization_id' "
    "and not a.attisdropped)"
)

RULES: Mapping[str, str] = {
    "every table forces row-level security": f"""
        select n.nspname || '.' || c.relname from {_TABLE}
        where {_OURS} and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)
          and not c.relname = any (%(without)s)
          and not (c.relispartition and c.relname like 'outbox\\_%%' and c.relacl is null)""",
    "every table with row-level security has a policy and an organization": f"""
        select n.nspname || '.' || c.relname from {_TABLE}
        where {_OURS} and c.relkind in ('r', 'p') and c.relrowsecurity and not c.relispartition
          and not (exists (select from pg_policy p where p.polrelid = c.oid) and {_OWNED})""",
    "every policy of a service asks for a capability": f"""
        select n.nspname || '.' || c.relname || ' ' || p.polname from pg_policy p
        join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and p.polpermissive
          and exists (select from pg_roles r where {_LOGINS} and (r.oid = any (p.polroles) or 0 = any (p.polroles)))
          and coalesce(pg_get_expr(p.polqual, p.polrelid), '') || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
              !~ 'ctx\\.(scope|verify)'""",
    "every table of an organization has an index that it leads": f"""
        select n.nspname || '.' || c.relname from {_TABLE}
        where {_OURS} and c.relkind in ('r', 'p') and {_OWNED} and not c.relispartition
          and not n.nspname || '.' || c.relname = any (%(by_id)s) and not exists (
            select from pg_index i join pg_attribute a on a.attrelid = c.oid
              and (a.attnum = i.indkey[0] or (a.attnum = i.indkey[1] and exists (
                -- A table in partitions by model has the model before it: each partition is of one.
                select from pg_partitioned_table t where t.partrelid = c.oid and t.partattrs[0] = i.indkey[0])))
            where i.indrelid = c.oid and a.attname = 'organization_id' and i.indpred is null)""",
    "every foreign key between tables of organizations carries the organization": f"""
        select k.conrelid::regclass || ' ' || k.conname from pg_constraint k
        join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and k.contype = 'f' and {_OWNED} and not exists (
          select from unnest(k.conkey, k.confkey) pair (mine, theirs)
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.mine
          join pg_attribute b on b.attrelid = k.confrelid and b.attnum = pair.theirs
          where a.attname = 'organization_id' and b.attname = 'organization_id')""",
    "no foreign key crosses schemas": f"""
        select k.conrelid::regclass || ' ' || k.conname from pg_constraint k
        join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
        join pg_class f on f.oid = k.confrelid
        where {_OURS} and k.contype = 'f' and f.relnamespace <> c.relnamespace""",
    "every view asks as its reader": f"""
        select n.nspname || '.' || c.relname from {_TABLE}
        where ({_OURS} or n.nspname in ('ctx', 'ops')) and (c.relkind = 'm' or (c.relkind = 'v'
          and not coalesce('security_invoker=true' = any (c.reloptions), false)))""",
    "every function pins its search path": f"""
        select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where ({_OURS} or n.nspname in ('ctx', 'ops'))
          and not exists (select from unnest(p.proconfig) s where s like 'search_path=%%')""",
    "no function is open to everybody": f"""
        select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where ({_OURS} or n.nspname in ('ctx', 'ops')) and has_function_privilege('public', p.oid, 'execute')""",
    "no role of ours is a member of another": """
        select pg_get_userbyid(m.member) from pg_auth_members m join pg_roles r on r.oid = m.member
        where r.rolname ~ '^(svc|owner)_'""",
    "no login role owns, inherits or has powers": f"""
        select r.rolname from pg_roles r where {_LOGINS}
          and (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolbypassrls or r.rolinherit or r.rolreplication
               or exists (select from pg_class c where c.relowner = r.oid)
               or exists (select from pg_proc p where p.proowner = r.oid))""",
    "no owner can log in": "select rolname from pg_roles where rolname like 'owner\\_%%' and (rolcanlogin or rolsuper)",
    "no login role makes temporary objects, schemas, or tables in public": f"""
        select r.rolname from pg_roles r where {_LOGINS}
          and (has_database_privilege(r.oid, current_database(), 'temporary')
               or has_database_privilege(r.oid, current_database(), 'create')
               or has_schema_privilege(r.oid, 'public', 'create'))""",
    "no login role may lock a table against others": f"""
        select r.rolname || ' ' || n.nspname || '.' || c.relname from {_TABLE}, pg_roles r
        where {_OURS} and {_LOGINS} and c.relkind in ('r', 'p')
          and has_table_privilege(r.oid, c.oid, 'update, delete')""",
    "no comparison runs before a policy": "select f::text from ctx.leakproof_functions() f",
    # It would run before the others, and so on every row of every organization.
    "no policy runs before those that say whose a row is": f"""
        select n.nspname || '.' || c.relname || ' ' || p.polname from {_TABLE} join pg_policy p on p.polrelid = c.oid
        where {_OURS} and not p.polpermissive""",
    "no login role empties a table or refers to one": f"""
        select r.rolname || ' ' || n.nspname || '.' || c.relname from {_TABLE}, pg_roles r
        where {_OURS} and {_LOGINS} and c.relkind in ('r', 'p')
          and has_table_privilege(r.oid, c.oid, 'truncate, references, trigger')""",
    "a service reaches notes and claims of events by functions only": f"""
        select r.rolname || ' ' || n.nspname || '.' || c.relname from {_TABLE}, pg_roles r
        where {_OURS} and {_LOGINS} and c.relname in ('inbox', 'claim')
          and (has_table_privilege(r.oid, c.oid, 'insert, update, delete')
               or (r.rolname <> 'svc_ops' and has_any_column_privilege(r.oid, c.oid, 'select')))""",
    "no login role makes or sees what events carry": f"""
        select r.rolname || ' ctx.' || p.proname from pg_roles r, pg_proc p
        where {_LOGINS} and p.pronamespace = 'ctx'::regnamespace and p.proname in ('carry', 'sign', 'install_key')
          and has_function_privilege(r.oid, p.oid, 'execute')""",
    "every outbox has its events stamped": f"""
        select n.nspname || '.' || c.relname from {_TABLE}
        where {_OURS} and c.relname = 'outbox' and not exists (
          select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'stamped' and t.tgenabled = 'A')""",
    "no login role uses what everybody may use elsewhere": f"""
        select r.rolname || ' ' || p.oid::regprocedure from pg_roles r, pg_proc p
        where {_LOGINS} and p.pronamespace = 'pg_catalog'::regnamespace and p.proname = any (array[
            'lo_create', 'lo_creat', 'lo_from_bytea', 'lo_import', 'lo_export', 'lo_put', 'lo_get', 'lo_unlink',
            'pg_terminate_backend', 'pg_cancel_backend', 'pg_stat_get_backend_activity', 'pg_advisory_lock',
            'pg_notify', 'pg_read_file', 'pg_ls_dir', 'pg_export_snapshot'])
          and has_function_privilege(r.oid, p.oid, 'execute')""",
}

PARAMETERS = {"schemas": list(SERVICES), "without": list(WITHOUT_ROW_SECURITY), "by_id": list(READ_BY_ID)}


def offenders(infra: Infra) -> Mapping[str, Sequence[str]]:
    """Return who breaks which rule."""
    with psycopg.connect(infra.admin_url) as admin:
        found = {rule: admin.execute(query.encode(), PARAMETERS).fetchall() for rule, query in RULES.items()}
    return {rule: [str(row[0]) for row in rows] for rule, rows in found.items() if rows}


def prove(infra: Infra) -> int:
    """Walk the catalogue; return the exit code."""
    with psycopg.connect(infra.admin_url) as admin:
        counted = admin.execute(
            "select count(*) filter (where c.relkind in ('r', 'p')), "
            "(select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace "
            "where n.nspname = any (%(s)s) or n.nspname in ('ctx', 'ops')), "
            "(select count(*) from pg_roles where rolname ~ '^(svc|owner)_'), (select count(*) from pg_policy) "
            "from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = any (%(s)s)",
            {"s": list(SERVICES)},
        ).fetchone() or (0, 0, 0, 0)
    found = offenders(infra)
    for rule, names in found.items():
        sys.stderr.write(f"broken: {rule}: {', '.join(names)}\n")
    tables, functions, roles, policies = counted
    good = not found and min(tables, functions, roles, policies) > 0
    return proof(
        NAME, good, rules=len(RULES), tables=tables, functions=functions, roles=roles, policies=policies,
        broken=sum(map(len, found.values())),
    )  # fmt: skip


def main() -> int:
    """Start a database of its own and walk it."""
    with infrastructure.throwaway() as infra:
        return prove(infra)


if __name__ == "__main__":
    sys.exit(main())
