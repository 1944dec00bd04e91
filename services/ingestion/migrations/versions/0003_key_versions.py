"""Organization keys get versions, keys can be destroyed for good, and objects that nobody knows can be found."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns, guards and the functions; the code before this one goes on working on version 1."""
    _versions()
    _destruction()
    _maintenance()
    _orphans()


def _versions() -> None:
    op.execute("""
        alter table ingestion.organization_key
          add column version int not null default 1 check (version > 0),
          add column retired_at timestamptz""")
    op.execute("alter table ingestion.patient_key drop constraint patient_key_organization_id_fkey")
    op.execute("""
        alter table ingestion.organization_key
          drop constraint organization_key_pkey, add primary key (organization_id, version)""")
    # Null once the key is destroyed, so that it holds no version of the organization's key back.
    op.execute("""
        alter table ingestion.patient_key
          add column organization_key_version int default 1,
          add foreign key (organization_id, organization_key_version) references ingestion.organization_key""")
    op.execute("""
        create index patient_key_by_version on ingestion.patient_key
          (organization_id, organization_key_version, patient_id)""")


def _destruction() -> None:
    for table, column in (("patient_key", "wrapped"), ("recording", "wrapped_keyset")):
        op.execute(f"""
            alter table ingestion.{table}
              alter column {column} drop not null,
              add column destroyed_at timestamptz,
              add constraint {table}_whole_or_destroyed check (({column} is null) = (destroyed_at is not null))""")
        op.execute(f"""
            create function ingestion.keep_{table}_destroyed() returns trigger
            language plpgsql set search_path = pg_catalog as $$
            begin
              if old.destroyed_at is not null and new is distinct from old then
                raise exception 'a destroyed key stays destroyed' using errcode = 'TR405';
              end if;
              if current_user = 'svc_ingestion' and new.{column} is not null
                 and new.{column} is distinct from old.{column} then
                raise exception 'the service may destroy a key and not replace it' using errcode = 'TR405';
              end if;
              return new;
            end $$""")
        op.execute(f"revoke all on function ingestion.keep_{table}_destroyed() from public")
        op.execute(f"grant execute on function ingestion.keep_{table}_destroyed() to svc_ingestion")
        op.execute(f"""
            create trigger keep_destroyed before update on ingestion.{table}
            for each row execute function ingestion.keep_{table}_destroyed()""")
    op.execute("""
        grant update (wrapped, organization_key_version, destroyed_at) on ingestion.patient_key to svc_ingestion""")
    op.execute("grant update (wrapped_keyset, destroyed_at) on ingestion.recording to svc_ingestion")


def _maintenance() -> None:
    # Rotation is a deploy step: it runs as the owner, as which no service can act (docs/security/keys.md).
    for table in ("organization_key", "patient_key"):
        op.execute(f"""
            create policy of_maintenance on ingestion.{table} to owner_ingestion using (true) with check (true)""")
    op.execute("create policy of_functions on ingestion.recording for select to owner_ingestion using (true)")


def _orphans() -> None:
    # Says only which of the names it is given belong to no recording: nobody learns a name from it.
    op.execute("""
        create function ingestion.unknown_objects(names text[]) returns setof text
        language sql stable security definer set search_path = pg_catalog as $$
          select name from unnest(unknown_objects.names) name
           where not exists (select from ingestion.recording r where r.object_name = name)
        $$""")
    op.execute("revoke all on function ingestion.unknown_objects(text[]) from public")
    op.execute("grant execute on function ingestion.unknown_objects(text[]) to svc_ingestion")
