"""Finds the time phrase of a question by the grammar of this package: relation x unit x anchor.

A phrase may have several meanings; all are returned, likeliest first, and window.py chooses by the sessions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, tzinfo

from services.chat.domain.time import context
from services.chat.domain.time.anchors import anchor
from services.chat.domain.time.calendar.places import country_of, is_southern
from services.chat.domain.time.found import Found, begun, firm, longest
from services.chat.domain.time.parts import period
from services.chat.domain.time.relations import related
from services.chat.domain.time.sessions import session
from services.chat.domain.time.shapes import SessionSlice, TimePhrase
from services.chat.domain.time.words.tokens import Text, read
from services.chat.domain.time.words.vocabulary import LEADS


@dataclass(frozen=True)
class Candidate:
    """A time phrase of the message, from one token to another."""

    start: int
    found: Found
    soft: bool


def find_time(message: str, today: date, zone: tzinfo = UTC) -> TimePhrase | None:
    """Return the time phrase of a message, or None. Dates without a year lie in the past of `today`."""
    text = read(message, today, country_of(zone), south=is_southern(zone))
    candidates = list(_candidates(text))
    if not candidates:
        return None
    # What is surely about sessions comes before what may be about life, then the one told in most words.
    best = min(candidates, key=lambda one: (one.soft, -(one.found.stop - one.start), one.start))
    words = text.slice(best.start, best.found.stop)
    return TimePhrase(words, best.found.meanings, best.soft, best.found.ambiguous)


def _candidates(text: Text) -> Iterator[Candidate]:
    at = 0
    while at < len(text.tokens):
        candidate = _at(text, at)
        if candidate:
            yield candidate
            at = candidate.found.stop
            continue
        at = context.skipped(text, at)


def _at(text: Text, at: int) -> Candidate | None:
    relation = related(text, at)
    # Read from two places, behind words that lead in ("in", "during") and at them: "from" leads to a month, and also
    # opens "from May to July". What reaches farther is what was meant.
    lead = at + 1 if text.word(at) in LEADS else at
    lead = text.after(lead, *LEADS) if lead > at else lead
    plain = max((one for one in (anchor(text, lead), anchor(text, at)) if one), key=lambda one: one.stop, default=None)
    place = session(text, lead) or session(text, at)
    # The longest reading; of equals the first, since a relation says how a time is meant, a session is counted, and
    # only then it is a day of the calendar.
    found = max((one for one in (relation, place, plain) if one), key=lambda one: one.stop, default=None)
    if found is None:
        return None
    # A bare name ("may", "spring") is a time only where such a word stands before it (context.is_topic).
    led = lead > at or found is relation
    found = _within(text, found)
    if isinstance(found.meanings[0], SessionSlice):
        # "in the first session" is named as "the first session".
        start = lead if found is place and session(text, lead) else at
        return None if context.vetoed(text, start, found) else Candidate(start, found, soft=False)
    # What has not begun holds no session; a settled phrase was dated from the past where it was read.
    kept = found.meanings if found.settled else begun(found.ranges(), text.today)
    if not kept or context.vetoed(text, at, found) or context.is_topic(text, at, found, led=led):
        return None
    return Candidate(at, found, soft=context.is_life(text, at, found))


def _within(text: Text, found: Found) -> Found:
    """Return the time of "the last session in March": the session alone would be another one."""
    if not isinstance(found.meanings[0], SessionSlice):
        return found
    part = found.meanings[0]
    start = text.after(found.stop, "that", "we", "had", "was")
    relation = related(text, start)
    days = relation or (
        longest((period, anchor), text, text.after(start, *LEADS)) if text.word(start) in LEADS else None
    )
    if days is None or not days.ranges():
        return found
    return context.picked(firm(days, text.today), part)
