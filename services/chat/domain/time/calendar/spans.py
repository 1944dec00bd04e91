"""Ranges of days of the calendar: weeks begin on Monday, seasons are whole months."""

from calendar import monthrange
from datetime import date, timedelta

from services.chat.domain.time.shapes import Days

# The first month of a season in the north; the south is half a year apart.
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
YEAR_MIN, YEAR_MAX = 1900, 2100
WEEK_DAYS, FORTNIGHT_DAYS = 7, 14
MONTH_DAYS_MIN, MONTH_DAYS_MAX, MONTH_DAYS_MEAN = 28, 31, 30.4
QUARTER_MONTHS, HALF_YEAR_MONTHS, YEAR_MONTHS = 3, 6, 12
SATURDAY = 5
"""As date.weekday() counts."""


def valid_date(year: int, month: int, day: int) -> date | None:
    """Return a date, or None if there is no such day."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def one(day: date, length: int = 1) -> Days:
    """Return a range of some days from `day` on."""
    return Days(day, day + timedelta(length))


def week(day: date, later: int = 0) -> Days:
    """Return the week that a day lies in, or one of the weeks around it."""
    return one(day - timedelta(day.weekday() - WEEK_DAYS * later), WEEK_DAYS)


def weekend(day: date, later: int = 0) -> Days:
    """Return the Saturday and Sunday of the week that a day lies in, or of one of the weeks around it."""
    return one(day - timedelta(day.weekday() - WEEK_DAYS * later - SATURDAY), 2)


def months(year: int, month: int, count: int = 1) -> Days:
    """Return whole months; `month` may lie outside 1 to 12, which counts on into the years around."""
    return Days(_first(year, month), _first(year, month + count))


def year_of(year: int, count: int = 1) -> Days:
    """Return whole years."""
    return Days(date(year, 1, 1), date(year + count, 1, 1))


def season(name: str, year: int, *, south: bool) -> Days:
    """Return the season that begins in a year."""
    first = (SEASONS[name] + (HALF_YEAR_MONTHS if south else 0) - 1) % YEAR_MONTHS + 1
    return months(year, first, QUARTER_MONTHS)


def moved(day: date, count: int) -> date:
    """Return the same day of another month, or the last one of a shorter month."""
    first = _first(day.year, day.month + count)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date | None:
    """Return for example the third Monday of a month; `nth` of -1 is the last one."""
    first = date(year, month, 1)
    if nth < 0:
        end = _first(year, month + 1) - timedelta(1)
        return end - timedelta((end.weekday() - weekday) % WEEK_DAYS + WEEK_DAYS * (-nth - 1))
    found = first + timedelta((weekday - first.weekday()) % WEEK_DAYS + WEEK_DAYS * (nth - 1))
    return found if found.month == month else None


def _first(year: int, month: int) -> date:
    count = year * YEAR_MONTHS + month - 1
    return date(count // YEAR_MONTHS, count % YEAR_MONTHS + 1, 1)
