"""No recording is retired within a day of its session being ready, whoever calls the sweep, with whatever number."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Put the floor before the function of the sweep, which the service calls without a capability."""
    # It deletes for all organizations at once: without a floor any SQL of the service could end every recording.
    op.execute("alter function ingestion.retire_recordings(int, int) rename to retire_recordings_after")
    op.execute("revoke all on function ingestion.retire_recordings_after(int, int) from svc_ingestion")
    op.execute("""
        create function ingestion.retire_recordings(days int, most int) returns int
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        begin
          if retire_recordings.days is null or retire_recordings.days < 1 then
            raise exception 'a recording is kept for a day at least' using errcode = 'TR405';
          end if;
          return ingestion.retire_recordings_after(retire_recordings.days, retire_recordings.most);
        end $$""")
    op.execute("revoke all on function ingestion.retire_recordings(int, int) from public")
    op.execute("grant execute on function ingestion.retire_recordings(int, int) to svc_ingestion")
