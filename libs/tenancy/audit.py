"""Records of who was given what: stamped and closed by the database, read under a scope of their own."""

from sqlalchemy import TextClause, text

from libs.common.database.migration import Operations
from libs.tenancy.isolation import of_patient

READ_SCOPE = "audit:read"


def audited(op: Operations, table: str) -> None:
    """Make a table (`schema.name`) an audit: rows are added by whoever may read, and never changed or removed.

    The database itself writes who, with which key and when, from the capability in force: `actor`, `api_key_id`, `at`.
    Rows are shown under `audit:read` only.
    """
    schema = table.partition(".")[0]
    audited_by_database(op, table)
    op.execute(
        f"create policy audit_insert on {table} for insert to svc_{schema} with check ({_mine(f'{schema}:read')})"
    )
    op.execute(f"grant insert on {table} to svc_{schema}")
    _stamp(op, schema, table)


def audited_by_database(op: Operations, table: str) -> None:
    """Make a table an audit to which its service cannot even add: triggers do."""
    schema = table.partition(".")[0]
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy audit_read on {table} for select to svc_{schema} using ({_mine(READ_SCOPE)})")
    op.execute(f"grant select on {table} to svc_{schema}")
    _close(op, schema, table)


def audit_by_patient(op: Operations, table: str) -> None:
    """Let an index serve the record of one patient; every row of the table must have a patient."""
    schema, patient = table.partition(".")[0], of_patient(f"(select (ctx.scope('{READ_SCOPE}')).patient)", listed=True)
    mine = f"organization_id = (select (ctx.scope('{READ_SCOPE}')).org) and {patient}"
    op.execute(f"alter policy audit_read on {table} to svc_{schema} using ({mine})")


def audit_page(table: str, key: str, columns: str) -> TextClause:
    """Return the statement for a page of an audit, newest first; its parameters are AuditQuery.parameters()."""
    return text(
        f"select {key} as id, at, actor, api_key_id, patient_id, {columns} from {table}"  # noqa: S608
        " where (cast(:patient as uuid) is null or patient_id = :patient)"
        " and (cast(:actor as text) is null or actor = :actor)"
        " and (cast(:since as timestamptz) is null or at >= :since)"
        " and (cast(:until as timestamptz) is null or at < :until)"
        f" and (cast(:after_at as timestamptz) is null or (at, {key}) < (:after_at, cast(:after_id as uuid)))"
        f" order by at desc, {key} desc limit :most"
    )


def _mine(scope: str) -> str:
    # In a sub-select the planner calls it once for a statement, and not once for each row.
    claims = f"select (ctx.scope('{scope}'))"
    parts = [f"organization_id = ({claims}.org)", f"(({claims}.patient) is null or patient_id = ({claims}.patient))"]
    return " and ".join(parts)


def _stamp(op: Operations, schema: str, table: str) -> None:
    op.execute(f"""
        create or replace function {schema}.stamp_audit() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.verify(current_setting('ctx.token', true));
        begin
          new.actor := c.actor;
          new.api_key_id := c.api_key_id;
          new.at := clock_timestamp();
          return new;
        end $$""")
    # A new function is open to everybody until it is taken back.
    op.execute(f"revoke all on function {schema}.stamp_audit() from public")
    op.execute(f"grant execute on function {schema}.stamp_audit() to svc_{schema}")
    op.execute(
        f"create trigger stamp_audit before insert on {table} for each row execute function {schema}.stamp_audit()"
    )


def _close(op: Operations, schema: str, table: str) -> None:
    op.execute(f"""
        create or replace function {schema}.refuse_change() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        begin
          raise exception 'the audit is append-only' using errcode = 'TR405';
        end $$""")
    op.execute(f"revoke all on function {schema}.refuse_change() from public")
    op.execute(f"grant execute on function {schema}.refuse_change() to svc_{schema}")
    op.execute(
        f"create trigger append_only before update or delete or truncate on {table} "
        f"for each statement execute function {schema}.refuse_change()"
    )
    # ALWAYS: also for a session with session_replication_role = replica.
    op.execute(f"alter table {table} enable always trigger append_only")
