"""No answer quotes a session that is held back from the chat, and one that did is not shown while it is."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the guard of new answers and the question by which older ones are shown. They act as the owner, who asks."""
    op.execute("""
        create function chat.refuse_held_back() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        begin
          if ingestion.is_held_back(new.patient_id, new.session_id) then
            raise exception 'session not released' using errcode = 'TR409';
          end if;
          return new;
        end $$""")
    op.execute("revoke all on function chat.refuse_held_back() from public")
    op.execute(
        "create trigger refuse_held_back before insert on chat.message_source "
        "for each row execute function chat.refuse_held_back()"
    )
    # A capability that may only read is the export's, which is of everything; patients' may write.
    op.execute("""
        create function chat.is_shown(of_patient uuid, of_message uuid) returns boolean
        language plpgsql stable security definer set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('chat:write');
        begin
          return c.org is null or not exists (
            select from chat.message_source s
             where s.organization_id = c.org and s.patient_id = of_patient and s.message_id = of_message
               and s.session_id in (select ingestion.held_back(of_patient)));
        end $$""")
    op.execute("revoke all on function chat.is_shown(uuid, uuid) from public")
    op.execute("grant execute on function chat.is_shown(uuid, uuid) to svc_chat")
