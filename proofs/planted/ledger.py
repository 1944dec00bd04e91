"""Defects of the consent ledger (SECURITY.md section 2)."""

from proofs.planting import ByProof, Edit, Mutant, planted

_VOUCHED = "services/consent/migrations/versions/0003_vouched.py"

MUTANTS: tuple[Mutant, ...] = (
    planted(
        "head-not-locked",
        "updating the head is the lock of the chain",
        ByProof("ledger", "forks"),
        Edit(
            _VOUCHED,
            "update consent.head\n"
            "               set seq = seq + 1, last_at = greatest(clock_timestamp(), last_at + interval '1 microsecond')\n"
            "             where organization_id = new.organization_id returning * into h;",
            "select organization_id, seq + 1, hash, clock_timestamp() from consent.head\n"
            "             where organization_id = new.organization_id into h;",
        ),
        Edit(
            _VOUCHED,
            "update consent.head set hash = new.hash where",
            "update consent.head set hash = new.hash, seq = new.seq, last_at = new.at where",
        ),
    ),
)
