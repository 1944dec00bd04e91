"""What a question, a passage, a claim and an answer are, as plain values."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, tzinfo
from enum import StrEnum

from libs.common.local_time import local
from libs.contracts.ids import ChunkId, ConversationId, MessageId, PatientId, SessionId, TherapistId
from services.chat.domain.time_window import TimeWindow

Day = date
"""A session has a `date`."""
MESSAGE_CHARS_MAX = 4000
HISTORY_EXCHANGES_MAX = 4
# In any hour, not in each hour of the clock.
MESSAGES_PER_HOUR = 20
QUOTA_POLICY = "patient"
QUOTA_WINDOW_S = 3600


class Speaker(StrEnum):
    """Who said a turn."""

    THERAPIST = "therapist"
    PATIENT = "patient"
    UNKNOWN = "unknown"


class AnsweredBy(StrEnum):
    """Who wrote the answer. `quotes_only`: the model was out of reach, so the answer is quotes alone."""

    CLAUDE = "anthropic"
    OPENAI_COMPATIBLE = "openai_compatible"
    LOCAL = "local"
    QUOTES_ONLY = "quotes_only"
    SAFETY = "safety"


@dataclass(frozen=True)
class Turn:
    """Words of one speaker without a break; seconds count from the start of the recording."""

    speaker: Speaker
    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Passage:
    """Some turns of one session that the search found. `relevance` is a cosine, None when words alone matched."""

    chunk_id: ChunkId
    session_id: SessionId
    session_date: datetime
    turns: tuple[Turn, ...]
    relevance: float | None


@dataclass(frozen=True)
class Finding:
    """What a search gave, best first. `text_only`: no vectors were to be had, so what means the same is missed."""

    passages: tuple[Passage, ...]
    text_only: bool = False


@dataclass(frozen=True)
class Citation:
    """The place a claim points at: one turn of a passage, and which of its words (all, when None)."""

    passage: Passage
    turn: int
    words: str | None = None


@dataclass(frozen=True)
class Claim:
    """One sentence of an answer with the places it says it comes from; nothing here is believed yet."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class Quota:
    """How many messages a patient may still send, and in how many seconds the oldest one counts no more."""

    left: int
    reset_s: float


@dataclass(frozen=True)
class Exchange:
    """An earlier question of this conversation and what was answered."""

    question: str
    answer: str


@dataclass(frozen=True)
class Question:
    """What an answerer is given: nothing else of the patient reaches it.

    `subject` is what to look for: the text without its time phrase, in the context of what was asked before.
    `overview`: nothing in particular is asked, only what a time was about.
    """

    text: str
    passages: tuple[Passage, ...]
    now: datetime
    history: tuple[Exchange, ...] = ()
    subject: str = ""
    overview: bool = False

    @property
    def search_text(self) -> str:
        """Return the words to look for."""
        return self.subject or self.text


@dataclass(frozen=True)
class Draft:
    """What an answerer came up with: claims to be verified, or quotes alone; neither when it found no answer."""

    answered_by: AnsweredBy
    model: str
    claims: tuple[Claim, ...] = ()
    quotes: tuple[Citation, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class Source:
    """A verified quote: the exact words, whose they are, and where to hear them.

    `session_day`: the day as it is said, by the patient's calendar; None for answers from before it was kept.
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
    """What leaves: every sentence stands on a source, or `grounded` is False and it says what it cannot do."""

    text: str
    sources: tuple[Source, ...]
    grounded: bool
    answered_by: AnsweredBy
    model: str
    time_window: TimeWindow | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    text_only: bool = False


@dataclass(frozen=True)
class Session:
    """A session that can be asked about. `day`: only the day it was on is known, not the time."""

    id: SessionId
    date: datetime
    therapist_id: TherapistId
    day: Day | None = None

    def local(self, zone: tzinfo) -> "Session":
        """Return it dated by a clock in the zone; a day that was given as a day is that day in every zone."""
        at = local(self.date, zone) if self.day is None else datetime.combine(self.day, time(), zone)
        return replace(self, date=at)


@dataclass(frozen=True)
class Conversation:
    """A thread of questions and answers of one patient."""

    id: ConversationId
    patient_id: PatientId
    created_at: datetime


@dataclass(frozen=True)
class Message:
    """One message as it is read again. `text` is None once the consent it stood on is gone."""

    id: MessageId
    author: str
    text: str | None
    created_at: datetime
    answered_by: AnsweredBy | None
    grounded: bool | None
    time_window: TimeWindow | None
    sources: tuple[Source, ...]
