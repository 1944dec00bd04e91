"""Organizations, users, API keys, patient tokens and answers kept for replay (docs/security/keys-and-limits.md)."""

from alembic import op

from libs.common.database.migration import event_tables
from libs.tenancy.isolation import isolate

revision = "0001"
down_revision = None


def upgrade() -> None:
    _organizations_and_users()
    _keys()
    _idempotency()
    _before_anybody_is_known()
    event_tables(op, "gateway")


def _organizations_and_users() -> None:
    op.execute("""
        create table gateway.organization (
          organization_id uuid primary key,
          name text not null check (length(name) between 1 and 200),
          created_at timestamptz not null default clock_timestamp()
        )""")
    isolate(op, "gateway.organization", patient=False, writes="insert, update")
    op.execute("""
        create table gateway.users (
          id uuid primary key,
          organization_id uuid not null references gateway.organization (organization_id),
          role text not null check (role in ('therapist', 'patient', 'admin')),
          email text not null,
          external_id text,
          created_at timestamptz not null default clock_timestamp(),
          unique (organization_id, id)
        )""")
    op.execute("create unique index email_once on gateway.users (organization_id, lower(email))")
    op.execute("create unique index external_id_once on gateway.users (organization_id, role, external_id)")
    op.execute("create index users_by_time on gateway.users (organization_id, created_at, id)")
    isolate(op, "gateway.users", patient=False)


def _keys() -> None:
    op.execute("""
        create table gateway.api_key (
          id text primary key check (length(id) = 12),
          organization_id uuid not null references gateway.organization (organization_id),
          name text not null check (length(name) between 1 and 200),
          mode text not null check (mode in ('live', 'test')),
          scopes text[] not null,
          pepper_version int not null,
          digest bytea not null check (length(digest) = 32),
          last_four text not null,
          created_at timestamptz not null default clock_timestamp(),
          last_used_at timestamptz,
          revoked_at timestamptz,
          unique (organization_id, id)
        )""")
    isolate(op, "gateway.api_key", patient=False, writes="insert, update (revoked_at)")
    op.execute("""
        create table gateway.patient_token (
          jti uuid primary key,
          organization_id uuid not null,
          patient_id uuid not null,
          api_key_id text not null,
          expires_at timestamptz not null,
          revoked_at timestamptz,
          foreign key (organization_id, patient_id) references gateway.users (organization_id, id),
          foreign key (organization_id, api_key_id) references gateway.api_key (organization_id, id)
        )""")
    isolate(op, "gateway.patient_token", writes="insert, update (revoked_at)")


def _idempotency() -> None:
    # The answer is sealed under a key made from the caller's Idempotency-Key, which is not stored.
    op.execute("""
        create table gateway.replay (
          organization_id uuid not null references gateway.organization (organization_id),
          key_sha256 bytea not null check (length(key_sha256) = 32),
          route text not null,
          body_sha256 bytea not null check (length(body_sha256) = 32),
          owner uuid not null,
          started_at timestamptz not null,
          answer bytea,
          primary key (organization_id, key_sha256, route)
        )""")
    op.execute("create index replay_by_age on gateway.replay (organization_id, started_at)")
    isolate(op, "gateway.replay", patient=False, writes="insert, update, delete")


def _before_anybody_is_known() -> None:
    # A key is looked up to find out whose it is, so no capability can exist yet: these two functions are the door.
    op.execute("create policy of_functions on gateway.api_key for select to owner_gateway using (true)")
    op.execute("create policy of_functions_used on gateway.api_key for update to owner_gateway using (true)")
    op.execute("""
        create function gateway.find_key(key_id text) returns setof gateway.api_key
        language sql stable security definer set search_path = pg_catalog as $$
          select * from gateway.api_key where id = find_key.key_id
        $$""")
    op.execute("""
        create function gateway.touch_key(key_id text) returns void
        language sql volatile security definer set search_path = pg_catalog as $$
          update gateway.api_key set last_used_at = clock_timestamp() where id = touch_key.key_id
        $$""")
    for name in ("find_key(text)", "touch_key(text)"):
        op.execute(f"revoke all on function gateway.{name} from public")
        op.execute(f"grant execute on function gateway.{name} to svc_gateway")
