"""What the demo plays: the recordings, the questions, and the session in which each answer lies."""

from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "samples"


@dataclass(frozen=True)
class Sample:
    """One recorded session of the invented patient."""

    file: str

    @property
    def path(self) -> Path:
        """Where the recording is."""
        return SAMPLES / self.file

    @property
    def session_date(self) -> str:
        """The afternoon of the day the file is named after."""
        return f"{self.day}T15:00:00Z"

    @property
    def day(self) -> str:
        """The day of the session."""
        return self.file.partition("_")[0]


@dataclass(frozen=True)
class Question:
    """A question, the recording that answers it, and words at least one of which the answer must hold."""

    text: str
    answered_by: Sample | None
    any_of: tuple[str, ...] = ()


FIRST = Sample("2026-09-08_first.mp3")
SECOND = Sample("2026-09-22_second.m4a")
THIRD = Sample("2026-10-20_third.webm")
RECORDINGS = (FIRST, SECOND, THIRD)

QUESTIONS = (
    Question("When should I write my worry log, and where do I leave the notebook?", FIRST, ("seven", "kitchen")),
    Question("What does my sister Emma want to do with our mother's house?", SECOND, ("before christmas",)),
    Question("What did the director say about my presentation?", THIRD, ("clearest",)),
    Question("What did the doctor say about my blood pressure?", None),
)
