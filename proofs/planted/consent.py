"""Defects of the lock that consent is (SECURITY.md section 3)."""

from proofs.planting import ByProof, Edit, Mutant, planted

_LEDGER = "services/consent/migrations/versions/0001_ledger.py"

MUTANTS: tuple[Mutant, ...] = (
    planted(
        "revocation-waits-for-nobody",
        "a revocation waits for the short result transactions in flight",
        ByProof("consent_race", "rows_after"),
        Edit(_LEDGER, "order by c.therapist_id, c.consent_type for share;", "order by c.therapist_id, c.consent_type for key share;"),
    ),
)
