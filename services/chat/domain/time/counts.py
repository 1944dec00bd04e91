"""Counts and years as they are said: "a couple of", "twenty-first", "of last year"."""

from services.chat.domain.time.tokens import Text

_VAGUE_COUNTS = {"couple": 2, "few": 3, "several": 4, "half": 0}
YEARS = range(1980, 2100)


def count(text: Text, at: int) -> tuple[int, int] | None:
    """Return a count and the place after it; "a few" is three."""
    start = text.after(at, "a", "an", "about", "around", "roughly", "approximately", "some", "maybe", "like", "just")
    token = text.token(start)
    if token is None:
        return None
    if token.word in _VAGUE_COUNTS and token.word != "half":
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
        if text.follows(at + 1, "to", "last") or text.follows(at + 1, "from", "last"):
            return -token.number, at + 3
        if text.word(at + 1) == "last":
            return -token.number, at + 2
        return token.number, at + 1
    if token.word in ("last", "final"):
        if text.follows(at + 1, "but") and (number := getattr(text.token(at + 2), "number", None)):
            return -1 - number, at + 3
        return -1, at + 1
    if token.word in ("penultimate", "third-last"):
        return (-2 if token.word == "penultimate" else -3), at + 1
    return (-2, at + 3) if text.follows(at, "next", "to", "last") else None


def year(text: Text, at: int) -> tuple[int, int] | None:
    """Return a year that is written out or told relative to this one, and the place after it."""
    token, this = text.token(at), text.today.year
    if token is None:
        return None
    if token.number in YEARS and not token.ordinal and text.word(at - 1) not in ("$", "£", "€"):
        # The winter of 2024/25 is named by the year that it begins in.
        return token.number, at + (3 if text.word(at + 1) == "/" and text.word(at + 2) == "<number>" else 1)
    start = text.after(at, "the")
    if text.follows(start, "year", "before", "last"):
        return this - 2, start + 3
    if text.word(start) in ("last", "previous", "past") and text.word(start + 1) == "year":
        return this - 1, start + 2
    if text.word(start) in ("this", "current") and text.word(start + 1) == "year":
        return this, start + 2
    counted = count(text, at)
    if counted and text.follows(counted[1], "year", "ago"):
        return this - counted[0], counted[1] + 2
    return None


def year_after(text: Text, at: int) -> tuple[int, int] | None:
    """Return the year behind a month, day, season or feast: "March 2025", "Christmas last year"."""
    return year(text, text.after(at, ",", "of", "in", "from", "back"))
