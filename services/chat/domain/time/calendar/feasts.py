# ruff: noqa: E501 - a feast is read on one line
"""The days of feasts by year and country. Bank holidays and school terms are left out: they are decrees, not customs."""

from collections.abc import Callable
from datetime import date, timedelta

from services.chat.domain.time.calendar.spans import nth_weekday, one, valid_date
from services.chat.domain.time.shapes import Days

# Likeliest first; the first of these is the feast itself, the others what is also called so (its eve, its weekend).
Feast = Callable[[int, str], tuple[Days, ...]]
MONDAY, THURSDAY, FRIDAY, SUNDAY = 0, 3, 4, 6
_TABLES_FROM = 2020
# Feasts of calendars that are proclaimed or computed elsewhere, as MMDD from 2020 on (taken from `holidays` 0.109).
_TABLES = {
    "diwali": "1114 1104 1024 1112 1031 1020 1108 1029 1017 1105 1026 1114 1102 1022 1110 1030",
    "holi": "0310 0329 0318 0308 0325 0314 0304 0322 0311 0301 0320 0309 0327 0316 0305 0324",
    "dussehra": "1025 1015 1005 1024 1012 1002 1020 1009 0927 1016 1006 1025 1014 1003 1022 1011",
    "lunar new year": "0125 0212 0201 0122 0210 0129 0217 0206 0126 0213 0203 0123 0211 0131 0219 0208",
    "eid": "0524 0513 0502 0421 0410 0330 0320 0309 0226 0214 0204 0124 0114 0102 1212 1201",
    "eid al adha": "0731 0720 0709 0628 0616 0606 0527 0516 0505 0424 0413 0402 0322 0311 0301 0218",
    "passover": "0409 0328 0416 0406 0423 0413 0402 0422 0411 0331 0418 0408 0327 0414 0404 0424",
    "rosh hashanah": "0919 0907 0926 0916 1003 0923 0912 1002 0921 0910 0928 0918 0906 0924 0914 1004",
    "yom kippur": "0928 0916 1005 0925 1012 1002 0921 1011 0930 0919 1007 0927 0915 1003 0923 1013",
    "hanukkah": "1211 1129 1219 1208 1226 1215 1205 1225 1213 1202 1221 1210 1128 1217 1207 1226",
}
_LENGTHS = {"hanukkah": 8, "passover": 8, "rosh hashanah": 2}
_FIXED = {
    "boxing day": (12, 26), "st stephen": (12, 26), "christmas eve": (12, 24), "christmas day": (12, 25),
    "new year eve": (12, 31), "new year day": (1, 1), "hogmanay": (12, 31), "halloween": (10, 31), "valentine": (2, 14),
    "st patrick": (3, 17), "st nicholas": (12, 6), "st andrew": (11, 30), "st george": (4, 23), "st david": (3, 1),
    "st brigid": (2, 1), "burns night": (1, 25), "bonfire night": (11, 5), "guy fawkes": (11, 5), "all saints": (11, 1),
    "all souls": (11, 2), "epiphany": (1, 6), "three kings": (1, 6), "april fool": (4, 1), "may day": (5, 1),
    "women day": (3, 8), "juneteenth": (6, 19), "fourth of july": (7, 4), "veterans day": (11, 11),
    "remembrance day": (11, 11), "armistice day": (11, 11), "anzac day": (4, 25), "waitangi day": (2, 6),
    "australia day": (1, 26), "canada day": (7, 1), "bastille day": (7, 14), "groundhog day": (2, 2),
    "republic day": (1, 26), "gandhi jayanti": (10, 2), "st lucia": (12, 13), "midsummer eve": (6, 23), "st john": (6, 24),
}  # fmt: skip
_FROM_EASTER = {
    "easter sunday": 0, "good friday": -2, "easter monday": 1, "easter saturday": -1, "holy saturday": -1,
    "maundy thursday": -3, "holy thursday": -3, "palm sunday": -7, "ash wednesday": -46, "shrove tuesday": -47, "pancake day": -47,
    "mardi gras": -47, "carnival": -47, "ascension": 39, "pentecost": 49, "whitsun": 49, "whit sunday": 49, "whit monday": 50,
    "corpus christi": 60,
}  # fmt: skip
_INDEPENDENCE = {"US": (7, 4), "IN": (8, 15), "PL": (11, 11), "PT": (12, 1), "MX": (9, 16)}
_NATIONAL = {"DE": (10, 3), "FR": (7, 14), "PT": (6, 10), "AU": (1, 26), "NZ": (2, 6), "IE": (3, 17), "PL": (11, 11)}
_LABOUR = {"US": (9, MONDAY, 1), "CA": (9, MONDAY, 1), "NZ": (10, MONDAY, 4)}


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876)."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def of_year(name: str, year: int, country: str) -> tuple[Days, ...]:
    """Return the days of a feast in a year; none if the country or the tables know no such feast."""
    if name in _FIXED:
        day = valid_date(year, *_FIXED[name])
        return (one(day),) if day else ()
    if name in _FROM_EASTER:
        return (one(easter(year) + timedelta(_FROM_EASTER[name])),)
    if name in _TABLES:
        return _of_table(name, year)
    return _MOVABLE[name](year, country)


