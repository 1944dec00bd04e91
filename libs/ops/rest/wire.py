"""The shapes the gateway answers with, as far as a client reads them; what is new in an answer is kept, not refused."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# A day; the gateway may tell the time of day as well.
Day = Annotated[date, BeforeValidator(lambda value: value[:10] if isinstance(value, str) else value)]


class Wire(BaseModel):
    """An answer as it came: unknown members stay, so that `--json` prints all of it."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Problem(Wire):
    """A problem document (RFC 9457)."""

    type: str = "about:blank"
    title: str = ""
    status: int
    detail: str = ""
    request_id: str | None = None
    missing: list[str] = Field(default_factory=list)
    errors: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def slug(self) -> str:
        """The last part of the type, which is the name of the kind of problem."""
        return self.type.rpartition("/")[2]


class Organization(Wire):
    """A new organization with its first admin key, which is shown this once."""

    organization_id: str
    api_key: str


class User(Wire):
    """A therapist, a patient or an administrator."""

    id: str
    role: str
    email: str | None = None
    external_id: str | None = None


class Consent(Wire):
    """A consent for one purpose, with the state it is in now."""

    id: str
    patient_id: str
    therapist_id: str
    consent_type: str
    status: str
    granted_at: datetime | None = None
    revoked_at: datetime | None = None


class Progress(Wire):
    """How far the current stage is."""

    stage: str | None = None
    percent: float | None = None


class Session(Wire):
    """A therapy session, how far the work on its recording is, and when it entered each status (`stage_times`)."""

    id: str
    patient_id: str
    status: str
    session_date: datetime
    session_day: date | None = None
    upload_status: str | None = None
    recording_duration_seconds: float | None = None
    progress: Progress | None = None
    stage_times: dict[str, datetime] = Field(default_factory=dict)
    error_message: str | None = None
    released: bool | None = None

    @property
    def when(self) -> str:
        """The day, where only that is known, else the time in UTC: the patient's calendar may show another day."""
        return str(self.session_day or f"{self.session_date:%Y-%m-%d %H:%M}Z")

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in {"ready", "failed", "withheld"}


class Segment(Wire):
    """What one speaker said without a break."""

    speaker: str
    text: str
    start_time: float
    end_time: float


class HeardBy(Wire):
    """Who turned speech into words."""

    vendor: str
    model: str


class Transcript(Wire):
    """The words of a session."""

    session_id: str
    segments: list[Segment]
    version: int = 1
    source: HeardBy
    language: str | None = None
    confidence: float | None = None


class Source(Wire):
    """The place in a session that a sentence of an answer stands on; without `relevance` when words alone matched."""

    session_id: str
    session_date: Day
    session_day: date | None = None
    relevance: float | None = None
    quote: str
    start_time: float
    end_time: float
    speaker: str

    @property
    def day(self) -> date:
        """The day by the patient's calendar, as the answer says it."""
        # A gateway that is older than these tools tells no day of the patient's calendar.
        return self.session_day or self.session_date

    @property
    def closeness(self) -> str:
        """The relevance as it is shown."""
        return "by words" if self.relevance is None else f"{self.relevance:.2f}"


class Answer(Wire):
    """What the chat says, and from where it knows."""

    response: str
    sources: list[Source]
    grounded: bool = True
    answered_by: str | None = None
    conversation_id: str | None = None
    notice: str | None = None


class Page(Wire):
    """One page of a list."""

    data: list[dict[str, Any]]
    has_more: bool = False
    next_cursor: str | None = None
