"""How many checkpoints of the ledger were signed, and how many chains were refused a signature."""

from prometheus_client import Counter

SIGNED = Counter("ledger_checkpoints_total", "Checkpoints signed.")
UNSIGNABLE = Counter(
    "ledger_checkpoints_refused_total", "Chains not signed because they do not continue the last checkpoint."
)
