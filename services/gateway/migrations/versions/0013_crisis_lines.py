"""Organizations say in which country their patients are, and whom of their own these are to call in a crisis."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the two settings, none for all that came before, and put their changes on record."""
    op.execute("""
        alter table gateway.organization
          add column country text check (country ~ '^[A-Z]{2}$'),
          add column crisis_lines jsonb not null default '[]'
            check (case when jsonb_typeof(crisis_lines) = 'array' then jsonb_array_length(crisis_lines) <= 8
                        else false end)""")
    op.execute("grant update (country, crisis_lines) on gateway.organization to svc_gateway")
    # Made anew, so that a change of several settings stays one row of the record.
    op.execute("drop trigger note_organization_changed on gateway.organization")
    op.execute("""
        create trigger note_organization_changed after update on gateway.organization for each row
        when ((old.time_zone, old.chat_mode, old.release, old.country, old.crisis_lines)
          is distinct from (new.time_zone, new.chat_mode, new.release, new.country, new.crisis_lines))
        execute function gateway.note_access('organization.changed', 'organization_id')""")
    op.execute("alter table gateway.organization enable always trigger note_organization_changed")
