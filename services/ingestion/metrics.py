"""Ingestion's own metrics by name, with a sentence; labels are our own words."""

from prometheus_client import Counter, Gauge, Histogram

from libs.common.log import get_logger
from services.ingestion.domain import FINAL, Fact, Session, Status

ILLEGAL_MOVES = Counter(
    "sessions_illegal_moves_total", "Facts that a session's status did not allow.", ["status", "fact"]
)

ENDED = Counter(
    "sessions_ended_total", "Times a session came to its end: `ready`, `failed` or `withheld`.", ["outcome"]
)
UPLOAD_TO_READY = Histogram(
    "sessions_upload_to_ready_seconds",
    "From the upload, or the last retry, to ready.",
    buckets=(60, 120, 300, 600, 900, 1800, 3600, 7200, 14400),
)
for _status in FINAL:
    ENDED.labels(_status.value)

OLDEST_ERASURE = Gauge("erasures_oldest_unfinished_seconds", "Age of the oldest erasure that a store has not answered.")


def count_end(session: Session) -> None:
    """Count a session that has just come to its end; one whose event is handled again is counted again."""
    ENDED.labels(session.status.value).inc()
    uploaded_at = session.stage_times.get(Status.UPLOADED.value)
    if session.status is Status.READY and uploaded_at is not None:
        UPLOAD_TO_READY.observe((session.updated_at - uploaded_at).total_seconds())


class CountedIllegalMoves:
    """Implements ports.IllegalMoves with a metric and a line in the log."""

    def count(self, session: Session, fact: Fact) -> None:
        """Note a fact that came to a session in a status that ignores it."""
        ILLEGAL_MOVES.labels(session.status.value, fact.name.lower()).inc()
        get_logger().warning("session.illegal_move", session_id=str(session.id), illegal_move=fact.name.lower())
