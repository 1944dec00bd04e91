"""Words exist by consent to transcription: without it, too, nothing is found, stored or kept."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let the policy, the guard and the deletion after the grace period go by both purposes."""
    op.execute("""
        create or replace function embedder.therapists_allowed() returns uuid[]
        language plpgsql stable set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('embedder:read');
        begin
          return array(select consent.in_force(c.org, c.patient, 'ai_analysis')
                       intersect select consent.in_force(c.org, c.patient, 'transcription'));
        end $$""")
    op.execute("""
        create or replace function embedder.hold_consent() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        begin
          perform consent.hold(
            new.organization_id, new.patient_id, new.therapist_id, '{transcription,ai_analysis}');
          return new;
        end $$""")
    _sweep()


def _sweep() -> None:
    op.execute("""
        create or replace function embedder.sweep_withdrawn(most int) returns int
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare w embedder.withdrawn; done int := 0;
        begin
          for w in
            select * from embedder.withdrawn d where d.delete_after <= clock_timestamp()
               and not exists (select from ingestion.legal_hold h where h.organization_id = d.organization_id
                                  and h.patient_id = d.patient_id and h.held)
             order by d.delete_after limit most for update skip locked
          loop
            if (select count(*) from consent.current c where c.organization_id = w.organization_id
                   and c.patient_id = w.patient_id and c.therapist_id = w.therapist_id
                   and c.consent_type in ('transcription', 'ai_analysis') and c.status = 'granted') < 2 then
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
