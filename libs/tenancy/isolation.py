"""Row-level security for a table, from its first day: who sees and changes its rows, by the capability in force."""

from uuid import UUID

from libs.common.database.migration import Operations


def isolate(op: Operations, table: str, *, patient: bool = True, session: bool = False, writes: str = "insert") -> None:
    """Put a table (`schema.name`) under forced row-level security and grant its service what `writes` lists.

    Rows are seen under `<schema>:read` and changed under `<schema>:write`, only of the capability's organization and,
    where it is bound to a patient or a session and the table has that column, only of that one.
    `writes` is any of "insert, update, delete".
    """
    schema = table.partition(".")[0]
    read, write = (predicate(f"{schema}:{verb}", patient, session) for verb in ("read", "write"))
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy tenant_read on {table} for select to svc_{schema} using ({read})")
    op.execute(f"create policy tenant_insert on {table} for insert to svc_{schema} with check ({write})")
    op.execute(
        f"create policy tenant_update on {table} for update to svc_{schema} using ({write}) with check ({write})"
    )
    op.execute(f"create policy tenant_delete on {table} for delete to svc_{schema} using ({write})")
    op.execute(f"grant select, {writes} on {table} to svc_{schema}")


def predicate(scope: str, patient: bool, session: bool, *, listed: bool = False) -> str:
    """Return a policy's condition: the capability has the scope and is of the row's organization, patient, session.

    `listed`: rows of all patients are read at once as well.
    """
    # Scalar sub-selects: each is verified once per statement and the index on the column still serves.
    parts = [f"organization_id = (select (ctx.scope('{scope}')).org)"]
    if patient:
        parts.append(of_patient(f"(select (ctx.narrowed('{scope}')).patient)", listed=listed))
    if session:
        value = f"(select (ctx.scope('{scope}')).session)"
        parts.append(f"({value} is null or session_id = {value})")
    return " and ".join(parts)


def of_patient(claim: str, *, listed: bool = False) -> str:
    """Return the condition that a row is of this patient, or of any if there is none (the column must not be null).

    Two bounds that an index on (organization_id, patient_id) serves: no condition of a statement may use one before
    the policy (deploy/postgres/comparisons.sql). The planner takes them for a narrow range. Where all patients' rows
    are `listed` it must not, or it would read a whole organization by that index: there the second is an array of one.
    """
    least, most = (f"coalesce({claim}, '{UUID(int=bound)}'::uuid)" for bound in (0, 2**128 - 1))
    return f"patient_id >= {least} and patient_id <= " + (f"any (array[{most}])" if listed else most)


def renew_policies(op: Operations, table: str, *, session: bool = False, listed: bool = False) -> None:
    """Give a table of patients that `isolate` put under row-level security today's conditions."""
    schema = table.partition(".")[0]
    read, write = (predicate(f"{schema}:{verb}", True, session, listed=listed) for verb in ("read", "write"))
    op.execute(f"alter policy tenant_read on {table} using ({read})")
    op.execute(f"alter policy tenant_insert on {table} with check ({write})")
    op.execute(f"alter policy tenant_update on {table} using ({write}) with check ({write})")
    op.execute(f"alter policy tenant_delete on {table} using ({write})")


def narrowing(op: Operations, table: str, column: str, name: str) -> None:
    """Create `narrow_to_<name>`, by which a transaction says whom it is about when it knows only an id.

    It tells whose row that is, of the capability's organization alone, and narrows what follows to that patient: an
    index serves policies by patients and not by other ids. For a capability that names a patient it does nothing.
    """
    schema = table.partition(".")[0]
    op.execute(f"create index {name}_to_patient on {table} (organization_id, {column}, patient_id)")
    # The plans that are off may look a row up by its id alone, and one of another organization would cost a page more.
    op.execute(f"""
        create function {schema}.narrow_to_{name}(wanted uuid) returns uuid
        language plpgsql volatile security definer set search_path = pg_catalog
        set enable_seqscan = off set enable_indexscan = off set enable_bitmapscan = off
        set enable_indexonlyscan = on as $$
        declare c ctx.claims := ctx.narrowed('{schema}:read');
        begin
          if c.patient is null then
            select t.patient_id into c.patient from {table} t
             where t.organization_id = c.org and t.{column} = wanted limit 1;
            perform set_config('ctx.patient', coalesce(c.patient::text, ''), true);
          end if;
          return c.patient;
        end $$""")  # noqa: S608
    # It acts as the owner, who sees every row: only its own service may ask.
    op.execute(f"revoke all on function {schema}.narrow_to_{name}(uuid) from public")
    op.execute(f"grant execute on function {schema}.narrow_to_{name}(uuid) to svc_{schema}")
