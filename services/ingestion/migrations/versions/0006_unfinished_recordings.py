"""Recordings of sessions that failed or are withheld are kept for so many days, not for ever."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Ask for both ages; 0 days keep."""
    op.execute("drop function ingestion.retire_recordings(int, int)")
    op.execute("""
        create function ingestion.retire_recordings(ready_days int, unfinished_days int, most int) returns int
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare
          done int;
          ready_before timestamptz := clock_timestamp() - make_interval(days => nullif(ready_days, 0));
          ended_before timestamptz := clock_timestamp() - make_interval(days => nullif(unfinished_days, 0));
        begin
          -- Deletes for all organizations at once: without a floor any SQL of the service could end every recording.
          if ready_days < 0 or unfinished_days < 0 then
            raise exception 'a recording is kept for a day at least' using errcode = 'TR405';
          end if;
          with due as (
            select r.organization_id, r.patient_id, r.session_id, r.recording_id
              from ingestion.recording r join ingestion.session s
                on s.organization_id = r.organization_id and s.patient_id = r.patient_id and s.session_id = r.session_id
             where r.created_at < greatest(ready_before, ended_before)
               and (s.status = 'ready' and (s.stage_times ->> 'ready')::timestamptz < ready_before
                    or s.status in ('failed', 'withheld') and s.updated_at < ended_before)
               and not exists (select from ingestion.legal_hold h where h.organization_id = r.organization_id
                                  and h.patient_id = r.patient_id and h.held)
             order by r.created_at limit most for update of r, s skip locked
          ), gone as (
            delete from ingestion.recording r using due d
             where r.organization_id = d.organization_id and r.patient_id = d.patient_id
               and r.session_id = d.session_id and r.recording_id = d.recording_id
            returning r.organization_id, r.patient_id, r.session_id, r.object_name
          )
          insert into ingestion.discarded (organization_id, patient_id, session_id, object_name)
          select g.organization_id, g.patient_id, g.session_id, g.object_name from gone g on conflict do nothing;
          get diagnostics done = row_count;
          return done;
        end $$""")
    op.execute("revoke all on function ingestion.retire_recordings(int, int, int) from public")
    op.execute("grant execute on function ingestion.retire_recordings(int, int, int) to svc_ingestion")
