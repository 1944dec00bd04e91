"""How fast a transcription gets on: what is published of it, and how long it will still take."""

from collections.abc import Callable
from datetime import datetime

from libs.contracts.ids import JobId
from libs.contracts.recording import RecordingUploaded
from libs.contracts.transcript import TranscriptionProgressed

PUBLISHED_EVERY = 0.02
"""Share of the recording between two events: at most fifty for one recording, however long it is."""


class Pace:
    """Follows one attempt from its first share, which is not 0 where a lost worker's checkpoints are taken up."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.share: float | None = None
        self._clock = clock
        self._first: tuple[float, datetime] | None = None
        self._published = -1.0

    def reached(self, share: float, event: RecordingUploaded, job_id: JobId) -> TranscriptionProgressed | None:
        """Take note of a share (0 to 1); return what to publish, None if that little is not worth it."""
        self.share = share
        if self._first is None:
            self._first = (share, self._clock())
        if share - self._published < PUBLISHED_EVERY:
            return None
        self._published = share
        return TranscriptionProgressed(
            organization_id=event.organization_id,
            patient_id=event.patient_id,
            session_id=event.session_id,
            job_id=job_id,
            share=round(share, 3),
            remaining_s=self._remaining_s(share, *self._first),
        )

    def _remaining_s(self, share: float, first: float, began_at: datetime) -> float | None:
        if share <= first:
            return None
        elapsed_s = (self._clock() - began_at).total_seconds()
        return round(elapsed_s * (1 - share) / (share - first), 1)
