-- No comparison may run before a policy has spoken. Applied by a superuser after roles.sql; idempotent.
-- PostgreSQL lets a condition that it calls leakproof (=, <, starts_with, ...) run before row-level security, or in an
-- index below it, and EXPLAIN (ANALYZE) then tells whether a row of any organization meets it: a binary search reads
-- words that no policy shows (docs/adr/0011). Nothing is leakproof here, so every condition of ours waits.
-- This belongs to the database's catalogue and is in no dump: a restored or upgraded database is provisioned again.
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p where p.proleakproof loop
    execute format('alter function %s not leakproof', f);
  end loop;
exception when insufficient_privilege then
  raise warning 'comparisons stay leakproof: only a superuser may change them';
end $$;

-- How many comparisons can overtake a policy: 0, or the database must not be called isolated.
create or replace function ctx.leakproof_functions() returns bigint
language sql stable set search_path = pg_catalog as $$
  select count(*) from pg_proc where proleakproof
$$;
revoke all on function ctx.leakproof_functions() from public;
