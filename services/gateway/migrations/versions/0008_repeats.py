"""Of an answer is kept which object it was about, not what it said; consent that ends and erasures take it away."""

from alembic import op

from libs.tenancy.erased_subjects import counted, define

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Forget all answers that hold words or secrets, and keep references from now on."""
    op.execute("delete from gateway.replay")
    # `answer` stays until no gateway of before runs: it tells those that a request is done. It is empty from now on.
    # `key_sha256` and `body_sha256` hold HMACs under the caller's own credential, which nobody else has.
    op.execute("""
        alter table gateway.replay
          add column status smallint,
          add column object_id text check (length(object_id) between 1 and 64),
          add column patient_id uuid,
          add column tells_words boolean not null default false,
          add column sealed bytea,
          add column kept_at timestamptz""")
    op.execute("create index replay_sealed on gateway.replay (organization_id, kept_at) where sealed is not null")
    _consent_ends()
    _erasure()


def _consent_ends() -> None:
    # Under the capability of a revocation, which has nothing of the gateway's own. Whose a transcript is is not known
    # here: consent to the words themselves takes every reference of the organization to one.
    op.execute("""
        create function gateway.forget_words(of_patient uuid, transcripts boolean) returns bigint
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('consent:read'); n bigint;
        begin
          if c.org is null or coalesce(c.patient <> of_patient, false) then
            raise exception 'capability refused' using errcode = 'TR401';
          end if;
          delete from gateway.replay r where r.organization_id = c.org and r.tells_words
             and (r.patient_id = of_patient or (r.patient_id is null and transcripts));
          get diagnostics n = row_count;
          return n;
        end $$""")
    op.execute("revoke all on function gateway.forget_words(uuid, boolean) from public")
    op.execute("grant execute on function gateway.forget_words(uuid, boolean) to svc_gateway")


def _erasure() -> None:
    op.execute("drop function gateway.erase(uuid, uuid, uuid)")
    # Where the patient is not known (a session's words), every reference to words of the organization goes.
    define(
        op,
        "gateway",
        f"""
          delete from gateway.replay where organization_id = org and answer is not null
             and (length(answer) > 0 or patient_id = of_patient or (patient_id is null and tells_words));
          {counted("replay")}
          if of_session is null then
            delete from gateway.patient_token where organization_id = org and patient_id = of_patient;
            {counted("patient_token")}
            delete from gateway.users where organization_id = org and id = of_patient and role = 'patient';
            {counted("users")}
          end if;
        """,
    )
