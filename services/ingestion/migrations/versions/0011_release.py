"""A session is part of the chat once it is released: when it is ready, or when somebody says so."""

from alembic import op

from libs.tenancy.audit import audit_by_patient, audited_by_database

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add who releases a session and when it was released; what is ready is in the chat already and stays there."""
    # `release` is by whom, as it stood at the upload; `released_at` is null while it is out of the chat.
    op.execute("""
        alter table ingestion.session
          add column release text not null default 'auto' check (release in ('auto', 'therapist')),
          add column released_at timestamptz""")
    op.execute("update ingestion.session set released_at = updated_at where status = 'ready'")
    op.execute("""
        alter table ingestion.session add constraint released_is_ready
        check (released_at is null or status = 'ready')""")
    op.execute("grant update (release, released_at) on ingestion.session to svc_ingestion")
    _stamped()
    _noted()
    _asked()


def _stamped() -> None:
    # By the database and not by the service: whatever makes a session ready, this decides whether it is released.
    # The stricter of two policies counts, that at the upload and that of now: who uploads to be asked first is asked,
    # and a change to `therapist` holds for what is being processed. It acts as the owner, who alone may ask for them.
    op.execute("""
        create function ingestion.stamp_release() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        begin
          if tg_op = 'INSERT' then
            new.release := gateway.release_policy();
          end if;
          new.released_at := null;
          if new.status = 'ready' and new.release = 'auto' and gateway.release_policy() = 'auto' then
            new.released_at := clock_timestamp();
          end if;
          return new;
        end $$""")
    op.execute("revoke all on function ingestion.stamp_release() from public")
    for upon, when in (("insert", "true"), ("update", "new.status is distinct from old.status")):
        op.execute(
            f"create trigger stamp_release_on_{upon} before {upon} on ingestion.session for each row when ({when})"
            " execute function ingestion.stamp_release()"
        )


def _noted() -> None:
    # What a person did. That a session became ready and was released by that is in its stage times.
    op.execute("""
        create table ingestion.release_audit (
          organization_id uuid not null,
          patient_id uuid not null,
          session_id uuid not null,
          id uuid not null default gen_random_uuid(),
          released boolean not null,
          actor text not null,
          api_key_id text,
          at timestamptz not null default clock_timestamp(),
          primary key (organization_id, id)
        )""")
    op.execute("create index release_audit_by_time on ingestion.release_audit (organization_id, at, id)")
    op.execute("create index release_audit_of_patient on ingestion.release_audit (organization_id, patient_id, at, id)")
    audited_by_database(op, "ingestion.release_audit")
    audit_by_patient(op, "ingestion.release_audit")
    op.execute("create policy of_functions on ingestion.release_audit for insert to owner_ingestion with check (true)")
    op.execute("""
        create function ingestion.note_release() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        declare c ctx.claims;
        begin
          if session_user like 'svc\\_%' then c := ctx.verify(current_setting('ctx.token', true)); end if;
          insert into ingestion.release_audit (organization_id, patient_id, session_id, released, actor, api_key_id)
          values (new.organization_id, new.patient_id, new.session_id, new.released_at is not null,
            coalesce(c.actor, 'database:' || session_user), c.api_key_id);
          return null;
        end $$""")
    op.execute("revoke all on function ingestion.note_release() from public")
    op.execute("""
        create trigger note_release after update on ingestion.session for each row
        when (new.status = old.status
              and ((new.released_at is null) <> (old.released_at is null) or new.release <> old.release))
        execute function ingestion.note_release()""")
    op.execute("alter table ingestion.session enable always trigger note_release")


def _asked() -> None:
    # The chat's guards ask. A session that is not there is held back by nobody: what was erased has a tombstone there.
    op.execute("""
        create function ingestion.is_held_back(patient uuid, session uuid) returns boolean
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare
          c ctx.claims := ctx.verify(current_setting('ctx.token', true));
          held boolean;
        begin
          if c.org is null or coalesce(c.patient <> is_held_back.patient, false) then
            raise exception 'capability refused' using errcode = 'TR401';
          end if;
          -- Whoever takes the session back waits for the answer that is being stored, and the next one sees it.
          select s.released_at is null into held from ingestion.session s
           where s.organization_id = c.org and s.patient_id = is_held_back.patient
             and s.session_id = is_held_back.session for share;
          return coalesce(held, false);
        end $$""")
    op.execute("""
        create function ingestion.held_back(patient uuid) returns setof uuid
        language sql stable security definer set search_path = pg_catalog as $$
          select s.session_id from ingestion.session s
           where s.organization_id = (select (ctx.verify(current_setting('ctx.token', true))).org)
             and coalesce((select (ctx.verify(current_setting('ctx.token', true))).patient) = held_back.patient, true)
             and s.patient_id = held_back.patient and s.released_at is null
        $$""")
    op.execute("grant usage on schema ingestion to owner_chat")
    for function in ("is_held_back(uuid, uuid)", "held_back(uuid)"):
        op.execute(f"revoke all on function ingestion.{function} from public")
        op.execute(f"grant execute on function ingestion.{function} to owner_chat")
