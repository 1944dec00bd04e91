"""Keys that expire and are replaced, a digest that moves to a new pepper, and a last use that locks no key."""

from alembic import op

from libs.tenancy.isolation import isolate

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("alter table gateway.api_key add column expires_at timestamptz, add column replaced_by text")
    op.execute("grant update (expires_at, replaced_by) on gateway.api_key to svc_gateway")
    _use()
    _before_anybody_is_known()


def _use() -> None:
    # Apart from the key: a gateway that is paused while it notes a use must not hold up the key's revocation.
    op.execute("""
        create table gateway.key_use (
          organization_id uuid not null,
          api_key_id text not null check (length(api_key_id) = 12),
          last_used_at timestamptz not null,
          primary key (organization_id, api_key_id)
        )""")
    isolate(op, "gateway.key_use", patient=False, writes="select")  # written by a function alone
    op.execute("create policy of_functions on gateway.key_use to owner_gateway using (true) with check (true)")


def _before_anybody_is_known() -> None:
    op.execute("""
        create function gateway.known_key(key_id text) returns table (
          id text, organization_id uuid, name text, mode text, scopes text[], last_four text, created_at timestamptz,
          last_used_at timestamptz, revoked_at timestamptz, expires_at timestamptz, replaced_by text,
          pepper_version int, digest bytea)
        language sql stable security definer set search_path = pg_catalog as $$
          select k.id, k.organization_id, k.name, k.mode, k.scopes, k.last_four, k.created_at,
            coalesce(u.last_used_at, k.last_used_at), k.revoked_at, k.expires_at, k.replaced_by,
            k.pepper_version, k.digest
          from gateway.api_key k left join gateway.key_use u
            on u.organization_id = k.organization_id and u.api_key_id = k.id
          where k.id = known_key.key_id
        $$""")
    # Whoever cannot have the lock at once leaves the note to the one who has it: nobody waits for a date.
    op.execute("""
        create function gateway.use_key(key_id text) returns void
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        begin
          if pg_try_advisory_xact_lock(hashtextextended('gateway.key_use ' || key_id, 0)) then
            insert into gateway.key_use (organization_id, api_key_id, last_used_at)
            select k.organization_id, k.id, clock_timestamp() from gateway.api_key k where k.id = use_key.key_id
            on conflict (organization_id, api_key_id) do update set last_used_at = excluded.last_used_at;
          end if;
        end $$""")
    # Only who knows the old digest may move it, only forward, and never for a key that has ended.
    op.execute("""
        create function gateway.repepper_key(key_id text, was bytea, becomes bytea, version int) returns void
        language sql volatile security definer set search_path = pg_catalog as $$
          update gateway.api_key k set digest = becomes, pepper_version = version
          where k.id = key_id and k.digest = was and k.pepper_version < version and k.revoked_at is null
        $$""")
    for name in ("known_key(text)", "use_key(text)", "repepper_key(text, bytea, bytea, int)"):
        op.execute(f"revoke all on function gateway.{name} from public")
        op.execute(f"grant execute on function gateway.{name} to svc_gateway")