def _of_table(name: str, year: int) -> tuple[Days, ...]:
    days = _TABLES[name].split()
    if not 0 <= year - _TABLES_FROM < len(days):
        return ()
    written = days[year - _TABLES_FROM]
    first = date(year, int(written[:2]), int(written[2:]))
    if name == "diwali":
        return one(first), one(first - timedelta(2), 5), one(first - timedelta(1), 3)
    length = _LENGTHS.get(name, 1)
    return (one(first, length), one(first)) if length > 1 else (one(first), one(first, 3))


def _christmas(year: int, _country: str) -> tuple[Days, ...]:
    return one(date(year, 12, 25)), one(date(year, 12, 24), 3), one(date(year, 12, 25), 2)


def _over_christmas(year: int, _country: str) -> tuple[Days, ...]:
    return one(date(year, 12, 24), 3), one(date(year, 12, 25), 2), one(date(year, 12, 25))


def _christmas_holidays(year: int, _country: str) -> tuple[Days, ...]:
    return Days(date(year, 12, 24), date(year + 1, 1, 2)), one(date(year, 12, 24), 3)


def _christmas_week(year: int, _country: str) -> tuple[Days, ...]:
    day = date(year, 12, 25)
    return one(day - timedelta(day.weekday()), 7), Days(day, date(year + 1, 1, 1))


def _new_year(year: int, _country: str) -> tuple[Days, ...]:
    return one(date(year, 1, 1)), one(date(year - 1, 12, 31), 2)


def _over_new_year(year: int, _country: str) -> tuple[Days, ...]:
    return one(date(year - 1, 12, 31), 2), one(date(year, 1, 1))


def _easter(year: int, _country: str) -> tuple[Days, ...]:
    sunday = easter(year)
    return one(sunday), one(sunday - timedelta(2), 4), one(sunday, 2)


def _easter_weekend(year: int, _country: str) -> tuple[Days, ...]:
    sunday = easter(year)
    return one(sunday - timedelta(2), 4), one(sunday - timedelta(1), 2), one(sunday - timedelta(2), 3)


def _easter_week(year: int, _country: str) -> tuple[Days, ...]:
    sunday = easter(year)
    return one(sunday - timedelta(6), 7), one(sunday, 7)


def _lent(year: int, _country: str) -> tuple[Days, ...]:
    return (Days(easter(year) - timedelta(46), easter(year)),)


def _ramadan(year: int, _country: str) -> tuple[Days, ...]:
    return tuple(Days(eid.start - timedelta(30), eid.start) for eid in _of_table("eid", year)[:1] if eid.start)


def _advent(year: int, _country: str) -> tuple[Days, ...]:
    eve = date(year, 12, 24)
    return (Days(eve - timedelta((eve.weekday() + 1) % 7 + 21), date(year, 12, 25)),)


def _thanksgiving(year: int, country: str) -> tuple[Days, ...]:
    nth = (10, MONDAY, 2) if country == "CA" else (11, THURSDAY, 4)
    return _weekday_of(year, nth)


def _thanksgiving_weekend(year: int, country: str) -> tuple[Days, ...]:
    first = _thanksgiving(year, country)[0].start
    assert first
    return (one(first - timedelta(2), 3),) if country == "CA" else (one(first, 4), one(first + timedelta(2), 2))


def _weekday_of(year: int, nth: tuple[int, int, int], later: int = 0) -> tuple[Days, ...]:
    day = nth_weekday(year, *nth)
    return (one(day + timedelta(later)),) if day else ()


def _mothers_day(year: int, country: str) -> tuple[Days, ...]:
    if country in ("GB", "IE"):
        return (one(easter(year) - timedelta(21)),)
    if country == "PL":
        return (one(date(year, 5, 26)),)
    if country == "FR":
        last = nth_weekday(year, 5, SUNDAY, -1)
        whitsun = easter(year) + timedelta(49)
        return _weekday_of(year, (6, SUNDAY, 1)) if last == whitsun else _weekday_of(year, (5, SUNDAY, -1))
    return _weekday_of(year, (5, SUNDAY, 1 if country in ("PT", "ES") else 2))


def _fathers_day(year: int, country: str) -> tuple[Days, ...]:
    if country == "DE":
        return (one(easter(year) + timedelta(39)),)
    if country == "PL":
        return (one(date(year, 6, 23)),)
    if country in ("PT", "ES", "IT"):
        return (one(date(year, 3, 19)),)
    return _weekday_of(year, (9, SUNDAY, 1) if country in ("AU", "NZ") else (6, SUNDAY, 3))


def _by_country(days: dict[str, tuple[int, int]]) -> Feast:
    return lambda year, country: (one(date(year, *days[country])),) if country in days else ()


