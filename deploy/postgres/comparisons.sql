-- No comparison may run before a policy has spoken. Applied by a superuser after roles.sql; idempotent.
-- PostgreSQL lets a condition that it calls leakproof (=, <, starts_with, ...) run before row-level security, or in an
-- index below it, and EXPLAIN (ANALYZE) then tells whether a row of any organization meets it: a binary search reads
-- words that no policy shows (docs/adr/0014-no-comparison-before-a-policy.md).
-- None stays, not even whether two ids are equal: policies look rows up themselves (libs/tenancy/isolation.py).
-- This belongs to the database's catalogue and is in no dump: a restored or upgraded database is provisioned again.
set role owner_ctx;
create or replace function ctx.leakproof_functions() returns setof regprocedure
language sql stable set search_path = pg_catalog as $$
  select p.oid::regprocedure from pg_proc p where p.proleakproof
$$;
revoke all on function ctx.leakproof_functions() from public;
reset role;

do $$
declare f regprocedure;
begin
  for f in select * from ctx.leakproof_functions() loop
    execute format('alter function %s not leakproof', f);
  end loop;
exception when insufficient_privilege then
  raise warning 'comparisons stay leakproof: only a superuser may change them';
end $$;
