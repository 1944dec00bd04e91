"""What people say about times, by kind, each with the days that are meant (inclusive), the likeliest first."""

import calendar
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

Window = tuple[date | None, date | None]
Closed = tuple[date, date]


@dataclass(frozen=True)
class Case:
    """A phrase and what it means. `framed`: it may stand inside a question."""

    phrase: str
    windows: tuple[Window, ...] = ()
    sessions: int | None = None
    framed: bool = True
    day: date | None = None


MONTH_NAMES, DAY_NAMES = list(calendar.month_name), list(calendar.day_name)
ORDINALS = (
    "",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
)
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Day:
    """The day and zone of asking, and chance."""

    on: date
    zone: str
    chance: random.Random

    def back(self, days: int) -> date:
        """Return a day before this one."""
        return self.on - timedelta(days)

    def monday(self, weeks: int = 0) -> date:
        """Return the Monday of this week or of one before."""
        return self.back(self.on.weekday() + 7 * weeks)

    def month(self) -> tuple[int, int]:
        """Return a month that has passed by, at most eleven months ago, and its year."""
        first = self.on.year * 12 + self.on.month - 1 - self.chance.randrange(1, 11)
        return first // 12, first % 12 + 1

    def weekday(self) -> tuple[str, date]:
        """Return the latest day of a weekday before today."""
        back = self.chance.randrange(1, 8)
        return DAY_NAMES[self.back(back).weekday()], self.back(back)

    def case(self, phrase: str, *windows: Window, sessions: int | None = None, framed: bool = True) -> Case:
        """Return a case asked on this day."""
        return Case(phrase, windows, sessions, framed, self.on)


def last_day(year: int, month: int) -> date:
    """Return the last day of a month."""
    return date(year, month, calendar.monthrange(year, month)[1])


def nth(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th."""
    ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


Template = Callable[[Day], Case]


def fixed(phrase: str, *windows: Callable[[Day], Window]) -> Template:
    """Return a template of words that do not vary."""
    return lambda day: day.case(phrase, *(window(day) for window in windows))


def of_session(phrase: str, number: int) -> Template:
    """Return a template that means one session."""
    return lambda day: day.case(phrase, sessions=number)


def of_month(phrase: str, days: Callable[[int, int], Window]) -> Template:
    """Return a template about a month of the last year, named without it."""

    def template(day: Day) -> Case:
        year, month = day.month()
        return day.case(phrase.format(MONTH_NAMES[month]), days(year, month))

    return template


def of_weekday(phrase: str, days: Callable[[Day, date], tuple[Window, ...]]) -> Template:
    """Return a template about a weekday."""

    def template(day: Day) -> Case:
        name, latest = day.weekday()
        return day.case(phrase.format(name), *days(day, latest))

    return template


def of_date(phrase: str, days: Callable[[date], tuple[Window, ...]]) -> Template:
    """Return a template about a day within the last ten months: {d} its number, {n} with its ending, {m} the month."""

    def template(day: Day) -> Case:
        that = day.back(day.chance.randrange(2, 300))
        names = {
            "d": that.day,
            "n": nth(that.day),
            "m": MONTH_NAMES[that.month],
            "s": calendar.month_abbr[that.month],
            "y": that.year,
        }
        return day.case(phrase.format(**names, w=DAY_NAMES[that.weekday()]), *days(that))

    return template


def whole(year: int, month: int) -> Closed:
    """Return the days of a month."""
    return date(year, month, 1), last_day(year, month)


def ten(which: int) -> Callable[[int, int], Window]:
    """Return the first, second or last ten days of a month."""
    return lambda year, month: (
        date(year, month, 1 + 10 * which),
        last_day(year, month) if which == 2 else date(year, month, 10 + 10 * which),
    )


def day_in_week(weeks: int) -> Callable[[Day, date], tuple[Window, ...]]:
    """Return the weekday in an earlier week."""

    def window(day: Day, latest: date) -> tuple[Window, ...]:
        that = day.monday(weeks) + timedelta(latest.weekday())
        return ((that, that),)

    return window


def latest_of(month: int, number: int) -> Callable[[Day], date]:
    """Return the latest such day up to today."""
    return lambda day: date(day.on.year - ((month, number) > (day.on.month, day.on.day)), month, number)


def feast(phrase: str, month: int, number: int, *, before: int = 0, after: int = 0) -> Template:
    """Return a template about a feast of a fixed date."""

    def template(day: Day) -> Case:
        that = latest_of(month, number)(day)
        wide = (that - timedelta(before), that + timedelta(after))
        return day.case(phrase, (that, that), *([wide] if before or after else []))

    return template


EASTERS = {2024: date(2024, 3, 31), 2025: date(2025, 4, 20), 2026: date(2026, 4, 5)}


def easter(day: Day) -> date:
    """Return the latest Easter Sunday."""
    return max(one for one in EASTERS.values() if one <= day.on)


def season(name: str, first: int) -> Template:
    """Return a template about the latest season that has begun."""

    def template(day: Day) -> Case:
        month = (first + (5 if day.zone.startswith("Pacific/") else -1)) % 12 + 1
        year = day.on.year - (month > day.on.month)
        end = month + 2
        return day.case(f"in the {name}", (date(year, month, 1), last_day(year + (end > 12), (end - 1) % 12 + 1)))

    return template


def months_back(day: date, count: int) -> date:
    """Return the same day of an earlier month, or its last day."""
    first = day.year * 12 + day.month - 1 - count
    year, month = first // 12, first % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def rolling(phrase: str, start: Callable[[Day], date]) -> Template:
    """Return a template about the days up to today."""
    return lambda day: day.case(phrase, (start(day), day.on), (start(day) + timedelta(1), day.on))
