"""Prometheus metrics of ingestion. Label values are enum members, never user input."""

from prometheus_client import Counter, Gauge, Histogram

from libs.common.log import get_logger
from services.ingestion.domain import FINAL, Session, Status, Trigger

IGNORED_TRANSITIONS = Counter(
    "sessions_ignored_transitions_total",
    "Events ignored because the session's status does not allow the transition.",
    ["status", "fact"],
)

COMPLETED = Counter(
    "sessions_completed_total", "Sessions that reached a final status: `ready`, `failed` or `withheld`.", ["outcome"]
)
UPLOAD_TO_READY = Histogram(
    "sessions_upload_to_ready_seconds",
    "Time from the upload or the last retry to ready.",
    buckets=(60, 120, 300, 600, 900, 1800, 3600, 7200, 14400),
)
for _status in FINAL:
    COMPLETED.labels(_status.value)

OLDEST_ERASURE = Gauge("erasures_oldest_unfinished_seconds", "Age of the oldest erasure that waits for a store.")


def count_completed(session: Session) -> None:
    """Count a session that reached a final status. A redelivered event is counted again."""
    COMPLETED.labels(session.status.value).inc()
    uploaded_at = session.stage_times.get(Status.UPLOADED.value)
    if session.status is Status.READY and uploaded_at is not None:
        UPLOAD_TO_READY.observe((session.updated_at - uploaded_at).total_seconds())


class CountedIgnoredTransitions:
    """Implements ports.IgnoredTransitions with a metric and a log line."""

    def count(self, session: Session, trigger: Trigger) -> None:
        """Count and log an event that the session's status ignores."""
        IGNORED_TRANSITIONS.labels(session.status.value, trigger.name.lower()).inc()
        get_logger().warning(
            "session.transition_ignored", session_id=str(session.id), illegal_move=trigger.name.lower()
        )
