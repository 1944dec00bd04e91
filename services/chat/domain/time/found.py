"""What a reader of the grammar returns, and how readers are put together."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import wraps
from itertools import islice

from services.chat.domain.time.shapes import Days, SessionSlice
from services.chat.domain.time.words.tokens import Text

Meaning = Days | SessionSlice
YEARS_TOLD = 4
"""How many years a name that comes back every year is read in: sessions that are older are asked for by their year."""
READINGS_MAX = 3
"""How many years the days of a range without a year are read in: a fourth would lie before almost any session."""
# One for each year that is told of; a feast's other days take the place of its earliest years.
_MEANINGS_MAX = 4
# Days that begin closer together are one feast, told wider or narrower.
_SAME_FEAST_DAYS = 15
# "Christmas" is the latest one or the one before: of an older one a patient says the year.
_YEARS_MEANT = 2


@dataclass(frozen=True)
class Found:
    """What stands at a place of a message, up to `stop`.

    `bare`: a name of a day or month by itself, which is a time only behind a word that says so ("in May").
    `settled`: the year or the count is given, so that no other year can be meant. `ambiguous`: see TimePhrase.
    `guessed`: there are words inside that are not understood.
    """

    meanings: tuple[Meaning, ...]
    stop: int
    unit: str
    bare: bool = False
    settled: bool = False
    ambiguous: bool = False
    guessed: bool = False

    def mapped(self, change: Callable[[Days], Days | None], stop: int, unit: str = "") -> "Found | None":
        """Return the same with other days, or None if nothing is left of them."""
        days = (change(one) for one in self.meanings if isinstance(one, Days))
        kept = tuple(dict.fromkeys(one for one in days if one))
        return replace(self, meanings=kept, stop=stop, unit=unit or self.unit, bare=False) if kept else None

    def ranges(self) -> tuple[Days, ...]:
        """Return the meanings that are days."""
        return tuple(one for one in self.meanings if isinstance(one, Days))


Read = Callable[[Text, int], Found | None]
OfYear = Callable[[int], Iterable[Days]]


def remembered(read: Read) -> Read:
    """Return a reader that reads a place of a message once, though many relations ask for it."""

    @wraps(read)
    def reader(text: Text, at: int) -> Found | None:
        key = (f"{read.__module__}.{read.__name__}", at)
        if key not in text.memory:
            text.memory[key] = read(text, at)
        found = text.memory[key]
        return found if isinstance(found, Found) else None

    return reader


def longest(readers: Iterable[Read], text: Text, at: int) -> Found | None:
    """Return what reads most words; of equals the first."""
    return max((found for read in readers if (found := read(text, at))), key=lambda one: one.stop, default=None)


def begun(meanings: Iterable[Days], today: date) -> tuple[Days, ...]:
    """Return those that do not lie in the future: patients ask about what was."""
    return tuple(one for one in meanings if one.start is None or one.start <= today)


def firm(found: Found, today: date) -> Found:
    """Return without the days just gone, which "last month" means only by itself."""
    kept = tuple(one for one in found.meanings if not isinstance(one, Days) or one.end != today + timedelta(1))
    return replace(found, meanings=kept) if found.settled and kept else found


def latest(of_year: OfYear, today: date, *, ended: bool = False, years: int = _YEARS_MEANT) -> tuple[Days, ...]:
    """Return the latest of what comes every year, likeliest first, then those of the years before."""
    return tuple(dict.fromkeys(islice(_backwards(of_year, today, ended=ended, years=years), _MEANINGS_MAX)))


def _backwards(of_year: OfYear, today: date, *, ended: bool, years: int) -> Iterator[Days]:
    firsts: list[Days] = []
    others: list[Days] = []
    # From the next year on: New Year's Eve is a feast of the year that follows it.
    for year in range(today.year + 1, today.year - YEARS_TOLD, -1):
        for number, one in enumerate(of_year(year)):
            past = one.start and one.start <= today and (not ended or (one.end and one.end <= today))
            if past:
                (others if number else firsts).append(one)
    # "Christmas" is the latest one by its likeliest days, then by its other days, then the one of the year before.
    yield from firsts[:1]
    yield from (
        one for one in others if firsts and one.start and abs((one.start - _start(firsts[0])).days) < _SAME_FEAST_DAYS
    )
    yield from firsts[1:years]


def _start(days: Days) -> date:
    return days.start or date.min
