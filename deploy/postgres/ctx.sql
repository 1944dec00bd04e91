-- Capabilities as the database verifies them (docs/adr/0003-capabilities-verified-in-the-database.md).
-- Applied after roles.sql; idempotent.
-- Grammar of a token: libs/contracts/capability.py.

set role owner_ctx;

-- The two pads of HMAC (RFC 2104) instead of the key: only the functions below can read them.
create table if not exists ctx.mac_key (
  key_id text primary key,
  ipad bytea not null check (length(ipad) = 64),
  opad bytea not null check (length(opad) = 64),
  installed_at timestamptz not null default now()
);
-- A revocation counts for capabilities of the organization it was made in, so nobody can end another's key.
create table if not exists ctx.revoked_key (
  api_key_id text not null,
  revoked_at timestamptz not null default now()
);
alter table ctx.revoked_key add column if not exists organization_id uuid;
alter table ctx.revoked_key drop constraint if exists revoked_key_pkey;
create unique index if not exists revoked_key_once on ctx.revoked_key (api_key_id, organization_id) nulls not distinct;

do $$ begin
  create type ctx.claims as (org uuid, patient uuid, session uuid, actor text, scopes text[], api_key_id text, expires_s bigint);
exception when duplicate_object then null; end $$;

create or replace function ctx.install_key(key_id text, key bytea) returns void
language plpgsql set search_path = pg_catalog as $$
declare
  padded bytea := case when length(key) > 64 then sha256(key) else key end;
  i bytea := ''; o bytea := '';
