"""Interprets a message: its subject and its time window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.chat.domain.conversation import Exchange, Session
from services.chat.domain.plain_text import plain
from services.chat.domain.time_phrases import find_time
from services.chat.domain.time_window import Dated, TimeWindow, resolve
from services.chat.domain.words import content_stems

# A message with fewer content words is a follow-up to the previous one ("And after that?").
OWN_WORDS_MIN = 2


@dataclass(frozen=True)
class Inquiry:
    """An interpreted message. `overview`: it only asks what a period was about. `empty`: it asks nothing."""

    subject: str
    window: TimeWindow | None
    overview: bool
    empty: bool


@dataclass(frozen=True)
class Moment:
    """The current time and the patient's time zone."""

    now: datetime
    zone: tzinfo


def understand(message: str, sessions: Sequence[Session], moment: Moment, history: Sequence[Exchange] = ()) -> Inquiry:
    """Return the subject and time window of a message, with the last question of the history as context if needed."""
    phrase = find_time(message, moment.now.astimezone(moment.zone).date())
    dated = [Dated(session.id, session.date) for session in sessions]
    window = resolve(phrase, dated, moment.zone) if phrase else None
    held = window is not None and window.applied
    subject = plain(message).replace(phrase.words, " ") if phrase and held else message
    own = content_stems(subject)
    overview = held and not own
    if history and len(own) < OWN_WORDS_MIN and not overview:
        subject = f"{history[-1].question} {subject}"
    return Inquiry(subject, window, overview, empty=not content_stems(subject) and not held)
