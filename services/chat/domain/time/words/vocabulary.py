# ruff: noqa: E501 - what is said is read on one line
"""The closed vocabulary of time: what each word is, whichever way it is written."""

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PLURAL_WEEKDAYS = tuple(f"{name}s" for name in WEEKDAYS)
SEASONS = ("spring", "summer", "autumn", "winter")
UNITS = ("day", "week", "weekend", "fortnight", "month", "quarter", "year", "evening", "morning", "night", "afternoon")
_UNIT_PLURALS = {f"{unit}s": unit for unit in UNITS}
MEETINGS = {
    "session": "session", "meeting": "session", "appointment": "session", "conversation": "session", "visit": "session",
    "talk": "session", "chat": "session", "consultation": "session", "consult": "session", "check-in": "session", "sesh": "session", "appt": "session",
}  # fmt: skip
# One way of writing each word; abbreviations and what two letters of a name share with it are told apart in `SHORT`.
SAME = {
    "sept": "september", "fall": "autumn", "wk": "week", "wks": "week", "yr": "year", "yrs": "year", "mth": "month",
    "mths": "month", "mos": "month", "wkend": "weekend", "wknd": "weekend", "yest": "yesterday", "yday": "yesterday",
    "tmrw": "tomorrow", "till": "until", "til": "until", "thru": "through", "fortnights": "fortnight", "prior": "before",
    "commencing": "starting", "beginning": "beginning", "start": "beginning", "outset": "beginning", "mid": "middle",
    "midway": "middle", "yesterdays": "yesterday", "todays": "today", "fortnite": "fortnight", "summers": "summer", "winters": "winter", "christmases": "christmas", "sitting": "session", "vs": "versus", "halfway": "middle", "saint": "st", "previously": "previous", "bc": "because", "springtime": "spring",
    "summertime": "summer", "wintertime": "winter", "bet": "between", "betw": "between", "btw": "by-the-way",
    "autumnal": "autumn", "&": "and", "antepenultimate": "third-last", "penult": "penultimate", "thanx": "thanks", "cpl": "couple",
}  # fmt: skip
# Written like other words or names, so they need a word of time in front.
SHORT = {
    "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june", "jul": "july", "aug": "august",
    "sep": "september", "oct": "october", "nov": "november", "dec": "december", "mon": "monday", "tue": "tuesday",
    "tues": "tuesday", "wed": "wednesday", "weds": "wednesday", "thu": "thursday", "thur": "thursday",
    "thurs": "thursday", "fri": "friday", "sat": "saturday", "sun": "sunday",
}  # fmt: skip
NAME_LIKE = frozenset(("march", "april", "may", "june", "august"))
NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
}  # fmt: skip
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
TENS = {"twenty": 20, "thirty": 30}
ONCE_JOINED = ("last", "this", "past", "first", "second", "two", "three", "before")
# A word of these in front of a date is a place in time, not a topic.
LEADS = frozenset(
    ("in", "on", "during", "at", "over", "of", "from", "within", "throughout", "across", "through", "back")
)
CANONICAL = {**SAME, **_UNIT_PLURALS, **MEETINGS, **{f"{word}s": to for word, to in MEETINGS.items()}}
