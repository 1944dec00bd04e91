"""Erasure inside a schema: what is erased goes under a tombstone, and no late row of it is ever taken in again.

Words for migrations. `erasable` gives a schema three functions, which the service calls and which act as the owner:
`entomb` writes the tombstone, `erase` does so and deletes the rows, and a trigger refuses rows of what is erased.
Deleting as the owner matters: a row that consent hides from the service must go all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.database.migration import Operations
from libs.tenancy.isolation import isolate

SCOPE = "erasure:write"
REFUSED = "TR410"


@dataclass(frozen=True)
class Rows:
    """A table whose rows are erased. `session`: it has a session_id, and a session's rows can be told apart.

    `guarded`: no row of what is erased gets in. `silently`: it is left out, where refusing would refuse too much.
    """

    table: str
    session: bool = True
    guarded: bool = True
    silently: bool = False


def erasable(op: Operations, schema: str, tables: Sequence[Rows]) -> None:
    """Give a schema its tombstones, the guards of its tables and the function that erases, in the order of `tables`."""
    tombstones(op, schema)
    for rows in tables:
        owned(op, schema, rows.table)
        if rows.guarded:
            guard(op, schema, rows)
    deletes = "\n".join(_delete(schema, rows) for rows in tables)
    define(op, schema, deletes)


def tombstones(op: Operations, schema: str) -> None:
    """Create the tombstones and the function that adds one; it needs a capability for erasing."""
    op.execute(f"""
        create table {schema}.tombstone (
          organization_id uuid not null,
          patient_id uuid not null,
          session_id uuid,
          erasure_id uuid not null,
          at timestamptz not null default clock_timestamp(),
          unique nulls not distinct (organization_id, patient_id, session_id)
        )""")
    isolate(op, f"{schema}.tombstone")
    op.execute(f"revoke insert on {schema}.tombstone from svc_{schema}")
    owned(op, schema, "tombstone")
    # Whoever adds a row holds the lock with others; whoever erases holds it alone. So a row is either seen and erased,
    # or comes after the tombstone and is refused.
    op.execute(f"""
        create function {schema}.grave(organization uuid, patient uuid) returns bigint
        language sql immutable set search_path = pg_catalog as $$
          select hashtextextended('{schema}' || organization::text || patient::text, 0) $$""")
    op.execute(f"""
        create function {schema}.entomb(of_erasure uuid, of_patient uuid, of_session uuid) returns uuid
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('{SCOPE}');
        begin
          if c.org is null or of_patient is null or coalesce(c.patient <> of_patient, false)
             or (c.session is not null and c.session is distinct from of_session) then
            raise exception 'capability refused' using errcode = 'TR401';
          end if;
          perform pg_advisory_xact_lock({schema}.grave(c.org, of_patient));
          insert into {schema}.tombstone (organization_id, patient_id, session_id, erasure_id)
          values (c.org, of_patient, of_session, of_erasure) on conflict do nothing;
          return c.org;
        end $$""")  # noqa: S608
    op.execute(f"revoke all on function {schema}.grave(uuid, uuid) from public")
    _only(op, schema, "entomb(uuid, uuid, uuid)")


def guard(op: Operations, schema: str, rows: Rows) -> None:
    """Refuse rows of what is erased. The trigger is called so that it fires before those that ask for consent.

    It acts as the owner: no login may take PostgreSQL's advisory locks.
    """
    session = "t.session_id is null or t.session_id = new.session_id" if rows.session else "t.session_id is null"
    refuse = "return null" if rows.silently else f"raise exception 'erased' using errcode = '{REFUSED}'"
    op.execute(f"""
        create function {schema}.refuse_erased_{rows.table}() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        begin
          perform pg_advisory_xact_lock_shared({schema}.grave(new.organization_id, new.patient_id));
          if exists (select from {schema}.tombstone t where t.organization_id = new.organization_id
                        and t.patient_id = new.patient_id and ({session})) then
            {refuse};
          end if;
          return new;
        end $$""")
    _only(op, schema, f"refuse_erased_{rows.table}()")
    op.execute(
        f"create trigger erased_stays_erased before insert on {schema}.{rows.table} "
        f"for each row execute function {schema}.refuse_erased_{rows.table}()"
    )


def owned(op: Operations, schema: str, table: str) -> None:
    """Let the schema's functions see all rows of a table. Nobody can log in as their owner."""
    op.execute(f"create policy of_erasure on {schema}.{table} to owner_{schema} using (true) with check (true)")


def define(op: Operations, schema: str, body: str) -> None:
    """Create the function that erases: `org` is whose rows, `n` and `counts` are the body's to fill."""
    op.execute(f"""
        create function {schema}.erase(of_erasure uuid, of_patient uuid, of_session uuid) returns jsonb
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare
          org uuid := {schema}.entomb(of_erasure, of_patient, of_session);
          counts jsonb := '{{}}';
          n bigint;
        begin
          {body}
          return counts;
        end $$""")
    _only(op, schema, "erase(uuid, uuid, uuid)")


def counted(table: str) -> str:
    """Return the statement that notes how many rows the statement before it touched."""
    return f"get diagnostics n = row_count; counts := counts || jsonb_build_object('{table}', n);"


def _delete(schema: str, rows: Rows) -> str:
    narrowed = "(of_session is null or session_id = of_session)" if rows.session else "of_session is null"
    return (
        f"delete from {schema}.{rows.table} where organization_id = org and patient_id = of_patient and {narrowed}; "  # noqa: S608
        + counted(rows.table)
    )


def _only(op: Operations, schema: str, function: str) -> None:
    op.execute(f"revoke all on function {schema}.{function} from public")
    op.execute(f"grant execute on function {schema}.{function} to svc_{schema}")
