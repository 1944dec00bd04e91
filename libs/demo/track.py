"""One recording on its way through the system, as seen from outside."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from libs.demo.script import Sample
from libs.ops.rest.wire import Session, Transcript


@dataclass
class Track:
    """A recording, the stage it was last seen in, and since when (monotonic seconds)."""

    sample: Sample
    sent_bytes: int = 0
    stage: str = "waiting"
    entered_at: float = 0.0
    upload_s: float | None = None
    session: Session | None = None
    transcript: Transcript | None = None

    def enter(self, stage: str) -> bool:
        """Note the stage; whether it is a new one."""
        if stage == self.stage:
            return False
        # Only for what moves on the screen; the figures in the end are from the service's own times.
        now = time.monotonic()
        if self.stage == "uploading":
            self.upload_s = now - self.entered_at
        self.stage, self.entered_at = stage, now
        return True

    @property
    def times(self) -> Mapping[str, datetime]:
        """When the recording entered each status, by the service's own clock."""
        return self.session.stage_times if self.session else {}

    @property
    def both_speak(self) -> bool:
        """Whether the transcript tells therapist and patient apart."""
        heard = {segment.speaker for segment in self.transcript.segments} if self.transcript else set()
        return {"therapist", "patient"} <= heard

    @property
    def length_s(self) -> float | None:
        """How long the recording is, once somebody has looked."""
        return self.session.recording_duration_seconds if self.session else None