def _nth(month: int, weekday: int, nth: int, later: int = 0) -> Feast:
    return lambda year, _country: _weekday_of(year, (month, weekday, nth), later)


def _labour_day(year: int, country: str) -> tuple[Days, ...]:
    return _weekday_of(year, _LABOUR[country]) if country in _LABOUR else (one(date(year, 5, 1)),)


_MOVABLE: dict[str, Feast] = {
    "christmas": _christmas, "over christmas": _over_christmas, "christmas holidays": _christmas_holidays, "christmas week": _christmas_week,
    "new year": _new_year, "over new year": _over_new_year, "easter": _easter, "easter weekend": _easter_weekend, "easter week": _easter_week,
    "lent": _lent, "advent": _advent, "ramadan": _ramadan, "thanksgiving": _thanksgiving, "thanksgiving weekend": _thanksgiving_weekend,
    "mother day": _mothers_day, "father day": _fathers_day, "labour day": _labour_day,
    "independence day": _by_country(_INDEPENDENCE), "national day": _by_country(_NATIONAL), "black friday": _nth(11, THURSDAY, 4, 1),
    "cyber monday": _nth(11, THURSDAY, 4, 4), "memorial day": _nth(5, MONDAY, -1), "presidents day": _nth(2, MONDAY, 3),
    "martin luther king day": _nth(1, MONDAY, 3), "columbus day": _nth(10, MONDAY, 2), "remembrance sunday": _nth(11, SUNDAY, 2),
    "melbourne cup": _nth(11, 1, 1), "midsummer": lambda year, _country: (one(date(year, 6, 24)), one(date(year, 6, 21))),
}  # fmt: skip
NAMES = frozenset((*_FIXED, *_FROM_EASTER, *_TABLES, *_MOVABLE))
ALIASES = {
    "x mas": "christmas", "ester sunday": "easter sunday", "ester monday": "easter monday", "xmas": "christmas", "xmas day": "christmas day", "xmas eve": "christmas eve", "christmas time": "over christmas", "christmastime": "over christmas",
    "christmas break": "christmas holidays", "christmas holiday": "christmas holidays", "christmas period": "christmas holidays",
    "christmas season": "christmas holidays", "christmas vacation": "christmas holidays", "the holidays": "christmas holidays",
    "holiday season": "christmas holidays", "festive season": "christmas holidays", "festive period": "christmas holidays",
    "first day of christmas": "christmas day", "second day of christmas": "boxing day", "st stephens": "st stephen", "saint stephen": "st stephen",
    "turn of the year": "over new year", "new years": "new year", "new years eve": "new year eve", "new years day": "new year day", "nye": "new year eve", "sylvester": "new year eve",
    "valentine day": "valentine", "valentines": "valentine", "valentines day": "valentine", "st valentine": "valentine", "saint valentine": "valentine",
    "st patricks": "st patrick", "saint patrick": "st patrick", "st paddy": "st patrick", "paddy day": "st patrick", "st paddys": "st patrick",
    "patrick day": "st patrick", "st patty": "st patrick", "paddys day": "st patrick", "hallowe'en": "halloween", "hallows eve": "halloween",
    "guy fawkes night": "bonfire night", "fireworks night": "bonfire night", "april fools": "april fool", "all saints day": "all saints",
    "all souls day": "all souls", "three kings day": "three kings", "women's day": "women day", "july fourth": "fourth of july", "july 4th": "fourth of july",
    "easter holidays": "easter weekend", "easter break": "easter weekend", "easter holiday": "easter weekend", "holy week": "easter week", "easter day": "easter sunday",
    "pancake tuesday": "pancake day", "ascension day": "ascension", "labor day": "labour day", "mothers day": "mother day", "mothering sunday": "mother day",
    "mum day": "mother day", "fathers day": "father day", "dad day": "father day", "workers day": "labour day", "deepavali": "diwali", "divali": "diwali",
    "durga puja": "dussehra", "chinese new year": "lunar new year", "eid al fitr": "eid", "eid ul fitr": "eid", "eid ul adha": "eid al adha", "bakrid": "eid al adha",
    "pesach": "passover", "chanukah": "hanukkah", "hanukah": "hanukkah", "mlk day": "martin luther king day", "president day": "presidents day", "veteran day": "veterans day",
    "st john eve": "midsummer eve", "saint john": "st john", "saint nicholas": "st nicholas", "st nick": "st nicholas", "unity day": "national day",
    "all hallows eve": "halloween", "midsummer day": "midsummer",
}  # fmt: skip
# A feast of several days if something lies over or during it.
STRETCHED = {
    "christmas": "over christmas",
    "new year": "over new year",
    "easter": "easter weekend",
    "thanksgiving": "thanksgiving weekend",
}
WITH_WEEKEND = {"easter": "easter weekend", "thanksgiving": "thanksgiving weekend"}
WORDS_MAX = 5
