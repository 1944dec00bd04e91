"""Who made, replaced or ended a key, a user or a patient's token: the database writes it, the gateway cannot."""

from alembic import op

from libs.tenancy.audit import audited_by_database

revision = "0007"
down_revision = "0006"

_ENDED = "old.revoked_at is null and new.revoked_at is not null"
# What is noted, of which table, by which column it is known, and upon what.
_NOTED = (
    ("key.created", "api_key", "id", "insert", "true"),
    ("key.replaced", "api_key", "id", "update", "new.replaced_by is distinct from old.replaced_by"),
    ("key.revoked", "api_key", "id", "update", _ENDED),
    ("user.created", "users", "id", "insert", "true"),
    ("token.created", "patient_token", "jti", "insert", "true"),
    ("token.revoked", "patient_token", "jti", "update", _ENDED),
)


def upgrade() -> None:
    """Create the record, and what writes it."""
    op.execute("""
        create table gateway.access_audit (
          organization_id uuid not null,
          id uuid not null default gen_random_uuid(),
          kind text not null,
          subject text not null,
          patient_id uuid,
          actor text not null,
          api_key_id text,
          at timestamptz not null default clock_timestamp(),
          primary key (organization_id, id)
        )""")
    op.execute("create index access_audit_by_time on gateway.access_audit (organization_id, at, id)")
    op.execute("create index access_audit_of_patient on gateway.access_audit (organization_id, patient_id, at, id)")
    audited_by_database(op, "gateway.access_audit")
    op.execute("create policy of_functions on gateway.access_audit for insert to owner_gateway with check (true)")
    # Without a capability it was somebody at the database itself: that is said too.
    op.execute("""
        create function gateway.note_access() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        declare
          made jsonb := to_jsonb(new);
          c ctx.claims;
        begin
          if session_user like 'svc\\_%' then c := ctx.verify(current_setting('ctx.token', true)); end if;
          insert into gateway.access_audit (organization_id, kind, subject, patient_id, actor, api_key_id)
          values (new.organization_id, tg_argv[0], made ->> tg_argv[1],
            case made ->> 'role' when 'patient' then made ->> 'id' else made ->> 'patient_id' end::uuid,
            coalesce(c.actor, 'database:' || session_user), c.api_key_id);
          return null;
        end $$""")
    op.execute("revoke all on function gateway.note_access() from public")
    for kind, table, column, upon, when in _NOTED:
        name = f"note_{kind.replace('.', '_')}"
        op.execute(
            f"create trigger {name} after {upon} on gateway.{table} for each row when ({when})"
            f" execute function gateway.note_access('{kind}', '{column}')"
        )
        op.execute(f"alter table gateway.{table} enable always trigger {name}")