begin
  padded := padded || decode(repeat('00', 64 - length(padded)), 'hex');
  for n in 0..63 loop
    i := i || set_byte('\x00'::bytea, 0, get_byte(padded, n) # 54);
    o := o || set_byte('\x00'::bytea, 0, get_byte(padded, n) # 92);
  end loop;
  insert into ctx.mac_key (key_id, ipad, opad) values (install_key.key_id, i, o)
  on conflict on constraint mac_key_pkey do update set ipad = excluded.ipad, opad = excluded.opad;
end $$;

-- Null for anything that is not exactly a token in force: wrong grammar, MAC, time, or a revoked API key.
create or replace function ctx.verify(token text) returns ctx.claims
language plpgsql stable security definer set search_path = pg_catalog as $$
declare
  p text[]; k record; message text; c ctx.claims;
begin
  if token is null or length(token) > 2000 then return null; end if;
  p := string_to_array(token, '|');
  if cardinality(p) <> 11 or p[1] <> 'v1' or p[11] !~ '^[0-9a-f]{64}$' then return null; end if;
  select ipad, opad into k from ctx.mac_key where key_id = p[2];
  if not found then return null; end if;
  message := left(token, length(token) - 65);
  -- Hashing both sides once more makes the comparison's time say nothing.
  if sha256(sha256(k.opad || sha256(k.ipad || convert_to(message, 'UTF8')))) <> sha256(decode(p[11], 'hex')) then
    return null;
  end if;
  if p[3]::bigint <= extract(epoch from clock_timestamp()) then return null; end if;
  if p[9] <> '-' and exists (select from ctx.revoked_key r where r.api_key_id = p[9]
                              and coalesce(r.organization_id::text, p[4]) = p[4]) then return null; end if;
  c.org := p[4]::uuid;
  c.patient := nullif(p[5], '-')::uuid;
  c.session := nullif(p[6], '-')::uuid;
  c.actor := p[7];
  c.scopes := string_to_array(p[8], ',');
  c.api_key_id := nullif(p[9], '-');
  c.expires_s := p[3]::bigint;
  return c;
end $$;

-- Start of every transaction. A setting alone proves nothing: the policies verify it again.
-- The session is pooled: settings, cursors and channels of whoever had it before end here (their SQL may not have been
-- ours). Costs a few microseconds.
create or replace function ctx.enter(token text) returns void
language plpgsql set search_path = pg_catalog as $$
begin
  reset all;
  unlisten *;
  execute 'close all';
  if (ctx.verify(token)).org is null then
    raise exception 'capability refused' using errcode = 'TR401';
  end if;
  perform set_config('ctx.token', token, true);
end $$;

-- The claims in force if they hold this scope (`x:write` includes `x:read`), else null.
create or replace function ctx.scope(name text) returns ctx.claims
language plpgsql stable set search_path = pg_catalog as $$
declare c ctx.claims;
begin
  c := ctx.verify(current_setting('ctx.token', true));
  if c.org is null or not (name = any (c.scopes)
     or (name like '%:read' and replace(name, ':read', ':write') = any (c.scopes))) then
    return null;
  end if;
  return c;
end $$;

-- The same, narrowed to the patient that the transaction has said it is about (`ctx.patient`), if the capability names
-- none. A setting that anybody may set: it takes rows away and never adds one.
create or replace function ctx.narrowed(name text) returns ctx.claims
language plpgsql stable set search_path = pg_catalog as $$
declare c ctx.claims := ctx.scope(name);
begin
  if c.patient is null then
    c.patient := nullif(current_setting('ctx.patient', true), '')::uuid;
  end if;
  return c;
end $$;

create or replace function ctx.sign(message text, key_id text) returns text
language plpgsql stable security definer set search_path = pg_catalog as $$
declare k record;
begin
  select ipad, opad into strict k from ctx.mac_key m where m.key_id = sign.key_id;
  return message || '|' || encode(sha256(k.opad || sha256(k.ipad || convert_to(message, 'UTF8'))), 'hex');
end $$;

-- The capability an event carries: the current one, narrowed to the event's patient and session and to the scopes
-- that steps need. 30 days from the request; one that is carried already says so and keeps its expiry, so no chain
-- lives for ever.
create or replace function ctx.carry(payload jsonb) returns text
language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
  token text := current_setting('ctx.token', true);
  c ctx.claims := ctx.verify(token);
  patient uuid := (payload ->> 'patient_id')::uuid;
  session uuid := (payload ->> 'session_id')::uuid;
  now_s bigint := extract(epoch from clock_timestamp())::bigint;
  scopes text;
begin
  if c.org is null or c.org <> (payload ->> 'organization_id')::uuid
     or (c.patient is not null and patient is not null and c.patient <> patient)
     or (c.session is not null and session is not null and c.session <> session) then
    raise exception 'an event may not be wider than its capability' using errcode = 'TR401';
  end if;
  select concat_ws(',', 'carried', string_agg(distinct replace(scope, 'consent:write', 'consent:read'), ','))
    into scopes from unnest(c.scopes) scope where scope not like 'gateway:%' and scope <> 'carried';
  return ctx.sign(concat_ws('|', 'v1', split_part(token, '|', 2),
    case when 'carried' = any (c.scopes) then c.expires_s else now_s + 30 * 86400 end,
    c.org, coalesce(coalesce(c.patient, patient)::text, '-'), coalesce(coalesce(c.session, session)::text, '-'),
    c.actor, scopes, '-', gen_random_uuid()), split_part(token, '|', 2));
end $$;

create or replace function ctx.revoke_key(id text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare org uuid := (ctx.verify(current_setting('ctx.token', true))).org;
begin
  if org is null then
    raise exception 'a key is revoked by its own organization' using errcode = 'TR401';
  end if;
  insert into ctx.revoked_key (api_key_id, organization_id) values (revoke_key.id, org) on conflict do nothing;
end $$;

-- One transaction of the capability's organization at a time, for what has a name. PostgreSQL's own advisory locks are
-- taken from everybody (roles.sql), since with them anyone could hold another organization up.
create or replace function ctx.in_turn(what text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare org uuid := (ctx.verify(current_setting('ctx.token', true))).org;
begin
  if org is null then
    raise exception 'capability refused' using errcode = 'TR401';
  end if;
  perform pg_advisory_xact_lock(hashtextextended(org::text || ':' || what, 0));
end $$;

-- No service changes a schema. Grants forbid it, all but `drop owned`, which would take a service's own policies away.
create or replace function ctx.refuse_ddl() returns event_trigger
language plpgsql set search_path = pg_catalog as $$
begin
  if current_user like 'svc\_%' then
    raise exception 'a service changes no schema' using errcode = '42501';
  end if;
end $$;

revoke all on all functions in schema ctx from public;
grant execute on function
  ctx.enter(text), ctx.verify(text), ctx.scope(text), ctx.narrowed(text), ctx.in_turn(text) to
  svc_gateway, svc_consent, svc_ingestion, svc_transcriber, svc_embedder, svc_chat,
  owner_gateway, owner_consent, owner_ingestion, owner_transcriber, owner_embedder, owner_chat;
-- The operators' record takes entries under an operator's capability only.
grant execute on function ctx.verify(text) to owner_ops;
-- For the triggers that stamp events: a service never sees what its events carry.
grant execute on function ctx.carry(jsonb) to
  owner_gateway, owner_consent, owner_ingestion, owner_transcriber, owner_embedder, owner_chat;
revoke execute on function ctx.carry(jsonb) from
  svc_gateway, svc_consent, svc_ingestion, svc_transcriber, svc_embedder, svc_chat;
grant execute on function ctx.revoke_key(text) to svc_gateway, owner_gateway;
reset role;

drop event trigger if exists no_ddl_by_services;
create event trigger no_ddl_by_services on ddl_command_start execute function ctx.refuse_ddl();
