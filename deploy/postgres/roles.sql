-- Who may touch what, as the database enforces it (docs/security/isolation.md, "The boundary in three sentences").
-- Applied by a superuser before the migrations; idempotent. Passwords are set apart, never in a file.

-- One owner (cannot log in) and one login role per service; the relay reads outboxes and nothing else.
do $$
declare s text;
begin
  foreach s in array array['gateway','consent','ingestion','transcriber','embedder','chat'] loop
    if not exists (select from pg_roles where rolname = 'owner_' || s) then
      execute format('create role %I nologin noinherit', 'owner_' || s);
    end if;
    if not exists (select from pg_roles where rolname = 'svc_' || s) then
      execute format('create role %I login noinherit nosuperuser nocreatedb nocreaterole nobypassrls', 'svc_' || s);
    end if;
    execute format('create schema if not exists %I authorization %I', s, 'owner_' || s);
    execute format('revoke all on schema %I from public', s);
    execute format('grant usage on schema %I to %I', s, 'svc_' || s);
    -- A role may change its own defaults and nobody can forbid it: each deployment sets them again.
    execute format('alter role %I reset all', 'svc_' || s);
    execute format('alter role %I set search_path = %I, public', 'svc_' || s, s);
    execute format('alter role %I set statement_timeout = ''30s''', 'svc_' || s);
    execute format('alter role %I set lock_timeout = ''5s''', 'svc_' || s);
    execute format('alter role %I set idle_in_transaction_session_timeout = ''30s''', 'svc_' || s);
  end loop;
  if not exists (select from pg_roles where rolname = 'svc_relay') then
    create role svc_relay login noinherit nosuperuser nocreatedb nocreaterole nobypassrls;
  end if;
  alter role svc_relay reset all;
  alter role svc_relay set statement_timeout = '30s';
  alter role svc_relay set idle_in_transaction_session_timeout = '30s';
  if not exists (select from pg_roles where rolname = 'owner_ctx') then
    create role owner_ctx nologin noinherit;
  end if;
  -- The operators' tools: facts and ids of every schema, never words (deploy/postgres/ops.sql, after the migrations).
  if not exists (select from pg_roles where rolname = 'owner_ops') then
    create role owner_ops nologin noinherit;
  end if;
  if not exists (select from pg_roles where rolname = 'svc_ops') then
    create role svc_ops login noinherit nosuperuser nocreatedb nocreaterole nobypassrls;
  end if;
  alter role svc_ops reset all;
  alter role svc_ops set search_path = ops;
  alter role svc_ops set statement_timeout = '60s';
  alter role svc_ops set lock_timeout = '5s';
  alter role svc_ops set idle_in_transaction_session_timeout = '30s';
  execute format('revoke temporary, create on database %I from public', current_database());
end $$;

revoke create on schema public from public;
create extension if not exists vector schema public;
create schema if not exists ctx authorization owner_ctx;
revoke all on schema ctx from public;
create schema if not exists ops authorization owner_ops;
revoke all on schema ops from public;
grant usage on schema ctx to
  svc_gateway, svc_consent, svc_ingestion, svc_transcriber, svc_embedder, svc_chat, svc_relay, owner_ops,
  owner_gateway, owner_consent, owner_ingestion, owner_transcriber, owner_embedder, owner_chat;

-- consent.hold and consent.in_force are called by the triggers and policies of others.
grant usage on schema consent to svc_ingestion, svc_transcriber, svc_embedder, svc_chat;

-- What PostgreSQL lets everybody do in every database, and arbitrary SQL would use (proofs/isolation/attacks.py): large objects,
-- locks and notifications that others wait for, ending others' sessions, and seeing their statements.
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace
    and (p.proname ~ '^(lo_|pg_advisory_|pg_try_advisory_|pg_stat_get_)'
         or p.proname in ('loread', 'lowrite', 'pg_notify', 'pg_lock_status', 'pg_terminate_backend',
                          'pg_cancel_backend', 'pg_export_snapshot'))
    and has_function_privilege('public', p.oid, 'execute')
  loop
    execute format('revoke execute on function %s from public', f);
    if (select proname ~ '^(pg_stat_get_|pg_lock_status)' from pg_proc where oid = f) then
      execute format('grant execute on function %s to pg_monitor', f);
    end if;
  end loop;
end $$;
-- Nobody logs in as an owner: their functions (ctx.in_turn, gateway.use_key) decide what may be locked.
grant execute on function
  pg_advisory_xact_lock(bigint), pg_advisory_xact_lock_shared(bigint), pg_try_advisory_xact_lock(bigint) to
  owner_ctx, owner_gateway, owner_consent, owner_ingestion, owner_transcriber, owner_embedder, owner_chat;
