"""What a question about homework is after, and which of the patient's commitments answer it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from libs.contracts.ids import SessionId
from services.chat.domain.conversation import Passage
from services.chat.domain.plain_text import plain
from services.chat.domain.words import content_stems, stem

QUOTED_MAX = 4


class Wanted(StrEnum):
    """The part of a commitment's life that is asked about."""

    SET = "set"
    REPORT = "report"
    OPEN = "open"
    OVER = "over"


_OVER = re.compile(
    r"\b(?:g(?:i|a)ve(?:n)? up|drop(?:ped)?|leave (?:it )?off|left (?:it )?off|let go|stop(?:ped)?|replac\w+|"
    r"abandon\w*|did ?n'?t suit|scrap(?:ped)?|retire[d]?|quit|swap(?:ped)?|no longer)\b"
)
_OPEN = re.compile(
    r"\b(?:still|open|left to|outstanding|not (?:done|finished|yet)|unfinished|remain\w*|on my list|to-?do|pending|"
    r"have(?:n'?t| not)(?: i)? (?:yet )?(?:done|finished)|need to|got to|supposed to|meant to be)\b"
)
_REPORT = re.compile(
    r"\b(?:did i|have i|had i|did we|was i able|i never did|manage[d]?|finish(?:ed)?|ke(?:ep|pt) (?:it |that )?up|"
    r"stick|stuck|go with|went|happened with|how did|actually|in the end|report(?:ed)?|carr(?:y|ied) out|succeed)\b"
)


def wanted(question: str) -> Wanted:
    """Return what a question about homework is after; what was set, if it does not say."""
    text = plain(question)
    for kind, rule in ((Wanted.OVER, _OVER), (Wanted.OPEN, _OPEN), (Wanted.REPORT, _REPORT)):
        if rule.search(text):
            return kind
    return Wanted.SET


@dataclass(frozen=True)
class Said:
    """A turn of a commitment, alone in a passage, with what it does and how surely."""

    act: str
    passage: Passage
    chance: float


@dataclass(frozen=True)
class TakenOn:
    """A commitment of the patient: its turns in order of time, and whether it is open."""

    is_open: bool
    said: tuple[Said, ...]


_TASKS = re.compile(
    r"\b(?:home ?work|to-?dos?|tasks?|exercises?|assignments?|agreed? (?:to|on|that)|undert(?:ake|ook)|signed? up|"
    r"(?:supposed|meant|asked|told|given|set|want(?:ed|s)?) (?:me )?to (?:do|try|practi[cs]e|get done|work on)|"
    r"(?:said|say|promised?) (?:that )?(?:i'?d|i would|i should|i was going to|we'?d|i'?ll) (?:do|try)|"
    r"should (?:i|we) (?:do|try|have done)|(?:i|we) should (?:do|try|have done)|was i (?:set|given))\b"
)
_FIRST = re.compile(r"\bfirst (?:ever )?(?:thing|task|exercise|assignment|home ?work|job|one)\b")


def asks_for_tasks(message: str) -> bool:
    """Tell whether a message asks what was to be done: "what did I agree to", "my to-do", "what should I try"."""
    return bool(_TASKS.search(plain(message)))


# Words that ask for homework without saying which.
_ANY = frozenset(
    stem(word)
    for word in """homework task tasks exercise exercises assignment assignments list practice practise try trying set
    given give assigned agree agreed promise promised commit committed undertake undertook sign signed supposed meant
    work job jobs stuff bits open outstanding left finish finished pending plate drop dropped replace replaced stop
    stopped suit way everything home send sent week weeks recent meeting currently new still need order tell show
    please yet today complete completed""".split()  # noqa: SIM905 - a list of words reads as words
)
_EVERYTHING = re.compile(r"\b(?:all|everything|every|list|so far|whole|since (?:i|we) (?:began|started))\b")
_SETTING, _ENDING = ("assign", "agree"), ("drop", "replace")


def names_none(subject: str) -> bool:
    """Tell whether a question about homework says nothing of which."""
    return _ANY.issuperset(content_stems(subject))


def answering(
    question: str, taken: Sequence[TakenOn], of: Collection[SessionId] | None, last: SessionId
) -> tuple[Passage, ...]:
    """Return the turns that answer a question about homework in general, the surest commitments first.

    `of` are the sessions of the time that was asked about. Without one, what was set is of the `last` session, and what
    is open or over is of any.
    """
    part = wanted(question)
    everything = bool(_EVERYTHING.search(plain(question)))
    first = part is Wanted.SET and of is None and _FIRST.search(plain(question))
    sessions = of if of is not None else None if everything or first or part is Wanted.OVER else (last,)
    acts = _ENDING if part is Wanted.OVER else _SETTING
    turns = [
        [said for said in one.said if said.act in acts and (sessions is None or said.passage.session_id in sessions)]
        for one in taken
        if part is not Wanted.OPEN or one.is_open
    ]
    if first and (dates := [said.passage.session_date for of_one in turns for said in of_one]):
        turns = [[said for said in of_one if said.passage.session_date == min(dates)] for of_one in turns]
    ranked = sorted((said for said in turns if said), key=lambda said: max(one.chance for one in said), reverse=True)
    return tuple(said.passage for of_one in ranked for said in of_one)[:QUOTED_MAX]
