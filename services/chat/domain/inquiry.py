"""Interprets a message: its kind, its subject, its time window, and what it leans on if it is a follow-up."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from enum import StrEnum

from libs.contracts.ids import SessionId
from services.chat.domain.comparison import Sides, compared, sides_of
from services.chat.domain.conversation import Exchange, Session
from services.chat.domain.evidence import sentences
from services.chat.domain.homework import asks_for_tasks, names_none
from services.chat.domain.message_kind import FIXED, MessageKind, Reading
from services.chat.domain.overview import is_of_sessions
from services.chat.domain.phrasing import ASK_ME, NO_SESSIONS
from services.chat.domain.plain_text import plain
from services.chat.domain.replies import FIXED_REPLIES
from services.chat.domain.time.reading import find_time
from services.chat.domain.time.window import Dated, TimeWindow, resolve
from services.chat.domain.words import content_stems

# A message with fewer content words leans on the previous one ("And after that?").
OWN_WORDS_MIN = 2
LEANING_WORDS_MAX = 9
# Nobody asks anything in more; what is longer tells a story first.
LONG_CHARS = 500
ASKED_SENTENCES = 2
_LEANS = re.compile(
    r"^(?:and|but|so|ok(?:ay)?|then|why|really|what about|how about|or|which|when was|where was|who was)\b|"
    r"\b(?:that|it|this|those|these|them|then|there|one|she|he|they|him|her|else|again|instead|same)\b"
)
_ONE_BEFORE = re.compile(
    r"\b(?:the (?:one|session|time|week)s? before|(?:one|session) (?:prior|earlier)|previous one|before that(?: one)?|"
    r"earlier one)\b"
)
_ONE_AFTER = re.compile(r"\b(?:the (?:one|session|time) after|after that(?: one)?|the next one|following one)\b")


@dataclass(frozen=True)
class Inquiry:
    """An interpreted message.

    `overview`: it only asks what a period was about. `empty`: it asks nothing. `leans_on`: the previous exchange, if it
    cannot be understood without; `understood_as` then says it in full. `sides`: the times that it compares.
    """

    subject: str
    window: TimeWindow | None
    overview: bool
    empty: bool
    kind: MessageKind = MessageKind.DETAIL
    reading: Reading = field(default_factory=Reading)
    leans_on: Exchange | None = None
    sides: Sides | None = None
    understood_as: str | None = None

    @property
    def window_sessions(self) -> tuple[SessionId, ...] | None:
        """Return the sessions of the time window; None if none holds, so that all are meant."""
        return self.window.session_ids if self.window is not None and self.window.applied else None


class Lookup(StrEnum):
    """Where the passages of an answer come from first; a search follows where the others have none."""

    DIGESTS = "digests"
    COMMITMENTS = "commitments"
    SEARCH = "search"


def fixed_reply(inquiry: Inquiry, *, has_sessions: bool) -> str | None:
    """Return the text for what is answered without a look at any session, None if one is needed."""
    if inquiry.kind in FIXED:
        return FIXED_REPLIES[inquiry.kind]
    # In this order: whoever has no session yet is told so before being asked to say more.
    if not has_sessions:
        return NO_SESSIONS
    return ASK_ME if inquiry.empty else None


def lookup_of(inquiry: Inquiry) -> Lookup:
    """Return where to look first: what was made of whole sessions answers only what leans on no answer before it."""
    if inquiry.leans_on:
        return Lookup.SEARCH
    if inquiry.kind is MessageKind.OVERVIEW and is_of_sessions(inquiry.subject):
        return Lookup.DIGESTS
    if inquiry.kind is MessageKind.HOMEWORK and names_none(inquiry.subject):
        return Lookup.COMMITMENTS
    return Lookup.SEARCH


def beyond_window(inquiry: Inquiry, *, grounded: bool) -> Inquiry | None:
    """Return the same asked of all sessions, if its time window held and nothing in it answers; else None."""
    window = inquiry.window
    if grounded or window is None or not window.applied:
        return None
    return replace(inquiry, window=window.lifted(), overview=False)


def asked_part(message: str) -> str:
    """Return what a long message asks: its last questions, or its last sentences if it has none.

    A story before the question would drown its words, and the sentence model reads no more than the beginning.
    """
    if len(message) <= LONG_CHARS:
        return message
    parts = sentences(message)
    asked = [part for part in parts if part.rstrip("\"') ").endswith("?")] or parts
    return " ".join(asked[-ASKED_SENTENCES:])[-LONG_CHARS:]


@dataclass(frozen=True)
class Moment:
    """The current time and the patient's time zone."""

    now: datetime
    zone: tzinfo


