-- What the operators' tools may see and write (docs/operations/operators.md). Applied after the migrations; idempotent.
-- svc_ops reads every archive (outbox) and every note of what was applied (inbox): they hold ids and facts, never words.
-- Whatever else it needs to know it asks one of the functions below, which answer with ids, a status or a number.

grant usage on schema ops to svc_ops, svc_gateway;

do $$
declare s text;
begin
  foreach s in array array['gateway','consent','ingestion','transcriber','embedder','chat'] loop
    execute format('set role %I', 'owner_' || s);
    execute format('grant usage on schema %I to svc_ops', s);
    execute format('grant select on %I.outbox, %I.inbox to svc_ops', s, s);
  end loop;
  reset role;
end $$;

-- The functions' owner cannot log in, and sees these columns only: no words, no names, no reasons.
set role owner_ingestion;
grant usage on schema ingestion to owner_ops;
grant select (organization_id, patient_id, therapist_id, session_id, status, updated_at)
  on ingestion.session to owner_ops;
drop policy if exists of_operators on ingestion.session;
create policy of_operators on ingestion.session for select to owner_ops using (true);
reset role;
set role owner_consent;
grant usage on schema consent to owner_ops;
grant select (organization_id, patient_id, therapist_id, consent_type, status) on consent.current to owner_ops;
drop policy if exists of_operators on consent.current;
create policy of_operators on consent.current for select to owner_ops using (true);
reset role;
-- Which model an organization's vectors are of, how many there are, and the change to another: ids, dates, numbers.
set role owner_embedder;
grant execute on function
  embedder.rebuild_models(), embedder.rebuild_state(text), embedder.rebuild_sessions(text, uuid, uuid, int),
  embedder.rebuild_begin(text), embedder.rebuild_switch(uuid, text) to svc_ops;
reset role;

set role owner_ops;

-- Who did what: a row before anything is changed (begun) and one after it (done, failed); denied ones stand alone.
create table if not exists ops.action (
  id bigint generated always as identity primary key,
  action_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  state text not null check (state in ('begun', 'done', 'failed', 'denied')),
  who text not null check (length(who) between 1 and 200),
  what text not null check (length(what) between 1 and 100),
  arguments jsonb not null,
  counts jsonb not null
);
create index if not exists action_by_time on ops.action (at);
grant select, insert on ops.action to svc_ops;

create or replace function ops.refuse_change() returns trigger
language plpgsql set search_path = pg_catalog as $$
begin
  raise exception 'the record of operators'' actions is append-only' using errcode = 'TR405';
end $$;
do $$ begin
  create trigger append_only before update or delete or truncate on ops.action
    for each statement execute function ops.refuse_change();
  -- ALWAYS: also when somebody plays replica.
  alter table ops.action enable always trigger append_only;
exception when duplicate_object then null; end $$;

-- For a service whose operators' API is used: under an operator's capability, and about its organization, it may add
-- to the record, and not read it.
create or replace function ops.note(action_id uuid, state text, who text, what text, arguments jsonb) returns void
language plpgsql volatile security definer set search_path = pg_catalog as $$
declare c ctx.claims := ctx.verify(current_setting('ctx.token', true));
begin
  if c.org is null or c.api_key_id is distinct from 'operator'
     or c.org::text is distinct from note.arguments ->> 'organization_id' then
    raise exception 'capability refused' using errcode = 'TR401';
  end if;
  insert into ops.action (action_id, state, who, what, arguments, counts)
  values (note.action_id, note.state, note.who, note.what, note.arguments, '{}');
end $$;

-- Where sessions are, and which purposes their patients still allow their therapists. An erased one has no row.
create or replace function ops.sessions(ids uuid[])
returns table (session_id uuid, organization_id uuid, patient_id uuid, status text, updated_at timestamptz, purposes text[])
language sql stable security definer set search_path = pg_catalog as $$
  select s.session_id, s.organization_id, s.patient_id, s.status, s.updated_at,
         array(select c.consent_type from consent.current c
                where c.organization_id = s.organization_id and c.patient_id = s.patient_id
                  and c.therapist_id = s.therapist_id and c.status = 'granted' order by 1)
    from ingestion.session s where s.session_id = any (sessions.ids)
$$;

revoke all on function ops.refuse_change(), ops.sessions(uuid[]), ops.note(uuid, text, text, text, jsonb) from public;
grant execute on function ops.sessions(uuid[]) to svc_ops;
grant execute on function ops.note(uuid, text, text, text, jsonb) to svc_gateway;
reset role;

-- The age in seconds of the oldest transaction that has written: no fact newer than it can be published. A number, and
-- nothing of whose transaction it is; owned by whoever provisions, who may look at other roles' sessions.
create or replace function ops.oldest_write_s() returns double precision
language sql volatile security definer set search_path = pg_catalog as $$
  select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::double precision
    from pg_stat_activity where backend_xid is not null and datname = current_database()
$$;
revoke all on function ops.oldest_write_s() from public;
grant execute on function ops.oldest_write_s() to svc_ops, svc_relay;
grant usage on schema ops to svc_relay;
