# ruff: noqa: E501 - a template is read on one line
"""The tuning phrases of each kind, as templates, and messages in which no time of a session is meant."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from evals.chat.time_templates import (
    DAY_NAMES,
    MONTH_NAMES,
    NUMBERS,
    ORDINALS,
    Case,
    Closed,
    Day,
    Template,
    Window,
    day_in_week,
    easter,
    feast,
    fixed,
    last_day,
    latest_of,
    months_back,
    nth,
    of_date,
    of_month,
    of_session,
    of_weekday,
    rolling,
    season,
    ten,
    whole,
)

FRAMES = (
    "What did we talk about {}?", "What did I say about my sleep {}?", "{}, what did she suggest?", "Can you tell me what we discussed {}",
    "what was I worried about {}?", "{}?", "Did I mention my brother {}?", "what came up {}", "Remind me what homework I got {}.",
)  # fmt: skip
WEEK, DAY = timedelta(7), timedelta(1)


def _week(day: Day, weeks: int) -> Closed:
    return day.monday(weeks), day.monday(weeks) + timedelta(6)


def _weekend(day: Day, weeks: int) -> Closed:
    # In the week the latest one is last week's; on a Saturday or Sunday it is this one.
    saturday = day.monday(weeks) + timedelta(5)
    return saturday, saturday + DAY


def _one(day: date) -> tuple[Window, ...]:
    return ((day, day),)


def _previous_month(day: Day, back: int = 1) -> Closed:
    first = months_back(day.on.replace(day=1), back)
    return first, last_day(first.year, first.month)


def _year(day: Day, back: int) -> Closed:
    return date(day.on.year - back, 1, 1), date(day.on.year - back, 12, 31)


def _months(phrase: str) -> Template:
    def template(day: Day) -> Case:
        year, month = day.month()
        ahead = min(day.chance.randrange(1, 4), (day.on.year - year) * 12 + day.on.month - month)
        last = year * 12 + month - 1 + ahead
        return day.case(
            phrase.format(MONTH_NAMES[month], MONTH_NAMES[last % 12 + 1]),
            (date(year, month, 1), last_day(last // 12, last % 12 + 1)),
        )

    return template


def _days_of_month(phrase: str) -> Template:
    def template(day: Day) -> Case:
        year, month = day.month()
        low = day.chance.randrange(1, 20)
        high = low + day.chance.randrange(2, 9)
        names = {"a": low, "b": high, "na": nth(low), "nb": nth(high), "m": MONTH_NAMES[month]}
        return day.case(phrase.format(**names), (date(year, month, low), date(year, month, high)))

    return template


def _counted(phrase: str) -> Template:
    def template(day: Day) -> Case:
        number = day.chance.randrange(2, 6)
        text = phrase.format(day.chance.choice((str(number), NUMBERS[number])))
        if "day" in phrase:
            return day.case(text, *_one(day.back(number)))
        if "week" in phrase:
            return day.case(text, _week(day, number))
        if "month" in phrase:
            return day.case(text, _previous_month(day, number))
        return day.case(text, _year(day, number))

    return template


def _session_number(phrase: str) -> Template:
    def template(day: Day) -> Case:
        number = day.chance.randrange(2, 11)
        return day.case(phrase.format(d=number, w=NUMBERS[number], o=ORDINALS[number], n=nth(number)), sessions=number)

    return template


def _sessions_ago(phrase: str) -> Template:
    def template(day: Day) -> Case:
        number = day.chance.randrange(2, 6)
        return day.case(phrase.format(day.chance.choice((str(number), NUMBERS[number]))), sessions=-number)

    return template


def _open(phrase: str, *, since: bool = False, before: bool = False, after: bool = False) -> Template:
    def template(day: Day) -> Case:
        year, month = day.month()
        first, last = whole(year, month)
        text = phrase.format(MONTH_NAMES[month])
        if since:
            return day.case(text, (first, None))
        if before:
            return day.case(text, (None, first - DAY))
        return day.case(text, (last + DAY, None)) if after else day.case(text, (None, last))

    return template


def _easter(phrase: str, first: int, last: int) -> Template:
    return lambda day: day.case(phrase, (easter(day) + timedelta(first), easter(day) + timedelta(last)))


def _week_of_month(phrase: str, low: int, high: int) -> Template:
    return of_month(
        phrase,
        lambda year, month: (date(year, month, low), date(year, month, high) if high < 29 else last_day(year, month)),
    )


def _last_days(phrase: str, length: int) -> Template:
    return of_month(phrase, lambda year, month: (last_day(year, month) - timedelta(length - 1), last_day(year, month)))


def _nth_weekday(phrase: str, which: int) -> Template:
    def template(day: Day) -> Case:
        year, month = day.month()
        weekday = day.chance.randrange(7)
        days = [
            date(year, month, number)
            for number in range(1, last_day(year, month).day + 1)
            if date(year, month, number).weekday() == weekday
        ]
        return day.case(phrase.format(DAY_NAMES[weekday], MONTH_NAMES[month]), *_one(days[which]))

    return template


def _latest_season(day: Day, first: int) -> date:
    first = (first + (5 if day.zone.startswith("Pacific/") else -1)) % 12 + 1
    return date(day.on.year - (first > day.on.month), first, 1)


def _since_season(name: str, first: int) -> Template:
    return lambda day: day.case(f"since the {name}", (_latest_season(day, first), None))


def _last_weekday(_day: Day, latest: date) -> tuple[Window, ...]:
    return (latest, latest), (latest - WEEK, latest - WEEK)


SESSION: Sequence[Template] = (
    *(of_session(text, -1) for text in ("last session", "in our last session", "in the previous session", "at my last appointment", "in our most recent session", "last time", "the last time we met", "in the latest session", "the last time we spoke", "in my last therapy session")),
    *(of_session(text, -2) for text in ("the session before last", "in the penultimate session", "in our second to last session", "in the second-last session", "the time before last", "in the last session but one", "in the one before the last", "in the session before the last one", "in the next-to-last session", "at my second to last appointment", "the appointment before last")),
    of_session("in the third to last session", -3), of_session("in the third-last session", -3), of_session("in the last but two session", -3),
    *(of_session(text, 1) for text in ("in our first session", "in the very first session", "when we first met", "in my first ever session", "when we started", "at the beginning of therapy", "in our initial session", "the first time we met", "in our opening session", "at the very start of therapy", "in the 1st session", "at our first appointment")),
    *(_session_number(text) for text in ("in session {d}", "in session {w}", "in session number {d}", "in session no. {d}", "in session #{d}", "in the {o} session", "in the {n} session", "in our {o} meeting", "at my {n} appointment", "the {o} time we met", "from session {d}")),
    *(_sessions_ago(text) for text in ("{} sessions ago", "{} appointments ago", "{} sessions back")),
    of_session("in the session after the first one", 2), of_session("in the session before the fourth", 3), of_session("a couple of sessions ago", -2),
)  # fmt: skip
DAYS: Sequence[Template] = (
    fixed("yesterday", lambda day: (day.back(1), day.back(1))), fixed("the day before yesterday", lambda day: (day.back(2), day.back(2))),
    fixed("yesterday evening", lambda day: (day.back(1), day.back(1))), fixed("last night", lambda day: (day.back(1), day.back(1))),
    fixed("today", lambda day: (day.on, day.on)), fixed("this morning", lambda day: (day.on, day.on)), fixed("earlier today", lambda day: (day.on, day.on)),
    fixed("yesterday's session", lambda day: (day.back(1), day.back(1))), fixed("a week ago today", lambda day: (day.back(7), day.back(7))),
    fixed("a week ago yesterday", lambda day: (day.back(8), day.back(8))), fixed("two weeks ago today", lambda day: (day.back(14), day.back(14))),
    fixed("a day ago", lambda day: (day.back(1), day.back(1))), _counted("{} days ago"), fixed("a couple of days ago", lambda day: (day.back(2), day.back(2))),
    of_date("on {d} {m}", _one), of_date("on {m} {d}", _one), of_date("on the {n} of {m}", _one), of_date("on {w} {d} {m}", _one), of_date("on {s} {n}", _one),
    of_date("on {m} the {n}", _one), of_date("on {d} {m} {y}", _one), of_date("on {m} {n}, {y}", _one), of_date("in the session of {d} {s}", _one),
    of_date("on {w}, {m} {n}", _one), of_date("the {n} {m}", _one), of_date("on {w} the {n} of {m}", _one), of_date("{m} {n}", _one), of_date("in the {d} {m} session", _one),
)  # fmt: skip
WEEKDAYS: Sequence[Template] = (
    of_weekday("on {}", lambda _, latest: _one(latest)), of_weekday("last {}", _last_weekday), of_weekday("{} last week", day_in_week(1)),
    of_weekday("on {} of last week", day_in_week(1)), of_weekday("last week on {}", day_in_week(1)), of_weekday("last week's {} session", day_in_week(1)),
    of_weekday("two weeks ago on {}", day_in_week(2)), of_weekday("on {} two weeks ago", day_in_week(2)), of_weekday("the {} before last", lambda _, latest: _one(latest - WEEK)),
    of_weekday("in {}'s session", lambda _, latest: _one(latest)), of_weekday("on {} morning", lambda _, latest: _one(latest)), of_weekday("in the session on {}", lambda _, latest: _one(latest)),
    of_weekday("on {} the week before last", day_in_week(2)), of_weekday("this past {}", lambda _, latest: _one(latest)), of_weekday("two {}s ago", lambda _, latest: _one(latest - WEEK)),
    of_weekday("the {} session last week", day_in_week(1)), of_weekday("last {} night", _last_weekday), of_weekday("in the {} appointment", lambda _, latest: _one(latest)),
)  # fmt: skip
WEEKS: Sequence[Template] = (
    fixed("last week", lambda day: _week(day, 1)), fixed("this week", lambda day: _week(day, 0)), fixed("the week before last", lambda day: _week(day, 2)),
    fixed("in the previous week", lambda day: _week(day, 1)), fixed("a fortnight ago", lambda day: _week(day, 2)), _counted("{} weeks ago"), fixed("a week ago", lambda day: _week(day, 1)),
    fixed("earlier this week", lambda day: _week(day, 0)), fixed("in last week's session", lambda day: _week(day, 1)), fixed("a couple of weeks ago", lambda day: _week(day, 2)),
    rolling("in the last two weeks", lambda day: day.back(14)), rolling("over the past three weeks", lambda day: day.back(21)), rolling("in the past week", lambda day: day.back(7)),
    rolling("in the last ten days", lambda day: day.back(10)), rolling("over the last fortnight", lambda day: day.back(14)), rolling("the last couple of weeks", lambda day: day.back(14)),
    rolling("this past week", lambda day: day.back(7)), rolling("during the last 4 weeks", lambda day: day.back(28)), rolling("in the past few weeks", lambda day: day.back(21)), rolling("within the last 7 days", lambda day: day.back(7)),
    of_date("in the week of {d} {m}", lambda that: ((that - timedelta(that.weekday()), that + timedelta(6 - that.weekday())),)),
)  # fmt: skip
WEEKENDS: Sequence[Template] = (
    fixed("last weekend", lambda day: _weekend(day, 1)), fixed("two weekends ago", lambda day: _weekend(day, 2), lambda day: _weekend(day, 1)),
    fixed("over the weekend", lambda day: _weekend(day, 0 if day.on.weekday() > 4 else 1)), fixed("at the weekend", lambda day: _weekend(day, 0 if day.on.weekday() > 4 else 1)),
    fixed("the weekend before last", lambda day: _weekend(day, 2), lambda day: _weekend(day, 1)), fixed("this past weekend", lambda day: _weekend(day, 0 if day.on.weekday() > 4 else 1), lambda day: _weekend(day, 1)),
)  # fmt: skip
MONTHS: Sequence[Template] = (
    of_month("in {}", whole), of_month("last {}", whole), of_month("back in {}", whole), of_month("during {}", whole), of_month("in {}'s sessions", whole),
    of_month("in the {} sessions", whole), of_month("in the month of {}", whole), of_month("throughout {}", whole), of_month("in our {} session", whole), of_month("all through {}", whole),
    fixed("last month", _previous_month), fixed("the month before last", lambda day: _previous_month(day, 2)), fixed("this month", lambda day: _previous_month(day, 0)), _counted("{} months ago"),
    fixed("a month ago", _previous_month), fixed("earlier this month", lambda day: _previous_month(day, 0)), fixed("last month's sessions", _previous_month),
    rolling("in the last two months", lambda day: months_back(day.on, 2)), rolling("over the past month", lambda day: months_back(day.on, 1)), rolling("over the last six months", lambda day: months_back(day.on, 6)),
    fixed("in March last year", lambda day: whole(day.on.year - 1, 3)), fixed("in October 2025", lambda _: whole(2025, 10)), fixed("in November of last year", lambda day: whole(day.on.year - 1, 11)),
    fixed("in May '25", lambda _: whole(2025, 5)), fixed("last year in June", lambda day: whole(day.on.year - 1, 6)), fixed("in Sept 2025", lambda _: whole(2025, 9)), fixed("in february of 2025", lambda _: whole(2025, 2)),
    fixed("May last year", lambda day: whole(day.on.year - 1, 5)), fixed("in the october before last", lambda day: whole(day.on.year - 1 - (day.on < date(day.on.year, 11, 1)), 10)),
)  # fmt: skip
YEARS: Sequence[Template] = (
    fixed("last year", lambda day: _year(day, 1)), fixed("this year", lambda day: _year(day, 0)), fixed("in 2025", lambda _: (date(2025, 1, 1), date(2025, 12, 31))), fixed("the year before last", lambda day: _year(day, 2)),
    _counted("{} years ago"), fixed("back in 2024", lambda _: (date(2024, 1, 1), date(2024, 12, 31))), rolling("in the past year", lambda day: months_back(day.on, 12)), fixed("so far this year", lambda day: _year(day, 0)),
    fixed("in the year 2025", lambda _: (date(2025, 1, 1), date(2025, 12, 31))), rolling("over the last two years", lambda day: months_back(day.on, 24)), fixed("earlier this year", lambda day: _year(day, 0)), fixed("during 2025", lambda _: (date(2025, 1, 1), date(2025, 12, 31))),
    fixed("all of last year", lambda day: _year(day, 1)), fixed("a year ago", lambda day: _year(day, 1)), fixed("in last year's sessions", lambda day: _year(day, 1)),
)  # fmt: skip
SINCE: Sequence[Template] = (
    *(_open(text, since=True) for text in ("since {}", "from {} onwards", "from {} on", "ever since {}", "since the beginning of {}", "since early {}", "starting in {}", "starting from {}", "since we talked in {}", "from {} until now", "since our session in {}", "from {} to today")),
    of_date("since {d} {m}", lambda that: ((that, None),)), of_date("since the {n} of {m}", lambda that: ((that, None),)), fixed("since last week", lambda day: (day.monday(1), None)), fixed("since yesterday", lambda day: (day.back(1), None)),
    fixed("since last month", lambda day: (_previous_month(day)[0], None)), fixed("since the start of the year", lambda day: (date(day.on.year, 1, 1), None)), fixed("since New Year", lambda day: (date(day.on.year, 1, 1), None)), fixed("since last year", lambda day: (_year(day, 1)[0], None)),
    _since_season("summer", 6), _since_season("spring", 3), fixed("since Christmas", lambda day: (latest_of(12, 25)(day), None)), fixed("since Easter", lambda day: (easter(day), None)), of_weekday("since {}", lambda _, latest: ((latest, None),)),
    of_weekday("since last {}", lambda _, latest: ((latest, None),)), fixed("since 2025", lambda _: (date(2025, 1, 1), None)), fixed("since the beginning of last month", lambda day: (_previous_month(day)[0], None)), fixed("since the weekend", lambda day: (_weekend(day, 0 if day.on.weekday() > 4 else 1)[0], None)),
)  # fmt: skip
BEFORE: Sequence[Template] = (
    *(_open(text, before=True) for text in ("before {}", "prior to {}", "before the beginning of {}", "earlier than {}", "any time before {}")), of_date("before {d} {m}", lambda that: ((None, that - DAY),)), of_date("before the {n} of {m}", lambda that: ((None, that - DAY),)),
    fixed("before last week", lambda day: (None, day.monday(1) - DAY)), fixed("before this month", lambda day: (None, day.on.replace(day=1) - DAY)), fixed("before this year", lambda day: (None, date(day.on.year - 1, 12, 31))), fixed("before Christmas", lambda day: (None, latest_of(12, 25)(day) - DAY)),
    fixed("before Easter", lambda day: (None, easter(day) - DAY)), fixed("before 2026", lambda _: (None, date(2025, 12, 31))), fixed("before yesterday", lambda day: (None, day.back(2))), lambda day: day.case("before the summer", (None, _latest_season(day, 6) - DAY)), of_weekday("before last {}", lambda _, latest: ((None, latest - DAY),)),
)  # fmt: skip
AFTER: Sequence[Template] = (
    *(_open(text, after=True) for text in ("after {}", "later than {}", "after the end of {}", "any time after {}")), of_date("after {d} {m}", lambda that: ((that + DAY, None),)), of_date("after {m} {n}", lambda that: ((that + DAY, None),)), fixed("after Christmas", lambda day: (latest_of(12, 25)(day) + DAY, None)),
    fixed("after Easter", lambda day: (easter(day) + DAY, None)), of_weekday("after last {}", lambda _, latest: ((latest + DAY, None),)), fixed("after last month", lambda day: (day.on.replace(day=1), None)), fixed("after last year", lambda day: (date(day.on.year, 1, 1), None)), fixed("after 2025", lambda _: (date(2026, 1, 1), None)),
)  # fmt: skip
BETWEEN: Sequence[Template] = (
    *(_months(text) for text in ("between {} and {}", "from {} to {}", "from {} until {}", "from {} through {}", "{} to {}", "from {} till {}", "between the months of {} and {}")), *(_days_of_month(text) for text in ("between the {na} and the {nb} of {m}", "from {a} to {b} {m}", "from {m} {a} to {b}", "between {m} {na} and {m} {nb}", "between {a} and {b} {m}", "from the {na} to the {nb} of {m}", "{a}-{b} {m}", "between {a} {m} and {b} {m}", "from {m} {na} through {m} {nb}")),
    fixed("between March and May last year", lambda day: (date(day.on.year - 1, 3, 1), date(day.on.year - 1, 5, 31))), fixed("from March to June 2025", lambda _: (date(2025, 3, 1), date(2025, 6, 30))), fixed("between November 2025 and January 2026", lambda day: (date(2025, 11, 1), min(date(2026, 1, 31), day.on))),
    fixed("from Monday to Wednesday last week", lambda day: (day.monday(1), day.monday(1) + timedelta(2))), fixed("between Christmas and New Year", lambda day: (date(day.on.year - 1, 12, 25), date(day.on.year, 1, 1))), fixed("between 2024 and 2025", lambda _: (date(2024, 1, 1), date(2025, 12, 31))),
    fixed("between Easter and now", lambda day: (easter(day), None)), fixed("between two and four weeks ago", lambda day: (day.monday(4), day.monday(2) + timedelta(6))),
)  # fmt: skip
UNTIL: Sequence[Template] = (
    *(_open(text) for text in ("until {}", "up to {}", "till {}", "up until {}", "until the end of {}", "by the end of {}", "through the end of {}")), of_date("until {d} {m}", lambda that: ((None, that),)), of_date("up to the {n} of {m}", lambda that: ((None, that),)), fixed("until last week", lambda day: (None, day.monday(1) + timedelta(6))), fixed("until yesterday", lambda day: (None, day.back(1))), fixed("until Christmas", lambda day: (None, latest_of(12, 25)(day))),
)  # fmt: skip
WEEKS_OF_MONTH: Sequence[Template] = (
    _week_of_month("in the first week of {}", 1, 7), _week_of_month("the second week of {}", 8, 14), _week_of_month("in the third week in {}", 15, 21), _week_of_month("during the 4th week of {}", 22, 28), _last_days("in the last week of {}", 7), _week_of_month("in {}'s first week", 1, 7), _week_of_month("in the first two weeks of {}", 1, 14), _last_days("in the last two weeks of {}", 14), _week_of_month("in the 2nd week of {}", 8, 14), _last_days("in the final week of {}", 7), _last_days("{}'s last week", 7),
    lambda day: day.case("in the first week of last month", (_previous_month(day)[0], _previous_month(day)[0] + timedelta(6))), lambda day: day.case("in the last week of last month", (_previous_month(day)[1] - timedelta(6), _previous_month(day)[1])), _nth_weekday("on the first {} of {}", 0), _nth_weekday("on the last {} in {}", -1), _nth_weekday("on the third {} of {}", 2), _last_days("in the last few days of {}", 3), _week_of_month("on the first day of {}", 1, 1), _week_of_month("in week two of {}", 8, 14),
)  # fmt: skip
PARTS: Sequence[Template] = (
    of_month("in early {}", ten(0)), of_month("in mid-{}", ten(1)), of_month("in late {}", ten(2)), of_month("at the beginning of {}", ten(0)), of_month("at the end of {}", ten(2)), of_month("in the middle of {}", ten(1)), of_month("at the start of {}", ten(0)), of_month("towards the end of {}", ten(2)), of_month("mid {}", ten(1)), of_month("late in {}", ten(2)), of_month("early in {}", ten(0)), of_month("around the middle of {}", ten(1)), _week_of_month("in the first half of {}", 1, 15), _week_of_month("in the second half of {}", 16, 31),
    lambda day: day.case("at the beginning of last month", (_previous_month(day)[0], _previous_month(day)[0] + timedelta(9))), lambda day: day.case("at the end of last month", (_previous_month(day)[0] + timedelta(20), _previous_month(day)[1])), of_month("in the latter half of {}", lambda year, month: (date(year, month, 16), last_day(year, month))), of_month("very early in {}", ten(0)),
)  # fmt: skip
QUARTERS: Sequence[Template] = (
    fixed("in Q1", lambda day: (date(day.on.year, 1, 1), date(day.on.year, 3, 31))), fixed("in the first quarter of 2025", lambda _: (date(2025, 1, 1), date(2025, 3, 31))), fixed("in Q3 2025", lambda _: (date(2025, 7, 1), date(2025, 9, 30))), fixed("in the second half of last year", lambda day: (date(day.on.year - 1, 7, 1), date(day.on.year - 1, 12, 31))), fixed("in the first half of the year", lambda day: (date(day.on.year, 1, 1), date(day.on.year, 6, 30))),
    fixed("in the last quarter of 2025", lambda _: (date(2025, 10, 1), date(2025, 12, 31))), fixed("in the first half of this year", lambda day: (date(day.on.year, 1, 1), date(day.on.year, 6, 30))), fixed("in the fourth quarter of last year", lambda day: (date(day.on.year - 1, 10, 1), date(day.on.year - 1, 12, 31))), fixed("in the first three months of the year", lambda day: (date(day.on.year, 1, 1), date(day.on.year, 3, 31))),
    fixed("in late 2025", lambda _: (date(2025, 9, 1), date(2025, 12, 31))), fixed("in early 2025", lambda _: (date(2025, 1, 1), date(2025, 4, 30))), fixed("in mid-2025", lambda _: (date(2025, 5, 1), date(2025, 8, 31))), fixed("at the start of the year", lambda day: (date(day.on.year, 1, 1), date(day.on.year, 3, 31))),
)  # fmt: skip
SEASONS: Sequence[Template] = (
    season("spring", 3), season("summer", 6), season("autumn", 9), season("winter", 12), season("fall", 9), lambda day: day.case("last summer", *[(start, last_day(start.year + (start.month > 10), (start.month + 1) % 12 + 1)) for start in [_ended(day, 6)]]), lambda day: day.case("last spring", *[(start, last_day(start.year, start.month + 2)) for start in [_ended(day, 3)]]),
    fixed("in the summer of 2025", lambda day: (date(2025, 12, 1), date(2026, 2, 28)) if day.zone.startswith("Pacific/") else (date(2025, 6, 1), date(2025, 8, 31))), fixed("in autumn 2025", lambda day: (date(2025, 3, 1), date(2025, 5, 31)) if day.zone.startswith("Pacific/") else (date(2025, 9, 1), date(2025, 11, 30))), fixed("in spring last year", lambda day: (date(day.on.year - 1, 9, 1), date(day.on.year - 1, 11, 30)) if day.zone.startswith("Pacific/") else (date(day.on.year - 1, 3, 1), date(day.on.year - 1, 5, 31))),
    lambda day: day.case("over the summer", season("summer", 6)(day).windows[0]), lambda day: day.case("during the winter", season("winter", 12)(day).windows[0]), lambda day: day.case("this spring", season("spring", 3)(day).windows[0]), lambda day: day.case("in springtime", season("spring", 3)(day).windows[0]),
)  # fmt: skip


def _ended(day: Day, first: int) -> date:
    start = _latest_season(day, first)
    end = last_day(start.year + (start.month > 10), (start.month + 1) % 12 + 1)
    return start if end < day.on else start.replace(year=start.year - 1)


FEASTS: Sequence[Template] = (
    feast("at Christmas", 12, 25, before=1, after=1), feast("on Christmas Day", 12, 25), feast("on Christmas Eve", 12, 24), feast("on Boxing Day", 12, 26), feast("on New Year's Eve", 12, 31), feast("on New Year's Day", 1, 1), feast("at New Year", 1, 1, before=1), feast("on Halloween", 10, 31), feast("on Valentine's Day", 2, 14), feast("on St Patrick's Day", 3, 17), feast("on St. Patrick's day", 3, 17), feast("around Halloween", 10, 31, before=7, after=7),
    lambda day: day.case("over Christmas", (latest_of(12, 24)(day), latest_of(12, 24)(day) + timedelta(2)), _one(latest_of(12, 25)(day))[0]), _easter("at Easter", 0, 0), _easter("on Easter Sunday", 0, 0), _easter("on Good Friday", -2, -2), _easter("on Easter Monday", 1, 1), _easter("over Easter", -2, 1), _easter("over the Easter weekend", -2, 1), _easter("the day after Easter", 1, 1), _easter("the week before Easter", -13, -7) , _easter("on Palm Sunday", -7, -7), _easter("on Ash Wednesday", -46, -46),
    fixed("last Christmas", lambda day: _one(latest_of(12, 25)(day))[0]), fixed("at Christmas 2025", lambda _: (date(2025, 12, 25), date(2025, 12, 25))), fixed("the day after Christmas", lambda day: _one(latest_of(12, 25)(day) + DAY)[0]), fixed("last Halloween", lambda day: _one(date(day.on.year - (day.on <= date(day.on.year, 10, 31)), 10, 31))[0]), fixed("on Thanksgiving", lambda day: _one(date(2026, 11, 26) if day.on >= date(2026, 11, 26) else date(2025, 11, 27))[0]), fixed("on Valentines", lambda day: _one(latest_of(2, 14)(day))[0]),
    lambda day: day.case("on Mother's Day", *_one(_mothers(day))), feast("on xmas day", 12, 25), feast("on April Fools' Day", 4, 1), fixed("on Diwali", lambda day: _one(date(2026, 11, 8) if day.on >= date(2026, 11, 8) else date(2025, 10, 20))[0]), feast("on Guy Fawkes Night", 11, 5), fixed("two days before Christmas", lambda day: _one(latest_of(12, 25)(day) - timedelta(2))[0]), feast("at Christmas last year", 12, 25, before=1, after=1),
)  # fmt: skip


def _mothers(day: Day) -> date:
    days = {True: (date(2025, 3, 30), date(2026, 3, 15)), False: (date(2025, 5, 11), date(2026, 5, 10))}[
        day.zone in ("Europe/London", "Europe/Dublin")
    ]
    return max(one for one in days if one <= day.on)


ORDINAL: Sequence[Template] = (
    *(of_date(text, _one) for text in ("on the {n} of {m}", "on the {n} {m}", "on {m} the {n}", "the {n} of {m} {y}", "on {w} the {n} of {m}", "from the {n} of {m}")), *(lambda day, text=text: _this_month_day(day, text) for text in ("on the {}", "on the {} of this month", "in the session on the {}")),
    lambda day: day.case("on the 5th of last month", *_one(_previous_month(day)[0] + timedelta(4))), lambda day: day.case("on the twelfth of last month", *_one(_previous_month(day)[0] + timedelta(11))), fixed("on the third of May", lambda day: _one(latest_of(5, 3)(day))[0]), fixed("on the twenty-first of March", lambda day: _one(latest_of(3, 21)(day))[0]), fixed("on June the second", lambda day: _one(latest_of(6, 2)(day))[0]),
)  # fmt: skip


def _this_month_day(day: Day, phrase: str) -> Case:
    number = day.chance.randrange(1, day.on.day + 1)
    return day.case(phrase.format(nth(number)), *_one(day.on.replace(day=number)))


VAGUE: Sequence[Template] = (
    *(rolling(text, lambda day: day.back(30)) for text in ("recently", "lately", "these days", "in recent weeks", "of late")), rolling("the other day", lambda day: day.back(7)), of_session("in the beginning", 1), of_session("at the beginning", 1),
    *(fixed(text, lambda _: (None, None)) for text in ("a while ago", "some time ago", "a long time ago", "back then", "ages ago", "since we started", "so far", "in all our sessions", "since the beginning", "over the course of therapy", "since our first session", "at some point", "in general")),
)  # fmt: skip
KINDS: Mapping[str, Sequence[Template]] = {
    "session": SESSION, "day": DAYS, "weekday": WEEKDAYS, "week": WEEKS, "weekend": WEEKENDS, "month": MONTHS, "year": YEARS, "since": SINCE, "before": BEFORE, "after": AFTER, "between": BETWEEN, "until": UNTIL,
    "week_of_month": WEEKS_OF_MONTH, "part_of_month": PARTS, "quarter_or_half": QUARTERS, "season": SEASONS, "feast": FEASTS, "ordinal": ORDINAL, "vague": VAGUE,
}  # fmt: skip
SLIPS = {
    "tuseday": "tuesday", "wensday": "wednesday", "wednsday": "wednesday", "thrusday": "thursday", "firday": "friday", "saterday": "saturday", "sunay": "sunday", "mondya": "monday", "yesturday": "yesterday", "yesteday": "yesterday", "febuary": "february", "janurary": "january", "septmber": "september", "setember": "september", "ocotber": "october", "novmber": "november", "decmber": "december", "agust": "august", "appril": "april",
    "last weak": "last week", "lst week": "last week", "last wek": "last week", "las month": "last month", "last moth": "last month", "last munth": "last month", "sesion": "session", "sessoin": "session", "apointment": "appointment", "sumer": "summer", "autunm": "autumn", "wintr": "winter", "sprng": "spring", "chrismas": "christmas", "cristmas": "christmas", "haloween": "halloween", "eastr": "easter", "valantine": "valentine", "thanksgivng": "thanksgiving",
    "last yaer": "last year", "lastweek": "last week", "last sesson": "last session", "frist": "first", "secnd": "second", "thrid": "third", "penultimat": "penultimate", "previuos": "previous", "fortnigth": "fortnight", "mounth": "month", "jully": "july", "juin": "june", "marhc": "march", "the day befor yesterday": "the day before yesterday",
}  # fmt: skip
NONE = (
    "May I ask you something?", "When may I swim again?", "How do I march on?", "What did I say about my Christmas party?", "My friend April hurt me", "What did June say about her mother?", "I need a second opinion", "On second thoughts, leave it", "What was the first thing she taught me?", "What helps me fall asleep?", "When is my next session?", "Can I move my appointment to Friday?", "What should I do next week?", "Do I have a session on Thursday?",
    "What should I bring to the next session?", "I have panic attacks every Monday", "How often do I meditate each week?", "I meditate three times a week", "I've been sober for two years", "I was married for ten years", "He is 12 years old", "What did I say about my summer job?", "What do I think about Christmas?", "I hate Mondays", "Who is August?", "What did we say about sleep?", "Is one day at a time good advice?", "What is the 24/7 hotline?", "When was the last time I cried?",
    "What was the last thing my dad said?", "What did I say about my last job?", "Tell me about the first time I drove", "When was the last time we talked about my dad?", "Why am I so tired at night?", "How do I sleep in the afternoon?", "I take 50 mg in the morning", "What about my second marriage?", "Sun makes me happy", "I sat in the car", "What did she say about spring cleaning?", "What happens if I relapse tomorrow?", "How long will this take?", "Will it get better by Christmas?",
    "What do we do next month?", "My sister was born in a leap year", "I weigh 80 kilos", "I paid $2025 for it", "What did I say about the mid-life crisis?", "It was the worst day of my life", "Do I have to go to school on Monday?", "Tell me about the daily exercise", "What is a monthly plan?", "What should I do in the evening?", "How do I handle weekends?", "I drink at weekends", "Mornings are hard", "We eat at 7:30", "My address is 12 March Street", "What did Marsh say?",
    "What did my master say?", "I saw a match with Julie", "What's my therapist's view on the season finale?", "I fought in the first round", "Give me a minute", "Just a second", "Every summer I feel worse", "What can I do to feel better before my exam?", "What changed since the accident?", "What did I say after the funeral?", "How was I until the divorce?", "How did it go between my parents and me?", "What did I do from home?", "I have felt this way since childhood", "When I was ten my dog died",
    "What did I say about Sunday mornings?", "What did we say about friday nights?", "What do I do on a Monday?", "Why do I feel worse in winter?", "Is it normal to feel sad at Christmas?", "What did I say about my last day at work?", "What did she say about my last year at school?", "What did August's teacher say?", "My blood pressure was 12/8", "Did I rate my mood 7/10?", "What did I say about Sunday scaries?", "What can I do on Tuesday week?", "What did I say about spending Christmas alone?",
    "My wedding is in June", "I will be 30 in May", "I start my new job in September", "What did I say about my exam next March?", "When did we last talk about sleep?", "When did we first talk about my dad?", "What did we plan for Christmas?", "Do I need to do it until next week?", "What happened the week after the wedding?", "What did she say the day before my birthday?", "What did I say two weeks after the funeral?", "How many days until Christmas?",
)  # fmt: skip
