"""Domain model of the chat: questions, passages, claims and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, tzinfo
from enum import StrEnum

from libs.common.errors import AppError
from libs.common.local_time import local
from libs.contracts.ids import ChunkId, ConversationId, MessageId, PatientId, SessionId, TherapistId
from libs.contracts.problems import PATIENT_QUOTA
from services.chat.domain.comparison import Sides
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.time.window import TimeWindow

Day = date
"""An alias, because Session has a field named `date`."""
MESSAGE_CHARS_MAX = 4000
HISTORY_EXCHANGES_MAX = 4
# A sliding window of one hour, not a calendar hour.
MESSAGES_PER_HOUR = 20
QUOTA_POLICY = "patient"
QUOTA_WINDOW_S = 3600


class Speaker(StrEnum):
    """The role of a speaker."""

    THERAPIST = "therapist"
    PATIENT = "patient"
    UNKNOWN = "unknown"


class AnsweredBy(StrEnum):
    """The author of an answer. `quotes_only`: the model failed, so the answer consists of quotes."""

    CLAUDE = "anthropic"
    OPENAI_COMPATIBLE = "openai_compatible"
    LOCAL = "local"
    QUOTES_ONLY = "quotes_only"
    SAFETY = "safety"


@dataclass(frozen=True)
class Turn:
    """One speaker's text without a break; times in seconds from the start of the recording.

    `relevance` is the cosine similarity of the turn, read after the one before, with the question; None if unknown.
    `acts` are the probabilities of what it does for a commitment (assign, agree, report_done, ...).
    """

    speaker: Speaker
    text: str
    start_s: float
    end_s: float
    relevance: float | None = field(default=None, compare=False)
    acts: Mapping[str, float] = field(default_factory=dict, compare=False, hash=False)


@dataclass(frozen=True)
class Passage:
    """Turns of one session found by the search. `relevance` is a cosine similarity, None for a text-only match."""

    chunk_id: ChunkId
    session_id: SessionId
    session_date: datetime
    turns: tuple[Turn, ...]
    relevance: float | None


@dataclass(frozen=True)
class Finding:
    """The passages found, best first. `text_only`: vectors were unavailable, so synonyms were not matched.

    `understood_as` is what was searched for, misspelt words mended; `unknown_words` of it occur in no session.
    """

    passages: tuple[Passage, ...]
    text_only: bool = False
    understood_as: str = ""
    unknown_words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Citation:
    """A cited turn of a passage, and the quoted part of it (None: the whole turn)."""

    passage: Passage
    turn: int
    words: str | None = None


@dataclass(frozen=True)
class Claim:
    """An unverified sentence of an answer with its citations."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class Quota:
    """The number of messages left, and the seconds until the oldest one leaves the window."""

    left: int
    reset_s: float


def quota_after(sent: int, free_in_s: float) -> Quota:
    """Return what is left when a patient who has sent this many in the last hour sends one more.

    Raises AppError(PATIENT_QUOTA) if it would be too many; `free_in_s` is when the oldest one leaves the window.
    """
    if sent >= MESSAGES_PER_HOUR:
        raise AppError(
            PATIENT_QUOTA,
            f"{MESSAGES_PER_HOUR} messages in the last hour is as many as I can take. Please wait a little.",
            retry_after_s=max(1.0, free_in_s),
            extra={"policy": QUOTA_POLICY, "quota": MESSAGES_PER_HOUR, "window_s": QUOTA_WINDOW_S},
        )
    return Quota(MESSAGES_PER_HOUR - sent - 1, free_in_s)


@dataclass(frozen=True)
class Cited:
    """Where an earlier answer quoted a session, in seconds."""

    session_id: SessionId
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Exchange:
    """An earlier question of the conversation, its answer, and what the answer quoted, best first."""

    question: str
    answer: str
    sources: tuple[Cited, ...] = ()

    @property
    def session_ids(self) -> tuple[SessionId, ...]:
        """Return the sessions that the answer quoted, best first."""
        return tuple(dict.fromkeys(source.session_id for source in self.sources))


@dataclass(frozen=True)
class Question:
    """The input of an answerer: all that it learns about the patient.

    `subject` is the search text: the question without its time phrase, with the previous question as context if needed.
    `overview`: the question only asks what a period was about. `kinds` are the probabilities of its kinds.
    `session_dates` are those of all sessions that may be asked about, oldest first. `near` is what the previous answer
    quoted, if the question leans on it. `windowed`: only sessions of the time that was asked about were searched.
    `chosen`: the passages were looked up and answer in their order. `sides`: each side of a comparison is quoted.
    """

    text: str
    passages: tuple[Passage, ...]
    now: datetime
    history: tuple[Exchange, ...] = ()
    subject: str = ""
    overview: bool = False
    kinds: Mapping[str, float] = field(default_factory=dict, hash=False)
    session_dates: tuple[datetime, ...] = ()
    near: tuple[Cited, ...] = ()
    unknown_words: tuple[str, ...] = ()
    windowed: bool = False
    chosen: bool = False
    kind: MessageKind = MessageKind.DETAIL
    sides: Sides | None = None

    @property
    def search_text(self) -> str:
        """Return the text to search for."""
        return self.subject or self.text


@dataclass(frozen=True)
class Draft:
    """The unverified output of an answerer: claims or quotes; neither if it found no answer.

    `unsure`: the quotes are the nearest that were found, and may answer something else. `is_cut_off`: the model broke
    off after some of its claims had been told.
    """

    answered_by: AnsweredBy
    model: str
    claims: tuple[Claim, ...] = ()
    quotes: tuple[Citation, ...] = ()
    unsure: bool = False
    is_cut_off: bool = False
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class Source:
    """A verified quote with its speaker and its position in the recording.

    `session_day` is the date in the patient's time zone; None for answers from before it was stored.
    """

    chunk_id: ChunkId
    session_id: SessionId
    session_date: datetime
    relevance: float | None
    quote: str
    start_s: float
    end_s: float
    speaker: Speaker
    session_day: Day | None = None


@dataclass(frozen=True)
class Answer:
    """A final answer: every sentence has a source, or `grounded` is False and the text is fixed."""

    text: str
    sources: tuple[Source, ...]
    grounded: bool
    answered_by: AnsweredBy
    model: str
    time_window: TimeWindow | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    text_only: bool = False
    kind: MessageKind | None = None
    understood_as: str | None = None


@dataclass(frozen=True)
class Session:
    """A ready session. `day` is set if only the day is known, not the time."""

    id: SessionId
    date: datetime
    therapist_id: TherapistId
    day: Day | None = None

    def local(self, zone: tzinfo) -> "Session":
        """Return the session with its date in the zone; a session with a `day` has that day in every zone."""
        at = local(self.date, zone) if self.day is None else datetime.combine(self.day, time(), zone)
        return replace(self, date=at)


@dataclass(frozen=True)
class Conversation:
    """A conversation of one patient."""

    id: ConversationId
    patient_id: PatientId
    created_at: datetime


@dataclass(frozen=True)
class Message:
    """A stored message. `text` is None once a consent it rests on is revoked, or its session is held back.

    `opens`: it is known to be the first answer of its conversation.
    """

    id: MessageId
    author: str
    text: str | None
    created_at: datetime
    answered_by: AnsweredBy | None
    grounded: bool | None
    time_window: TimeWindow | None
    sources: tuple[Source, ...]
    opens: bool = False
