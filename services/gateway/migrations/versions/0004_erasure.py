"""A patient's user record can be erased for good, with tokens and answers kept for repetition."""

from alembic import op

from libs.tenancy.erased_subjects import counted, define, owned, tombstones

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add tombstones and the function that erases."""
    tombstones(op, "gateway")
    for table in ("users", "patient_token", "replay"):
        owned(op, "gateway", table)
    # A kept answer is sealed and does not say whose words it holds, so all of the organization's go: they last a day.
    define(
        op,
        "gateway",
        f"""
          delete from gateway.replay where organization_id = org and answer is not null; {counted("replay")}
          if of_session is null then
            delete from gateway.patient_token where organization_id = org and patient_id = of_patient;
            {counted("patient_token")}
            delete from gateway.users where organization_id = org and id = of_patient and role = 'patient';
            {counted("users")}
          end if;
        """,
    )
