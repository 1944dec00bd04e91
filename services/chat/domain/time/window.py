"""Resolves a time phrase to sessions, as a hard filter for the search (evals/README.md, "Retrieval")."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo

from libs.contracts.ids import SessionId
from services.chat.domain.time.shapes import Days, SessionSlice, TimePhrase


@dataclass(frozen=True)
class Dated:
    """A session with its time."""

    id: SessionId
    at: datetime


@dataclass(frozen=True)
class TimeWindow:
    """The filter of a search: a half-open range `[start, end)` and the ids of the sessions in it.

    `applied` is False if no session lies in the range, so that all sessions are searched instead.
    """

    phrase: str
    start: datetime | None
    end: datetime | None
    session_ids: tuple[SessionId, ...]
    applied: bool = True
    note: str | None = None

    def lifted(self, note: str | None = None) -> "TimeWindow":
        """Return the window as not applied."""
        return replace(self, applied=False, note=note or self.note)


def resolve(phrase: TimePhrase, sessions: Sequence[Dated], zone: tzinfo) -> TimeWindow | None:
    """Return the first meaning that contains sessions, with a note if it is not the likeliest one or was ambiguous.

    If no meaning contains a session: None for a soft phrase, else a window that is not applied.
    """
    ordered = sorted(sessions, key=lambda session: session.at)
    windows = [_window(phrase.words, meaning, ordered, zone) for meaning in phrase.meanings]
    for number, window in enumerate(windows):
        if window.session_ids:
            return replace(window, note=_taken_as(window, zone)) if number or phrase.ambiguous else window
    if phrase.soft:
        return None
    return windows[0].lifted(_nothing_there(phrase, windows[0], bool(ordered), zone))


def _window(words: str, meaning: Days | SessionSlice, ordered: Sequence[Dated], zone: tzinfo) -> TimeWindow:
    if isinstance(meaning, SessionSlice):
        # A slice would clip, but "four sessions ago" matches none of three sessions.
        inside = [] if _outside(meaning, len(ordered)) else list(ordered[meaning.start : meaning.stop])
        start = _midnight(inside[0].at.astimezone(zone).date(), zone) if inside else None
        end = _midnight(inside[-1].at.astimezone(zone).date() + timedelta(1), zone) if inside else None
    else:
        start, end = _midnight(meaning.start, zone), _midnight(meaning.end, zone)
        inside = [s for s in ordered if (start is None or start <= s.at) and (end is None or s.at < end)]
        if meaning.pick and inside:
            # The window is kept: what is said of it is the time that was named.
            inside = [] if _outside(meaning.pick, len(inside)) else inside[meaning.pick.start : meaning.pick.stop]
    return TimeWindow(words, start, end, tuple(session.id for session in inside))


def _outside(part: SessionSlice, count: int) -> bool:
    start = part.start or 0
    single = part.stop is not None or start == -1
    return single and not (-count <= start < count)


def _midnight(day: date | None, zone: tzinfo) -> datetime | None:
    return datetime.combine(day, time(), zone) if day else None


def _taken_as(window: TimeWindow, zone: tzinfo) -> str:
    last = window.end.astimezone(zone).date() - timedelta(1) if window.end else None
    first = window.start.astimezone(zone).date() if window.start else None
    span = spoken(first) if first == last else _span(first, last)
    return f"I took “{window.phrase}” to mean {span}."


def _nothing_there(phrase: TimePhrase, window: TimeWindow, any_sessions: bool, zone: tzinfo) -> str:
    if isinstance(phrase.meanings[0], SessionSlice):
        return (
            f"I don't have a session that matches “{phrase.words}”." if any_sessions else "I don't have a session yet."
        )
    first = window.start.astimezone(zone).date() if window.start else None
    last = window.end.astimezone(zone).date() - timedelta(1) if window.end else None
    span = f"on {spoken(first)}" if first == last else _open_or_between(first, last)
    return f"I don't have a session {span}."


def _span(first: date | None, last: date | None) -> str:
    if first and last:
        return f"{spoken(first)} to {spoken(last)}"
    return f"the time from {spoken(first)} on" if first else f"the time up to {spoken(last)}"


def _open_or_between(first: date | None, last: date | None) -> str:
    if first and last:
        return f"from {spoken(first)} to {spoken(last)}"
    return f"from {spoken(first)} on" if first else f"up to {spoken(last)}"


def spoken(day: date | None) -> str:
    """Return a day as written in answers, for example `8 September 2026`."""
    return f"{day.day} {day:%B %Y}" if day else "then"
