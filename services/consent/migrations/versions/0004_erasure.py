"""The circumstances of a patient's consents can be erased; the chain holds their digest and verifies as before."""

from alembic import op

from libs.tenancy.erased_subjects import Rows, erasable

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add tombstones, the function that erases evidence, and what the sweeps of derived data ask."""
    # A revocation that comes after the erasure is still written down: only its circumstances are not.
    erasable(op, "consent", [Rows("evidence", session=False, silently=True)])
    # The sweeps work for all organizations at once, as functions of these owners, as which nobody can log in.
    for owner in ("owner_transcriber", "owner_embedder"):
        op.execute(f"grant usage on schema consent to {owner}")
        op.execute(
            "grant select (organization_id, patient_id, therapist_id, consent_type, status) on consent.current "
            f"to {owner}"
        )
        op.execute(f"create policy of_sweep_{owner} on consent.current for select to {owner} using (true)")
