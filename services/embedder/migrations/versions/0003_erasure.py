"""The index can be erased for good, and goes when consent has been gone for the grace period."""

from alembic import op

from libs.tenancy.erased_subjects import Rows, erasable

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add tombstones and their guards, and the function that deletes what was withdrawn."""
    # Passages hang on chunks and chunks on what is indexed first, so two guards keep all four out.
    rows = [
        Rows("passage", guarded=False),
        Rows("chunk"),
        Rows("embedding"),
        Rows("indexed"),
        Rows("withdrawn", session=False),
    ]
    erasable(op, "embedder", rows)
    op.execute("create index withdrawn_by_time on embedder.withdrawn (delete_after)")
    _sweep()


def _sweep() -> None:
    # Works for all organizations at once, so it takes no argument but how much, and answers with a number.
    op.execute("""
        create function embedder.sweep_withdrawn(most int) returns int
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare w embedder.withdrawn; done int := 0;
        begin
          for w in
            select * from embedder.withdrawn d where d.delete_after <= clock_timestamp()
               and not exists (select from ingestion.legal_hold h where h.organization_id = d.organization_id
                                  and h.patient_id = d.patient_id and h.held)
             order by d.delete_after limit most for update skip locked
          loop
            if not exists (select from consent.current c where c.organization_id = w.organization_id
                              and c.patient_id = w.patient_id and c.therapist_id = w.therapist_id
                              and c.consent_type = 'ai_analysis' and c.status = 'granted') then
              delete from embedder.indexed i where i.organization_id = w.organization_id
                 and i.patient_id = w.patient_id and exists (select from embedder.chunk c
                   where c.organization_id = i.organization_id and c.patient_id = i.patient_id
                     and c.session_id = i.session_id and c.therapist_id = w.therapist_id);
              delete from embedder.passage p where p.organization_id = w.organization_id
                 and p.patient_id = w.patient_id and p.therapist_id = w.therapist_id;
              delete from embedder.chunk c where c.organization_id = w.organization_id
                 and c.patient_id = w.patient_id and c.therapist_id = w.therapist_id;
              delete from embedder.embedding e where e.organization_id = w.organization_id
                 and e.patient_id = w.patient_id and e.therapist_id = w.therapist_id;
            end if;
            delete from embedder.withdrawn d where d.organization_id = w.organization_id
               and d.patient_id = w.patient_id and d.therapist_id = w.therapist_id;
            done := done + 1;
          end loop;
          return done;
        end $$""")
    op.execute("revoke all on function embedder.sweep_withdrawn(int) from public")
    op.execute("grant execute on function embedder.sweep_withdrawn(int) to svc_embedder")
