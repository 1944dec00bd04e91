"""Ingestion's own metrics by name, with a sentence; labels are our own words."""

from prometheus_client import Counter, Gauge

from libs.common.log import get_logger
from services.ingestion.domain import Fact, Session

ILLEGAL_MOVES = Counter(
    "sessions_illegal_moves_total", "Facts that a session's status did not allow.", ["status", "fact"]
)

OLDEST_ERASURE = Gauge("erasures_oldest_unfinished_seconds", "Age of the oldest erasure that a store has not answered.")


class CountedIllegalMoves:
    """Implements ports.IllegalMoves with a metric and a line in the log."""

    def count(self, session: Session, fact: Fact) -> None:
        """Note a fact that came to a session in a status that ignores it."""
        ILLEGAL_MOVES.labels(session.status.value, fact.name.lower()).inc()
        get_logger().warning("session.illegal_move", session_id=str(session.id), illegal_move=fact.name.lower())
