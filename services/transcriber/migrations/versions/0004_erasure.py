"""Words can be erased for good, and go when consent to them has been gone for the grace period."""

from alembic import op

from libs.tenancy.erased_subjects import Rows, erasable
from libs.tenancy.isolation import isolate

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add tombstones and their guards, and what is to be deleted after a revocation."""
    _withdrawn()
    rows = [Rows("transcript"), Rows("heard"), Rows("job"), Rows("withdrawn", session=False)]
    erasable(op, "transcriber", rows)
    _sweep()


def _withdrawn() -> None:
    op.execute("""
        create table transcriber.withdrawn (
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          consent_id uuid not null,
          delete_after timestamptz not null,
          primary key (organization_id, patient_id, therapist_id)
        )""")
    op.execute("create index withdrawn_by_time on transcriber.withdrawn (delete_after)")
    isolate(op, "transcriber.withdrawn", patient=True, writes="insert, update")


def _sweep() -> None:
    # Works for all organizations at once, so it takes no argument but how much, and answers with a number.
    op.execute("""
        create function transcriber.sweep_withdrawn(most int) returns int
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare w transcriber.withdrawn; done int := 0;
        begin
          for w in
            select * from transcriber.withdrawn d where d.delete_after <= clock_timestamp()
               and not exists (select from ingestion.legal_hold h where h.organization_id = d.organization_id
                                  and h.patient_id = d.patient_id and h.held)
             order by d.delete_after limit most for update skip locked
          loop
            if not exists (select from consent.current c where c.organization_id = w.organization_id
                              and c.patient_id = w.patient_id and c.therapist_id = w.therapist_id
                              and c.consent_type = 'transcription' and c.status = 'granted') then
              delete from transcriber.transcript t where t.organization_id = w.organization_id
                 and t.patient_id = w.patient_id and t.therapist_id = w.therapist_id;
              delete from transcriber.heard t where t.organization_id = w.organization_id
                 and t.patient_id = w.patient_id and t.therapist_id = w.therapist_id;
            end if;
            delete from transcriber.withdrawn d where d.organization_id = w.organization_id
               and d.patient_id = w.patient_id and d.therapist_id = w.therapist_id;
            done := done + 1;
          end loop;
          return done;
        end $$""")
    op.execute("revoke all on function transcriber.sweep_withdrawn(int) from public")
    op.execute("grant execute on function transcriber.sweep_withdrawn(int) to svc_transcriber")
