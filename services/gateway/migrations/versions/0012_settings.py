"""Organizations say what the chat may do and who releases sessions; ingestion's guards ask here who does."""

from alembic import op

revision = "0012"
down_revision = "0011"

_LOCK = "hashtextextended('gateway.release' || {organization}::text, 0)"


def upgrade() -> None:
    """Add the two settings, as they were before there were any, and the question who releases."""
    op.execute("""
        alter table gateway.organization
          add column chat_mode text not null default 'recall' check (chat_mode in ('recall', 'quotes', 'off')),
          add column release text not null default 'auto' check (release in ('auto', 'therapist'))""")
    op.execute("grant update (time_zone, chat_mode, release) on gateway.organization to svc_gateway")
    _noted()
    _change_waits()
    _asked()


def _noted() -> None:
    op.execute("""
        create trigger note_organization_changed after update on gateway.organization for each row
        when ((old.time_zone, old.chat_mode, old.release) is distinct from (new.time_zone, new.chat_mode, new.release))
        execute function gateway.note_access('organization.changed', 'organization_id')""")
    op.execute("alter table gateway.organization enable always trigger note_organization_changed")


def _change_waits() -> None:
    # Sessions that are just becoming ready are waited for, so that those after the change are under the new policy.
    # Not by a lock of the row: ending a key takes that one, and must wait for nobody (services/gateway/store.py).
    op.execute(f"""
        create function gateway.change_release() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        begin
          perform pg_advisory_xact_lock({_LOCK.format(organization="new.organization_id")});
          return new;
        end $$""")
    op.execute("revoke all on function gateway.change_release() from public")
    op.execute("""
        create trigger change_release before update on gateway.organization for each row
        when (new.release is distinct from old.release) execute function gateway.change_release()""")


def _asked() -> None:
    # Of the capability's organization alone; whoever is none that is known, or has no capability, releases nothing.
    op.execute("""
        create policy of_functions on gateway.organization for select to owner_gateway
        using (organization_id = (select (ctx.verify(current_setting('ctx.token', true))).org))""")
    op.execute(f"""
        create function gateway.release_policy() returns text
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare
          c ctx.claims := ctx.verify(current_setting('ctx.token', true));
          policy text;
        begin
          if c.org is not null then
            perform pg_advisory_xact_lock_shared({_LOCK.format(organization="c.org")});
            select o.release into policy from gateway.organization o where o.organization_id = c.org;
          end if;
          return coalesce(policy, 'therapist');
        end $$""")
    op.execute("revoke all on function gateway.release_policy() from public")
    op.execute("grant usage on schema gateway to owner_ingestion")
    op.execute("grant execute on function gateway.release_policy() to owner_ingestion")
