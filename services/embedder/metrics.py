"""What became of the acts that a model said it found in sessions."""

from prometheus_client import Counter

FOUND_ACTS = Counter(
    "commitment_acts_found_total",
    "Acts that a model found in sessions: `kept`, or dropped for what did not hold (commitments/extraction.py).",
    ["outcome"],
)
