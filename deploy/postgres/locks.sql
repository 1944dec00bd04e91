-- No login may lock a table against others. Applied by a superuser after the migrations; idempotent.
-- PostgreSQL lets whoever may update or delete in a whole table lock it in any mode, without a capability and against
-- every organization. Columns may be granted without that, rows may not: a login updates columns, and deletes through
-- a view beside the table, `<table>_deletable`, whose trigger asks what the table's policy for deleting asks.
do $$
declare t record; condition text; keys text;
begin
  for t in
    select c.oid, n.nspname, c.relname, r.rolname, format('%I.%I', n.nspname, c.relname) as name,
           pg_get_userbyid(c.relowner) as owner,
           format('%I.%I', n.nspname, c.relname || '_deletable') as view,
           format('%I.%I', n.nspname, 'delete_' || c.relname) as deletes,
           has_table_privilege(r.oid, c.oid, 'update') as updates,
           has_table_privilege(r.oid, c.oid, 'delete') as deletes_rows,
           (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles r on r.rolname = 'svc_' || n.nspname
     where c.relkind in ('r', 'p') and not c.relispartition
       and has_table_privilege(r.oid, c.oid, 'update, delete')
  loop
    execute format('set local role %I', t.owner);
    execute format('revoke update, delete on %s from %I', t.name, t.rolname);
    if t.updates then
      execute format('grant update (%s) on %s to %I', t.columns, t.name, t.rolname);
    end if;
    if t.deletes_rows then
      select pg_get_expr(p.polqual, p.polrelid) into strict condition from pg_policy p
       where p.polrelid = t.oid and p.polcmd = 'd' and p.polpermissive;
      select string_agg(format('t.%1$I = old.%1$I', a.attname), ' and ') into strict keys
        from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
       where i.indrelid = t.oid and i.indisprimary;
      execute format('create or replace view %s with (security_invoker = true) as select * from %s', t.view, t.name);
      execute format($function$
        create or replace function %s() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $body$
        begin
          if exists (select from (select old.*) r where %s) then
            delete from %s t where %s;
            if found then return old; end if;
          end if;
          return null;
        end $body$ $function$, t.deletes, condition, t.name, keys);
      execute format('revoke all on function %s() from public', t.deletes);
      execute format('create or replace trigger deletes instead of delete on %s for each row execute function %s()',
                     t.view, t.deletes);
      execute format('grant select, delete on %s to %I', t.view, t.rolname);
      -- Row-level security is forced on owners too; nobody logs in as one.
      if not exists (select from pg_policy p where p.polrelid = t.oid and p.polcmd = '*'
                        and (select oid from pg_roles where rolname = t.owner) = any (p.polroles)) then
        execute format('create policy of_deletion on %s to %I using (true)', t.name, t.owner);
      end if;
    end if;
    reset role;
  end loop;
end $$;
