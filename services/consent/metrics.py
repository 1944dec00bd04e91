"""What the ledger's notary counts."""

from prometheus_client import Counter

SIGNED = Counter("ledger_checkpoints_total", "Checkpoints of organizations' chains that were signed.")
UNSIGNABLE = Counter(
    "ledger_checkpoints_refused_total", "Chains that were not signed because they do not continue what was signed last."
)
