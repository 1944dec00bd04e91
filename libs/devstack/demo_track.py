"""One recording on its way through the system, as seen from outside."""

import time
from dataclasses import dataclass

from libs.devstack.demo_script import Sample
from libs.ops.wire import Session

STAGES = ("uploaded", "transcribing", "embedding", "ready")


@dataclass
class Track:
    """A recording, the stage it was last seen in, and since when (monotonic seconds)."""

    sample: Sample
    sent_bytes: int = 0
    stage: str = "waiting"
    entered_at: float = 0.0
    upload_s: float | None = None
    session: Session | None = None

    def enter(self, stage: str) -> bool:
        """Note the stage; whether it is a new one."""
        if stage == self.stage:
            return False
        now = time.monotonic()
        if self.stage == "uploading":
            self.upload_s = now - self.entered_at
        self.stage, self.entered_at = stage, now
        return True

    def spent_s(self, stage: str) -> float | None:
        """How long the stage took by the service's own times; None when it does not tell."""
        told = self.session.stage_times if self.session else {}
        following = STAGES[STAGES.index(stage) + 1]
        return (told[following] - told[stage]).total_seconds() if {stage, following} <= told.keys() else None

    @property
    def length_s(self) -> float | None:
        """How long the recording is, once somebody has looked."""
        return self.session.recording_duration_seconds if self.session else None
