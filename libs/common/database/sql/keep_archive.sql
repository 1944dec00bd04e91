-- Makes the outbox's partitions of this week and the next two; drops those past the retention whose rows are published
-- (before the transaction `moved`); forgets inbox rows 30 days after their archive. SCHEMA is replaced.
-- Runs as the owner for the relay, which may do nothing else to a table.
create function SCHEMA.keep_archive(retention_days int, moved text, out made int, out dropped int)
language plpgsql security definer
set search_path = pg_catalog set timezone = 'UTC' set lock_timeout = '2s' as $$
declare
  week timestamptz; name text; part record; oldest timestamptz; unpublished boolean;
begin
  if retention_days < 1 then raise exception 'an archive is kept for a day at least'; end if;
  made := 0; dropped := 0;
  for n in 0..2 loop
    week := date_trunc('week', now()) + n * interval '7 days';
    name := format('outbox_%s', to_char(week, 'IYYY"w"IW'));
    -- Rows that fell into the rest partition stay there: moving them would lock writers out.
    if to_regclass(format('SCHEMA.%I', name)) is null
       and not exists (select from SCHEMA.outbox_rest r where r.at >= week and r.at < week + interval '7 days') then
      execute format('create table SCHEMA.%I partition of SCHEMA.outbox for values from (%L) to (%L)',
        name, week, week + interval '7 days');
      made := made + 1;
    end if;
  end loop;
  oldest := now() - retention_days * interval '1 day';
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'SCHEMA.outbox'::regclass and c.relname ~ '^outbox_\d{4}w\d{2}$'
      and to_timestamp(substr(c.relname, 8), 'IYYY"w"IW') + interval '7 days' <= oldest
  loop
    execute format('select exists (select from SCHEMA.%I where xid >= %L::xid8)', part.relname, moved) into unpublished;
    if not unpublished then
      execute format('drop table SCHEMA.%I', part.relname);
      dropped := dropped + 1;
    end if;
  end loop;
  delete from SCHEMA.outbox_rest r where r.at < oldest and r.xid < moved::xid8;
  -- Left by whoever died between the record and the release.
  delete from SCHEMA.claim c where c.until < now() - interval '1 day';
  delete from SCHEMA.inbox i where i.at < oldest - interval '30 days';
end $$;
revoke all on function SCHEMA.keep_archive(int, text) from public;
grant execute on function SCHEMA.keep_archive(int, text) to svc_relay;
