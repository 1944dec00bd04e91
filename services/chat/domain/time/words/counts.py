"""Counts and years as they are said: "a couple of", "twenty-first", "of last year"."""

from services.chat.domain.time.words.tokens import Text

_VAGUE_COUNTS = {"couple": 2, "few": 3, "several": 4}
_FROM_LAST = {"penultimate": -2, "third-last": -3}
YEARS = range(1980, 2100)


def count(text: Text, at: int) -> tuple[int, int] | None:
    """Return a count and the place after it; "a few" is three."""
    start = text.after(at, "a", "an", "about", "around", "roughly", "approximately", "some", "maybe", "like", "just")
    token = text.token(start)
    if token is None:
        return None
    if token.word in _VAGUE_COUNTS:
        return _VAGUE_COUNTS[token.word], text.after(start + 1, "of")
    if token.number is not None and not token.ordinal and token.word != "<year>":
        return token.number, start + 1
    return (1, start) if text.word(start - 1) in ("a", "an") and start > at else None


def ordinal(text: Text, at: int) -> tuple[int, int] | None:
    """Return an ordinal number and the place after it; the last is -1, the last but one -2."""
    token = text.token(at)
    if token is None:
        return None
    if token.ordinal and token.number:
        # "third last", "third to last", "third from last"
        last = text.after(at + 1, "to", "from")
        return (-token.number, last + 1) if text.word(last) == "last" else (token.number, at + 1)
    more = text.token(at + 2) if text.word(at + 1) == "but" else None
    if token.word in ("last", "final"):
        return (-1 - more.number, at + 3) if more and more.number else (-1, at + 1)
    if text.follows(at, "next", "to", "last"):
        return -2, at + 3
    return (_FROM_LAST[token.word], at + 1) if token.word in _FROM_LAST else None


def year(text: Text, at: int) -> tuple[int, int] | None:
    """Return a year that is written out or told relative to this one, and the place after it."""
    token = text.token(at)
    if token and token.number in YEARS and not token.ordinal and text.word(at - 1) not in ("$", "£", "€"):
        # The winter of 2024/25 is named by the year that it begins in.
        slashed = text.word(at + 1) == "/" and text.word(at + 2) == "<number>"
        return token.number or 0, at + (3 if slashed else 1)
    return _relative_year(text, at)


def _relative_year(text: Text, at: int) -> tuple[int, int] | None:
    this, start = text.today.year, text.after(at, "the")
    if text.follows(start, "year", "before", "last"):
        return this - 2, start + 3
    back = {"last": 1, "previous": 1, "past": 1, "this": 0, "current": 0}.get(text.word(start))
    if back is not None and text.word(start + 1) == "year":
        return this - back, start + 2
    counted = count(text, at)
    ago = counted and text.follows(counted[1], "year", "ago")
    return (this - counted[0], counted[1] + 2) if counted and ago else None


def year_after(text: Text, at: int) -> tuple[int, int] | None:
    """Return the year behind a month, day, season or feast: "March 2025", "Christmas last year"."""
    return year(text, text.after(at, ",", "of", "in", "from", "back"))
