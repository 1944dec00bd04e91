"""How long the oldest unfinished erasure has been waiting is a number that can be watched."""

from alembic import op

from libs.tenancy.erased_subjects import owned

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the function; it looks at all organizations and answers with seconds only."""
    for table in ("erasure", "erasure_part"):
        owned(op, "ingestion", table)
    op.execute("""
        create function ingestion.oldest_unfinished_erasure_s(of_session int, of_patient int) returns float8
        language sql stable security definer set search_path = pg_catalog as $$
          select coalesce(max(extract(epoch from clock_timestamp() - e.requested_at)), 0)::float8
            from ingestion.erasure e
           where (select count(*) from ingestion.erasure_part p where p.organization_id = e.organization_id
                   and p.patient_id = e.patient_id and p.erasure_id = e.id)
                 < case when e.session_id is null then of_patient else of_session end
        $$""")
    op.execute("revoke all on function ingestion.oldest_unfinished_erasure_s(int, int) from public")
    op.execute("grant execute on function ingestion.oldest_unfinished_erasure_s(int, int) to svc_ingestion")
