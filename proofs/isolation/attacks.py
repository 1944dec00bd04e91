"""What somebody with SQL injection in a service would try, as statements; `{...}` is filled in from the victim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """One statement of one kind."""

    kind: str
    statement: str


_CONTEXT = (
    "select set_config('ctx.token', '{forged}', false)",
    "select set_config('ctx.token', 'v1|{org}', true)",
    "set ctx.org = '{org}'",
    "set app.tenant = '{org}'",
    "set row_security = off",
    "select ctx.enter('{forged}')",
    "select (ctx.verify('{forged}')).*",
    'select ctx.carry(\'{{"organization_id": "{org}"}}\')',
    'select ctx.carry(\'{{"organization_id": "{org}", "patient_id": "{patient}"}}\')',
    "select ctx.sign('v1|devstack|9999999999|{org}|-|-|x|chat:write|-|x', 'devstack')",
    "select ctx.install_key('devstack', '\\x00')",
    "select * from ctx.mac_key",
    "select * from ctx.revoked_key",
    "insert into ctx.mac_key values ('x', '\\x00', '\\x00')",
    "delete from ctx.revoked_key",
    "select ctx.revoke_key('{api_key}')",
    "select ctx.in_turn('{org}')",
    "create or replace function ctx.verify(token text) returns ctx.claims language sql as 'select null::ctx.claims'",
    "alter function ctx.verify(text) owner to {role}",
)
_IDENTITY = (
    "set role owner_{schema}",
    "set role owner_ctx",
    "set role postgres",
    "set role svc_relay",
    "set session authorization postgres",
    "set local role pg_read_all_data",
    "grant owner_{schema} to {role}",
    "grant pg_read_all_data to {role}",
    "grant select on all tables in schema {schema} to public",
    "alter role {role} superuser",
    "alter role {role} bypassrls",
    "alter role {other} password 'x'",
    "alter role {other} set search_path = 'x'",
    "alter role postgres set search_path = 'x'",
    "create role evil login superuser",
    "drop owned by {role}",
    "reassign owned by owner_{schema} to {role}",
    "alter default privileges for role owner_{schema} grant select on tables to {role}",
    "select rolname, rolpassword from pg_authid",
    "select * from pg_shadow",
)
_OBJECTS = (
    "create table {schema}.evil (x text)",
    "create table public.evil (x text)",
    "create temporary table evil (x text)",
    "create temporary view evil as select 1",
    "create schema evil",
    "create function {schema}.evil() returns void language sql as 'select 1'",
    "create function pg_temp.evil() returns void language sql security definer as 'select 1'",
    "create extension dblink",
    "create extension file_fdw",
    "create extension plpython3u",
    "create event trigger evil on ddl_command_start execute function consent.refuse_change()",
    "create publication evil for all tables",
    "create subscription evil connection 'host=127.0.0.1' publication x",
    "create database evil",
    "create language evil",
    "create cast (text as int) with inout",
    "create operator public.=== (leftarg = uuid, rightarg = uuid, function = uuid_eq)",
    "drop schema {schema} cascade",
    "drop function ctx.verify(text) cascade",
    "comment on schema {schema} is 'evil'",
    "do $$ begin execute 'create table public.evil (x text)'; end $$",
    "security label on schema {schema} is 'evil'",
    "import foreign schema public from server x into public",
)
_FILES = (
    "copy (select 1) to '/tmp/evil'",
    "copy (select 1) to program 'id'",
    "select pg_read_file('/etc/passwd')",
    "select pg_read_binary_file('postgresql.conf')",
    "select * from pg_ls_dir('.')",
    "select pg_stat_file('postgresql.conf')",
    "select lo_import('/etc/passwd')",
    "select lo_export(1, '/tmp/evil')",
    "select lo_create(0)",
    "select lo_creat(-1)",
    "select lo_from_bytea(0, '\\x41')",
    "select dblink('dbname=postgres', 'select 1')",
    "select * from pg_hba_file_rules",
    "select * from pg_file_settings",
    "select query_to_xml('select * from ctx.mac_key', true, true, '')",
    "select database_to_xml(true, true, '')",
    "select schema_to_xml('{schema}', true, true, '')",
    "load 'evil'",
    "select pg_current_logfile()",
    "alter system set log_statement = 'all'",
    "select pg_reload_conf()",
    "select pg_rotate_logfile()",
    "checkpoint",
)
_OTHERS = (
    "select query, usename from pg_stat_activity where pid <> pg_backend_pid() and query <> ''",
    "select pg_stat_get_backend_activity(b) from pg_stat_get_backend_idset() b",
    "select (pg_stat_get_activity(null)).query",
    "select * from pg_stat_user_tables where n_live_tup > 0",
    "select * from pg_stats where schemaname = '{schema}'",
    "select * from pg_statistic limit 1",
    "select most_common_vals from pg_stats",
    "select * from pg_locks where locktype = 'advisory'",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}' and pid <> pg_backend_pid()",
    "select pg_terminate_backend({pid})",
    "select pg_cancel_backend({pid})",
    "select pg_advisory_lock(1)",
    "select pg_advisory_xact_lock(hashtext('{org}'))",
    "select pg_try_advisory_lock(1)",
    "select pg_notify('evil', 'x')",
    "select * from pg_prepared_statements",
    "select * from pg_cursors",
    "select * from pg_largeobject",
    "select * from pg_db_role_setting",
    "select setting from pg_settings where name in ('config_file', 'data_directory') and setting <> ''",
    "select * from pg_stat_ssl where pid <> pg_backend_pid() and ssl",
    "select * from pg_stat_replication",
    "select pg_export_snapshot()",
    "prepare transaction 'evil'",
    "select pg_log_backend_memory_contexts({pid})",
    "select * from pg_backend_memory_contexts limit 1",
    "select pg_create_restore_point('evil')",
    "select pg_switch_wal()",
    "select pg_stat_reset()",
    "select pg_stat_get_live_tuples(c.oid) from pg_class c where relname = 'api_key'",
)
_TABLES = (
    "select * from {table}",
    "select t::text from {table} t where organization_id = '{org}'",
    "select * from {table} where organization_id = '{org}' for update",
    "table {table}",
    "copy {table} to stdout",
    "select table_to_xml('{table}', true, true, '')",
    "select ctid, xmin, t from {table} t",
    "update {table} set organization_id = '{mine}' where organization_id = '{org}'",
    "update {table} set organization_id = organization_id",
    "delete from {table} where organization_id = '{org}'",
    "truncate {table} cascade",
    "lock table {table} in access exclusive mode",
    "lock table {table} in share mode",
    "lock table {table}_deletable in access exclusive mode",
    "alter table {table} disable row level security",
    "alter table {table} no force row level security",
    "alter table {table} disable trigger all",
    "create policy evil on {table} using (true)",
    "drop table {table}",
    "create trigger evil before insert on {table} for each row execute function consent.refuse_change()",
    "create rule evil as on select to {table} do instead nothing",
    "create view {schema}.evil as select * from {table}",
    "create index on {table} (organization_id)",
    "grant select on {table} to public",
    "alter table {table} owner to {role}",
    "with gone as (delete from {table} returning *) select * from gone",
    "select * from {table} tablesample system (100)",
    "merge into {table} t using (select 1) s on t.organization_id = '{org}' when matched then delete",
    "explain analyze select * from {table} where organization_id = '{org}'",
    "select 1 / (select count(*)::int - count(*)::int from {table} where organization_id = '{org}')",
    "select * from {table} where pg_catalog.textin(unknownout({table}::text::unknown)) like '%'",
    "analyze {table}",
    "vacuum {table}",
    "reindex table {table}",
    "cluster {table}",
    "select has_table_privilege('{role}', '{table}', 'truncate') and pg_relation_size('{table}') > 0 where false",
)
_EVENTS = (
    "select * from {schema}.outbox",
    "select headers from {schema}.outbox",
    "select * from {schema}.outbox_rest",
    "insert into {schema}.outbox (id, topic, key, type, version, payload, headers) "
    "select gen_random_uuid(), 'x', 'x', 'x', 1, '{{}}', '{{}}' returning headers",
    "delete from {schema}.outbox",
    "update {schema}.outbox set payload = '{{}}'",
    "insert into {schema}.outbox (id, topic, key, type, version, payload, headers) "
    "select gen_random_uuid(), 'x', 'x', 'x', 1, '{{\"organization_id\": \"{org}\"}}', '{{}}'",
    "select * from {schema}.inbox",
    "select event_id from {schema}.claim",
    "insert into {schema}.inbox (grp, event_id) values ('{schema}', gen_random_uuid())",
    "delete from {schema}.inbox",
    "update {schema}.claim set holder = 'evil'",
    "delete from {schema}.claim",
    "select ops.note(gen_random_uuid(), 'done', 'operator', 'x', '{{\"organization_id\": \"{org}\"}}')",
    "truncate {schema}.outbox, {schema}.inbox",
    "select {schema}.keep_archive(1, '999999999')",
    "select {schema}.retire_recordings(0, 1000000)",
    "select {schema}.retire_recordings_after(0, 1000000)",
    "select pg_replication_slot_advance('x', '0/0')",
    "select * from pg_logical_slot_peek_changes('x', null, null)",
)
_CONSENT = (
    "select consent.hold('{org}', '{patient}', '{therapist}', '{{recording}}')",
    "select * from consent.held('{org}', '{patient}', '{therapist}', '{{recording,ai_analysis}}')",
    "select * from consent.in_force('{org}', '{patient}', 'ai_analysis')",
    "select gateway.known_key('%')",
    "select * from gateway.known_key(null)",
    "select gateway.use_key('%')",
    "update gateway.api_key set digest = sha256('x'), pepper_version = 99 where id = '{api_key}'",
    "update gateway.api_key set pepper_version = 99 where id = '{api_key}'",
)
# Sessions are pooled: whatever such a statement leaves would meet the next tenant's request.
_LEFT_BEHIND = (
    "set session work_mem = 64",
    "listen evil",
    "declare evil cursor with hold for select 1",
    "prepare evil as select 1",
)


# PostgreSQL lets every role change its own password and defaults, and no grant takes that away. It locks the service
# out until the next deploy step sets both again (deploy/postgres/roles.sql), and shows nobody anything.
SELF_HARM = ("alter role {role} password 'x'", "alter role {role} set default_transaction_read_only = on")


def attacks(schema: str, tables: Sequence[str], own: str) -> list[Attack]:
    """Return the statements for one service: generic ones, ones for each table of its own, some for others' tables."""
    kinds: Mapping[str, Sequence[str]] = {
        "context": _CONTEXT,
        "identity": _IDENTITY,
        "objects": _OBJECTS,
        "files": _FILES,
        "others": _OTHERS,
        "events": _EVENTS,
        "consent": _CONSENT,
        "left behind": _LEFT_BEHIND,
    }
    plain = [Attack(kind, statement) for kind, statements in kinds.items() for statement in statements]
    mine = [table for table in tables if table.startswith(f"{own}.")]
    theirs = [table for table in tables if not table.startswith(f"{own}.")]
    on_mine = [Attack("tables", _on(statement, table)) for table in mine for statement in _TABLES]
    on_theirs = [Attack("other schemas", _on(_TABLES[n % len(_TABLES)], table)) for n, table in enumerate(theirs)]
    everywhere = [Attack("other schemas", _on(_TABLES[0], table)) for table in theirs]
    return [*plain, *on_mine, *on_theirs, *everywhere] if schema else plain


def _on(statement: str, table: str) -> str:
    return statement.replace("{table}", table)