def understand(
    message: str,
    sessions: Sequence[Session],
    moment: Moment,
    history: Sequence[Exchange] = (),
    *,
    reading: Reading | None = None,
) -> Inquiry:
    """Return what a message asks, with the previous exchange as context if it leans on it."""
    reading = reading or Reading()
    window, subject = _timed(message, sessions, moment)
    held = window is not None and window.applied
    subject = asked_part(subject)
    own = content_stems(subject)
    kind = reading.decide(has_history=bool(history))
    tasks = asks_for_tasks(message) and kind in _OF_TASKS
    overview = held and not own and not tasks
    kind = MessageKind.HOMEWORK if tasks and not own else kind
    empty = not own and not held and kind not in _OF_NO_WORDS
    inquiry = Inquiry(subject, window, overview, empty=empty, kind=kind, reading=reading)
    if history and not overview and _leans(message, own, kind):
        return _leaning(message, inquiry, sessions, history)
    if kind is MessageKind.COMPARISON and own:
        return _comparing(message, inquiry, sessions, moment)
    return replace(inquiry, kind=MessageKind.OVERVIEW) if overview else inquiry


def _comparing(message: str, inquiry: Inquiry, sessions: Sequence[Session], moment: Moment) -> Inquiry:
    """Return the inquiry with the two times that it compares, if it names any."""

    def window_of(text: str) -> tuple[SessionId, ...]:
        window, _ = _timed(text, sessions, moment)
        return window.session_ids if window is not None and window.applied else ()

    ordered = [one.id for one in sorted(sessions, key=lambda one: one.date)]
    sides = sides_of(message, ordered, window_of)
    if sides is None:
        return inquiry
    return replace(inquiry, sides=sides, window=None, subject=compared(inquiry.subject))


def _timed(message: str, sessions: Sequence[Session], moment: Moment) -> tuple[TimeWindow | None, str]:
    """Return the window of a message, and the message without its words if it holds."""
    phrase = find_time(message, moment.now.astimezone(moment.zone).date(), moment.zone)
    dated = [Dated(session.id, session.date) for session in sessions]
    window = resolve(phrase, dated, moment.zone) if phrase else None
    if phrase and window is not None and window.applied:
        return window, plain(message).replace(phrase.words, " ")
    return window, message


def _leans(message: str, own: Sequence[str], kind: MessageKind) -> bool:
    if kind is MessageKind.FOLLOW_UP or len(own) < OWN_WORDS_MIN:
        return True
    text = plain(message)
    return (
        len(text.split()) <= LEANING_WORDS_MAX
        and bool(_LEANS.search(text))
        and not re.search(r"\b[A-Z]\w+", message[1:])
    )


def _leaning(message: str, inquiry: Inquiry, sessions: Sequence[Session], history: Sequence[Exchange]) -> Inquiry:
    """Return the inquiry with what the last exchange was about, and the session beside its own if one is meant."""
    window, last, earlier = inquiry.window, history[-1], topic_of(history)
    text = plain(message)
    if window is None or not window.applied:
        step = -1 if _ONE_BEFORE.search(text) else 1 if _ONE_AFTER.search(text) else 0
        window = _beside(text, last, sessions, step) if step and last.session_ids else window
    return replace(
        inquiry,
        subject=f"{earlier} {inquiry.subject}",
        window=window,
        empty=False,
        kind=MessageKind.FOLLOW_UP if inquiry.kind in _FIXED_SHORT else inquiry.kind,
        leans_on=last,
        understood_as=f"{message.strip()} (about: {earlier.strip()})",
    )


# What may be meant by a message that asks what was to be done, if it says nothing else.
_OF_TASKS = (MessageKind.HOMEWORK, MessageKind.OVERVIEW, MessageKind.CURRENT, MessageKind.DETAIL)
# These ask something even in words that say nothing by themselves: "What did I say I'd do?"
_OF_NO_WORDS = (MessageKind.HOMEWORK, MessageKind.OVERVIEW)
# A short message after an answer is rather about it than a new subject of these kinds.
_FIXED_SHORT = (MessageKind.ABOUT_YOU, MessageKind.DETAIL)


def topic_of(history: Sequence[Exchange]) -> str:
    """Return what the last exchange was about: its question, with those that it leaned on itself."""
    topic = ""
    for exchange in history:
        own = content_stems(exchange.question)
        text = plain(exchange.question)
        leans = len(own) < OWN_WORDS_MIN or (len(text.split()) <= LEANING_WORDS_MAX and bool(_LEANS.search(text)))
        topic = f"{topic} {exchange.question}".strip() if topic and leans else exchange.question
    return topic


def _beside(words: str, last: Exchange, sessions: Sequence[Session], step: int) -> TimeWindow | None:
    """Return the session before (-1) or after (1) those that the last answer quoted; None if there is none."""
    ordered = [one.id for one in sorted(sessions, key=lambda one: one.date)]
    places = [ordered.index(session) for session in last.session_ids if session in ordered]
    place = (min(places) if step < 0 else max(places)) + step if places else -1
    if not 0 <= place < len(ordered):
        return None
    only: tuple[SessionId, ...] = (ordered[place],)
    return TimeWindow(phrase=words, start=None, end=None, session_ids=only, applied=True, note=None)
