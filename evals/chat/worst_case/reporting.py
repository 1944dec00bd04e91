"""True reports of single turns, made by code as a model that stays close to the words writes them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from evals.chat.worst_case.rooms import Room
from services.chat.domain.conversation import Citation, Speaker

WORDS_MIN, WORDS_MAX = 6, 24
_SENTENCE = re.compile(r"[^.!?]+[.!?]")
_HESITATION = re.compile(
    r",? ?\b(?:um|uh|er|like|well|you know|I mean|I guess|sort of|kind of|actually|yeah|oh|so),", re.I
)
_LEAD = re.compile(r"^(?:and|but|so|well|yeah|yes|okay|oh|um|right|because|then)\b,? ", re.I)
_SKIPPED = re.compile(r"\b(?:you|your|we|us|our|no|yes)\b|[\"“”…:;—]|\b(?:isn't it|don't I)\b", re.I)
_SKIPPED_OF_THERAPIST = re.compile(r"\b(?:I|me|my|we|us|our|let's|you|your)\b|[\"“”…:;—]", re.I)
_PERSON = (
    (r"\bI'm\b", "you're"), (r"\bI am\b", "you are"), (r"\bI was\b", "you were"), (r"\bI've\b",
    "you've"), (r"\bI'd\b", "you'd"),
    (r"\bI'll\b", "you'll"), (r"\bI\b", "you"), (r"\bmyself\b", "yourself"), (r"\bmy\b", "your"), (r"\bMy\b", "your"),
    (r"\bmine\b", "yours"), (r"\bme\b", "you"), (r"\bam\b", "are"),
)  # fmt: skip
_ORDERS = re.compile(
    r"^(?:so |then |and |okay, |first: |second: )?(write|notice|take|keep|bring|pick|choose|put|call|read|"
    r"make|count|log|"
    r"set|do|go|tell|try|leave|move|turn|decide|send|practise|practice) (?P<rest>.+)[.]$",
    re.I,
)
_COULD = re.compile(
    r"\b(?:could|can|would) you (?:be willing to )?(?P<rest>(?!have|want|mind|like|say)[a-z][^?]+)\?", re.I
)

_COMMON = re.compile(
    r"(?:The|A|An|He|She|They|It|That|This|There|Not|You|In|On|At|But|And|When|If|Just|Still|Maybe|Every|Some|All|For|From|"
    r"Nobody|Everybody|Everyone|Two|Three|Four|One|After|Before|Because)\b"
)


@dataclass(frozen=True)
class Told:
    """A turn's sentence in the second person, and the citation that bears it out."""

    clause: str
    citation: Citation
    speaker: Speaker


def told_by_patients(room: Room) -> Iterator[Told]:
    """Return the sentences of patients about themselves, in the second person, without hesitations."""
    for citation in room.citations():
        turn = citation.passage.turns[citation.turn]
        if turn.speaker is not Speaker.PATIENT:
            continue
        for found in _SENTENCE.findall(turn.text):
            words = _LEAD.sub("", _HESITATION.sub("", found).strip())
            if _reportable(words) and re.search(r"\b(?:I|my|My|I'\w+|he|she|[A-Z][a-z]+)\b", words):
                yield Told(_second_person(words).rstrip("."), citation, Speaker.PATIENT)


def told_by_therapists(room: Room) -> Iterator[Told]:
    """Return what therapists propose, as `to write it down`."""
    for citation in room.citations():
        turn = citation.passage.turns[citation.turn]
        if turn.speaker is not Speaker.THERAPIST:
            continue
        for found in _SENTENCE.findall(turn.text):
            order = _ORDERS.match(found.strip()) or _COULD.search(found)
            if (
                order
                and not _SKIPPED_OF_THERAPIST.search(order["rest"])
                and 4 <= len(order["rest"].split()) <= WORDS_MAX
            ):
                first = order[1].lower() + " " if order.re is _ORDERS else ""
                yield Told(f"{first}{order['rest']}".rstrip(". "), citation, Speaker.THERAPIST)


def reported(told: Told, random: Random) -> str:
    """Return a true sentence in one of the forms of a report."""
    at = told.citation.passage.session_date
    day = f"{at.day} {at:%B %Y}"
    if told.speaker is Speaker.THERAPIST:
        forms = ["Your therapist asked you to {}.",
        "You were asked to {}.", f"On {day} your therapist asked you to {{}}.",
                 f"In your session on {day}, your therapist encouraged you to {{}}."]  # fmt: skip
        return random.choice(forms).format(told.clause)
    forms = ["You told your therapist that {}.", "You said that {}.", f"On {day} you said that {{}}.",
    "You mentioned that {}.",
             f"In your session on {day}, you told your therapist that {{}}."]  # fmt: skip
    if told.clause.startswith("you"):
        return random.choice([*forms, "Y{}."]).format(told.clause).replace("Yyou", "You")
    return random.choice(forms).format(told.clause)


def _reportable(words: str) -> bool:
    return words.endswith(".") and WORDS_MIN <= len(words.split()) <= WORDS_MAX and not _SKIPPED.search(words)


def _second_person(words: str) -> str:
    for pattern, person in _PERSON:
        words = re.sub(pattern, person, words)
    first = words.split(" ", 1)[0]
    return words if first in ("You", "Dr") or first[1:2].isupper() else _lower_unless_name(words)


def _lower_unless_name(words: str) -> str:
    common = _COMMON.match(words)
    return words[0].lower() + words[1:] if common else words
