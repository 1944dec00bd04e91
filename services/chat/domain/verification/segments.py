"""Cuts a sentence into reports: who is said to have said something, how, on which session's date, and what."""

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from services.chat.domain.conversation import Speaker

_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_MONTH = "|".join(_MONTHS)
_DAY_NAMES = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
DATE = (
    rf"(?:(?:{_DAY_NAMES}),? )?(?:the )?"
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{_MONTH})|(?:{_MONTH})"
    r" \d{1,2}(?:st|nd|rd|th)?)(?:,? \d{4})?"
)
_IN_SESSION = rf"(?:in|at|during|from) (?:your|the|that|this)(?: therapy)? session (?:on|of|from) (?P<in>{DATE}),?"
_SAID = (
    "said|mentioned|described|explained|shared|noted|reported|recalled|remembered|admitted|added|talked|spoke|"
    "brought up|"
    "pointed out|acknowledged|discussed|observed|replied|answered|confirmed|commented|reflected"
)
_ASKED = "asked|wondered"
_SUGGESTED = "suggested|recommended|proposed|encouraged|advised|invited|gave|set|assigned|offered|reminded|urged"
_AGREED = "agreed|decided|planned|promised|committed|intended"
_LISTENER = r"(?:to |with )?your therapist|them|you (?=about|whether|if|how|what|when|where|why|who|that)"
_ADVERBS = "(?:(?:also|then|both|later|once|already|briefly|had|have|has|first|even|initially) )*"
_FRAME = re.compile(
    rf"(?:\bas )?\b(?P<who>you and your therapist|your therapist and you|you both|the two of you|"
    rf"your therapist|you) {_ADVERBS}"
    rf"(?:(?P<passive>were (?:asked|encouraged|invited|told|advised|reminded|given))"
    rf"|(?P<to>(?:told|asked|wanted|reminded) you to)"
    rf"|(?P<told>told (?:your therapist|you)(?! to\b))|(?P<asked>{_ASKED})"
    r"(?! (?!your therapist|you\b|for\b|about|whether|if|how|what|when|where|why|who|to\b)\w)"
    rf"|(?P<suggested>{_SUGGESTED})|(?P<agreed>{_AGREED})|(?P<said>{_SAID}))\b"
    rf"(?: (?:{_LISTENER}))?(?: on (?P<on>{DATE}))?,?(?: (?:about|how|that|whether|out|if)\b)?",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:you|therapist)\b (?:\w+ )?(?:did not|didn['’]t|never|have not|haven['’]t|has not|hasn['’]t|"
    r"at no point|refused to)\b"
    r" (?:\w+ )?(?:sa(?:y|id)|tell|told|mention(?:ed)?|suggest(?:ed)?|recommend(?:ed)?|ask(?:ed)?|"
    r"talk(?:ed)?|discuss(?:ed)?)\b",
    re.IGNORECASE,
)
_SAID_ON = re.compile(rf"\b(?:on|back on) (?P<on>{DATE}),? (?=(?:you|your therapist|the two of you)\b)", re.IGNORECASE)
_JOINED = re.compile(r"(?:\b(?:and|but|while|then)|[,;:.])\s*$", re.IGNORECASE)


class Act(StrEnum):
    """What somebody is said to have done with their words."""

    SAY = "say"
    ASK = "ask"
    SUGGEST = "suggest"
    AGREE = "agree"


@dataclass(frozen=True)
class Report:
    """A part of a sentence. `speakers` must each have a quote; none: the part is told without saying who said it."""

    text: str
    speakers: frozenset[Speaker] = frozenset()
    act: Act | None = None
    dates: tuple[str, ...] = ()

    @property
    def act_is_open(self) -> bool:
        """Return True if what was asked, proposed or agreed need not have happened."""
        return self.act in (Act.ASK, Act.SUGGEST, Act.AGREE)


def denies_a_report(sentence: str) -> bool:
    """Return True for `you never said`: no quote can bear out that something was not said."""
    return bool(_DENIED.search(sentence))


def reports(sentence: str) -> list[Report]:
    """Return the parts of a sentence, without the words that only say who said it and when."""
    text, dates = _without_dates(sentence.strip().rstrip(".!"))
    # Further in, only "and you said" opens a report: in "that you said" it is what is reported.
    found = [one for place, one in enumerate(_FRAME.finditer(text)) if not place or _JOINED.search(text[: one.start()])]
    if not found:
        return [Report(text, dates=dates)]
    lead = text[: found[0].start()].strip(" ,")
    parts: list[Report] = []
    for frame, after in zip(found, [*found[1:], None], strict=True):
        said = text[frame.end() : after.start() if after else len(text)]
        parts.append(replace(_report(frame, said), dates=(*dates, *((frame["on"],) if frame["on"] else ()))))
    if lead and not re.fullmatch(
        r"(?:and|but|then|so|later|also|first|first of all|in that session|earlier)?", lead, re.I
    ):
        # "Writing it down, you said, helps": what stands before the frame belongs to it.
        parts[0] = replace(parts[0], text=f"{lead} , {parts[0].text}")
    return [replace(part, dates=(*part.dates, *dates)) for part in parts]


def names_date(written: str, day: date) -> bool:
    """Return True if a written date is this day."""
    said = written.lower()
    years = re.findall(r"\b\d{4}\b", said)
    days = re.findall(r"\b(\d{1,2})(?:st|nd|rd|th)?\b", said)
    days_named = re.findall(_DAY_NAMES, said)
    return (
        [int(one) for one in days] == [day.day]
        and _MONTHS[day.month - 1] in said
        and years in ([], [str(day.year)])
        and days_named in ([], [f"{day:%A}".lower()])
    )


def _without_dates(text: str) -> tuple[str, tuple[str, ...]]:
    """Take out the dates that a sentence gives to its sessions; any other date is a claim like any other."""
    dates: list[str] = []

    def take(found: re.Match[str]) -> str:
        dates.append(next(one for one in found.groups() if one))
        return " "

    text = re.sub(_IN_SESSION, take, text, flags=re.IGNORECASE)
    lead = _SAID_ON.match(text)
    if lead and _FRAME.match(text, lead.end()):
        dates.append(lead["on"])
        text = text[lead.end() :]
    return text.strip(" ,"), tuple(dates)


def _report(frame: re.Match[str], said: str) -> Report:
    who = frame["who"].lower()
    both = who not in ("you", "your therapist")
    speakers = (
        {Speaker.PATIENT, Speaker.THERAPIST} if both else {Speaker.PATIENT if who == "you" else Speaker.THERAPIST}
    )
    if frame["passive"]:
        return Report(said, frozenset({Speaker.THERAPIST}), Act.SUGGEST)
    kinds = ((Act.SUGGEST, frame["to"] or frame["suggested"]), (Act.ASK, frame["asked"]), (Act.AGREE, frame["agreed"]))
    act = next((kind for kind, there in kinds if there), Act.SAY)
    return Report(said, frozenset(speakers), act)
