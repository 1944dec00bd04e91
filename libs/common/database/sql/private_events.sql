-- Closes a schema's bookkeeping of events to SQL of its own service. SCHEMA is replaced.
-- Notes and claims are reached by these functions only, which want the event's id: nobody can look for one to swallow
-- another tenant's event, and ids cannot be guessed.
revoke all on SCHEMA.inbox, SCHEMA.claim from svc_SCHEMA;

create function SCHEMA.inbox_applied(of_group text, ids uuid[], epochs int[]) returns table (event_id uuid, epoch int)
language plpgsql stable security definer set search_path = pg_catalog as $$
#variable_conflict use_column
begin
  return query select i.event_id, i.epoch from SCHEMA.inbox i
    where i.grp = of_group and (i.event_id, i.epoch) in (select * from unnest(ids, epochs));
end $$;

-- In one order everywhere, or two batches that overlap would wait for each other.
create function SCHEMA.inbox_enter(of_group text, ids uuid[], epochs int[]) returns table (event_id uuid, epoch int)
language plpgsql volatile security definer set search_path = pg_catalog as $$
#variable_conflict use_column
begin
  return query insert into SCHEMA.inbox as i (grp, event_id, epoch)
    select of_group, m.id, m.epoch from unnest(ids, epochs) as m (id, epoch) order by m.id, m.epoch
    on conflict do nothing returning i.event_id, i.epoch;
end $$;

create function SCHEMA.claim_holder(of_group text, id uuid, of_epoch int) returns text
language sql stable security definer set search_path = pg_catalog as $$
  select c.holder from SCHEMA.claim c where c.grp = of_group and c.event_id = id and c.epoch = of_epoch
$$;

-- How often the event's work was broken off; null while somebody else holds it. A claim is void once its time is over,
-- or `unrenewed` seconds before that if it is of `dead`.
create function SCHEMA.claim_take(
  of_group text, id uuid, of_epoch int, by_holder text, seconds float8, dead text, unrenewed float8) returns int
language sql volatile security definer set search_path = pg_catalog as $$
  insert into SCHEMA.claim as c (grp, event_id, epoch, holder, until)
  values (of_group, id, of_epoch, by_holder, clock_timestamp() + make_interval(secs => seconds))
  on conflict (grp, event_id, epoch) do update
    set holder = excluded.holder, until = excluded.until, interrupted = c.interrupted + 1
    where c.until < clock_timestamp()
       or (c.holder = dead and c.until < clock_timestamp() + make_interval(secs => unrenewed))
  returning c.interrupted
$$;

create function SCHEMA.claim_renew(of_group text, id uuid, of_epoch int, by_holder text, seconds float8) returns void
language sql volatile security definer set search_path = pg_catalog as $$
  update SCHEMA.claim c set until = clock_timestamp() + make_interval(secs => seconds)
  where c.grp = of_group and c.event_id = id and c.epoch = of_epoch and c.holder = by_holder
$$;

create function SCHEMA.claim_release(of_group text, id uuid, of_epoch int, by_holder text) returns void
language sql volatile security definer set search_path = pg_catalog as $$
  delete from SCHEMA.claim c
  where c.grp = of_group and c.event_id = id and c.epoch = of_epoch and c.holder = by_holder
$$;

-- The capability that an event carries is written here and never shown to the service: it lives longer than the one it
-- is made from, and outlives the API key.
create function SCHEMA.stamp_event() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
  new.headers := new.headers || jsonb_build_object('capability', ctx.carry(new.payload));
  return new;
end $$;
create trigger stamped before insert on SCHEMA.outbox
  for each row when (session_user like 'svc\_%') execute function SCHEMA.stamp_event();
alter table SCHEMA.outbox enable always trigger stamped;

revoke all on function
  SCHEMA.inbox_applied(text, uuid[], int[]), SCHEMA.inbox_enter(text, uuid[], int[]),
  SCHEMA.claim_holder(text, uuid, int), SCHEMA.claim_take(text, uuid, int, text, float8, text, float8),
  SCHEMA.claim_renew(text, uuid, int, text, float8), SCHEMA.claim_release(text, uuid, int, text),
  SCHEMA.stamp_event() from public;
grant execute on function
  SCHEMA.inbox_applied(text, uuid[], int[]), SCHEMA.inbox_enter(text, uuid[], int[]),
  SCHEMA.claim_holder(text, uuid, int), SCHEMA.claim_take(text, uuid, int, text, float8, text, float8),
  SCHEMA.claim_renew(text, uuid, int, text, float8), SCHEMA.claim_release(text, uuid, int, text) to svc_SCHEMA;
