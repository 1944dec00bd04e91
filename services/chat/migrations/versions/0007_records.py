"""An answer stands on consent records, its history's included, to transcription and to AI analysis alike."""

from alembic import op

revision = "0007"
down_revision = "0006"


# Every answer was history to those after it in its conversation, which may repeat it.
STANDS_ON = """
    update chat.message m set consent_ids = s.consents, therapist_ids = s.therapists
      from (
        select a.organization_id, a.patient_id, a.id,
          array(select distinct q.consent_id from chat.message_source q
                 where q.organization_id = a.organization_id and q.patient_id = a.patient_id
                   and q.message_id in (select p.id from chat.message p
                     where p.organization_id = a.organization_id and p.patient_id = a.patient_id
                       and p.conversation_id = a.conversation_id and (p.created_at, p.id) <= (a.created_at, a.id))
          ) as consents,
          array(select distinct unnest(p.therapist_ids) from chat.message p
                 where p.organization_id = a.organization_id and p.patient_id = a.patient_id
                   and p.conversation_id = a.conversation_id and (p.created_at, p.id) <= (a.created_at, a.id)
          ) as therapists
        from chat.message a where a.author = 'assistant' and a.answered_by is distinct from 'safety') s
     where m.organization_id = s.organization_id and m.patient_id = s.patient_id and m.id = s.id"""
# What repeats an answer whose words were taken away later loses its own.
REPEATS_REDACTED = """
    update chat.message m set text = null, redacted_at = clock_timestamp()
     where m.author = 'assistant' and m.text is not null and m.answered_by is distinct from 'safety'
       and exists (select from chat.message p
                    where p.organization_id = m.organization_id and p.patient_id = m.patient_id
                      and p.conversation_id = m.conversation_id and p.author = 'assistant'
                      and p.created_at < m.created_at and p.redacted_at > m.created_at)"""


def upgrade() -> None:
    """Add the records to answers, and let policies, guards and the redaction go by them."""
    op.execute("alter table chat.message add column consent_ids uuid[] not null default '{}'")
    op.execute(STANDS_ON)
    op.execute(REPEATS_REDACTED)
    op.execute("""
        delete from chat.message_source s using chat.message m
         where m.organization_id = s.organization_id and m.patient_id = s.patient_id and m.id = s.message_id
           and m.text is null""")
    _reading()
    _writing()
    _redaction()


def _reading() -> None:
    # Words exist by transcription and are searched by ai_analysis: quotes need both.
    op.execute("""
        create or replace function chat.therapists_allowed(patient uuid) returns uuid[]
        language plpgsql stable set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('chat:read');
        begin
          return array(select consent.in_force(c.org, patient, 'ai_analysis')
                       intersect select consent.in_force(c.org, patient, 'transcription'));
        end $$""")
    op.execute("""
        create function chat.stands(patient uuid, therapists uuid[], consents uuid[]) returns boolean
        language plpgsql stable set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('chat:read');
        begin
          return therapists <@ chat.therapists_allowed(patient) and consent.are_in_force(c.org, patient, consents);
        end $$""")
    op.execute("revoke all on function chat.stands(uuid, uuid[], uuid[]) from public")
    op.execute("grant execute on function chat.stands(uuid, uuid[], uuid[]) to svc_chat")
    op.execute(
        "create policy consented on chat.message_source as restrictive for select to svc_chat"
        " using (chat.stands(patient_id, array[therapist_id], array[consent_id]))"
    )


def _writing() -> None:
    op.execute("""
        create or replace function chat.hold_consent() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        begin
          perform consent.hold(
            new.organization_id, new.patient_id, new.therapist_id, '{transcription,ai_analysis}');
          return new;
        end $$""")
    # Also for what an answer has from its history, of which it has no source.
    op.execute("""
        create function chat.hold_consents() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        declare therapist uuid;
        begin
          foreach therapist in array array(select unnest(new.therapist_ids) order by 1) loop
            perform consent.hold(new.organization_id, new.patient_id, therapist, '{transcription,ai_analysis}');
          end loop;
          if not consent.are_in_force(new.organization_id, new.patient_id, new.consent_ids) then
            raise exception 'consent required' using errcode = 'TR403';
          end if;
          return new;
        end $$""")
    op.execute("revoke all on function chat.hold_consents() from public")
    op.execute("grant execute on function chat.hold_consents() to svc_chat")
    op.execute(
        "create trigger hold_consents before insert on chat.message "
        "for each row when (new.therapist_ids <> '{}') execute function chat.hold_consents()"
    )


def _redaction() -> None:
    op.execute("""
        create function chat.redact(of_patient uuid) returns bigint
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('chat:write'); n bigint;
        begin
          if c.org is null or coalesce(c.patient <> of_patient, false) then
            raise exception 'capability refused' using errcode = 'TR401';
          end if;
          update chat.message m set text = null, redacted_at = clock_timestamp()
           where m.organization_id = c.org and m.patient_id = of_patient and m.text is not null
             and m.therapist_ids <> '{}' and not chat.stands(of_patient, m.therapist_ids, m.consent_ids);
          get diagnostics n = row_count;
          delete from chat.message_source s using chat.message m
           where s.organization_id = c.org and s.patient_id = of_patient and m.organization_id = c.org
             and m.patient_id = of_patient and m.id = s.message_id and m.text is null;
          return n;
        end $$""")
    op.execute("revoke all on function chat.redact(uuid) from public")
    op.execute("grant execute on function chat.redact(uuid) to svc_chat")
