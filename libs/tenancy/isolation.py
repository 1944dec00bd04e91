"""Row-level security for a table, from its first day: who sees and changes its rows, by the capability in force."""

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


def predicate(scope: str, patient: bool, session: bool) -> str:
    """Return a policy's condition: the capability has the scope and is of the row's organization, patient, session."""
    # Scalar sub-selects: each is verified once per statement and the index on the column still serves.
    parts = [f"organization_id = (select (ctx.scope('{scope}')).org)"]
    for column, claim, wanted in (("patient_id", "patient", patient), ("session_id", "session", session)):
        if wanted:
            value = f"(select (ctx.scope('{scope}')).{claim})"
            parts.append(f"({value} is null or {column} = {value})")
    return " and ".join(parts)
