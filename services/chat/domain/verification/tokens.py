"""Reads a text as words that know whether they are denied, only thought of, asked, and whom they are about."""

import re
from dataclasses import dataclass, field

from services.chat.domain.conversation import Speaker
from services.chat.domain.verification.lexicon import FUNCTION, KIN, NEGATORS, UNREAL, lemma

_DONE = r"(?:been|had|better|just|never|always|not|already|gone|done|\w+ed|left|got|said|told|lost)"
_AUXILIARY = "(?:is|was|are|were|do|did|does|has|have|can|could|would|will)"
_SOMEBODY = r"(?:me|you|him|her|us|them|[A-Z]\w+)"
_SPELLED_OUT = (
    (re.compile(r"[’`]"), "'"),
    (re.compile(r"\b(Dr|Mr|Mrs|St)\.", re.I), r"\1"),
    # What somebody was told to do need not have been done.
    (re.compile(rf"\b((?:told|tells|asked|asks|wante?d?s?|like) {_SOMEBODY}) to\b"), r"\1 ought to"),
    (re.compile(r"\bwon't\b", re.I), "will not"),
    (re.compile(r"\bcan'?t\b|\bcannot\b", re.I), "can not"),
    (re.compile(r"n't\b", re.I), " not"),
    (re.compile(r"'ve\b", re.I), " have"),
    (re.compile(r"'ll\b", re.I), " will"),
    (re.compile(r"'(?:m|re)\b", re.I), " are"),
    (re.compile(rf"'d (?={_DONE}\b)", re.I), " had "),
    (re.compile(r"'d\b", re.I), " would"),
    (re.compile(r"\b(?:gonna)\b", re.I), "going to"),
    (re.compile(r"\b(?:gotta)\b", re.I), "need to"),
    (re.compile(r"(?<!\w)'?(?:cos|cuz|cause)\b(?! of)", re.I), "because"),
    (re.compile(r"\blet's\b", re.I), "let us"),
    (re.compile(r"'s\b|s'(?= )", re.I), ""),
    (re.compile(r"(\d)\s*%"), r"\1 percent"),
    (re.compile(r"(\d)(mg|kg|km|am|pm)\b", re.I), r"\1 \2"),
    (re.compile(r",\s*(?:isn|wasn|don|didn|aren|doesn|haven|won|wouldn|can|couldn)['\w ]{1,14}\?"), "."),
    (re.compile(rf",\s*{_AUXILIARY}(?:n't)? (?:it|he|she|they|you|i|we|there|that)\?", re.I), "."),
    (re.compile(r",\s*(?:right|yeah|you know|okay|no)\?", re.I), "."),
)  # fmt: skip
# Hesitations split a clause where the speaker did not.
_FILLERS = re.compile(
    r",?\s*\b(?:um+|uh+|erm?|hmm?|mm+|you know|you'll see|i mean|sort of|kind of|kinda|to be honest)\b,?"
    r"|,\s*(?:like|well|honestly|actually|basically|properly|i don't know|i suppose|i guess),",
    re.IGNORECASE,
)
_PIECE = re.compile(r"[^\W\d_]+\d+\w*|[^\W\d_]+|\d+(?:[.,:]\d+)*(?:st|nd|rd|th)?|[.,;:!?…—–()\"“”\-]")
_BREAKS = frozenset("but because so although though when while if whether unless which who whereas".split())  # noqa: SIM905
_STARTS_CLAUSE = frozenset("i you he she it they we there this that my your his her their the a an".split())  # noqa: SIM905
_PLACE_BEFORE = frozenset("in at to from on near the into of for about with by".split())  # noqa: SIM905
_OTHERS = {
    "he": "he",
    "him": "he",
    "his": "he",
    "she": "she",
    "her": "she",
    "hers": "she",
    "they": "they",
    "them": "they",
    "their": "they",
}
_DAYS = frozenset(
    """january february march april june july august september october november december monday tuesday wednesday
    thursday
    friday saturday sunday may""".split()  # noqa: SIM905
)
_NO_NAMES = frozenset("i ai ok tv gp okay god christmas easter english".split()) | _DAYS  # noqa: SIM905
_SPEAKS = frozenset("said says told called asked thinks thought wants came went did".split())  # noqa: SIM905
# How far a word is from a fact: on a condition, or only thought of. "If you go" does not tell that you might go.
_CONDITION, _THOUGHT = 1, 2
_CONDITIONS = frozenset("if whether unless".split())  # noqa: SIM905
_NOT_SO = NEGATORS | frozenset("is was are were been that".split())  # noqa: SIM905
PARTICLES = frozenset("in out up down on off to from with without".split())  # noqa: SIM905
ANYBODY = "anybody"
YOU = "you"
THERAPIST = "therapist"


_DO = frozenset("do did does doing done".split())  # noqa: SIM905
_OBJECTS = frozenset("it that this those these them what the a an my your his her their".split())  # noqa: SIM905


@dataclass
class Token:
    """A word of a text; `asked` and `unreal` (0: told as a fact) are of its clause.

    `person` is whom the words just before it name, `carried` the last person of the sentence before; `lead` are the
    particles before it (`out with`) and `following` is the next word.
    """

    word: str
    lemma: str
    sentence: int
    place: int
    is_name: bool = False
    negated: bool = False
    unreal: int = 0
    asked: bool = False
    person: str | None = None
    clause: int = 0
    following: str = ""
    lead: str = ""
    carried: str | None = None

    @property
    def is_content(self) -> bool:
        """Return True if the word claims something; `do it` does, `did sleep` does not."""
        if self.word in _DO and self.following in _OBJECTS:
            return True
        return self.word not in FUNCTION and self.word not in NEGATORS


@dataclass
class ReadText:
    """The words of a text, the sentences of which something is only thought of, and the words that name a person."""

    tokens: list[Token]
    unreal: frozenset[int] = frozenset()
    negators: int = 0
    lemmas: frozenset[str] = field(default_factory=frozenset)


def names_in(text: str) -> frozenset[str]:
    """Return the words that a capital marks as names, because they do not open a sentence."""
    return frozenset(one.word for one in _tokens(_plainly(text), {}, frozenset()) if one.is_name)


def read(text: str, speaker: Speaker | None, names: frozenset[str] = frozenset()) -> ReadText:
    """Return the words of a quote of a speaker, or with None those of a sentence to the patient.

    `names` are known from elsewhere: at the start of a sentence a capital tells nothing.
    """
    tokens = _tokens(_plainly(text), _pronouns(speaker), names)
    return ReadText(
        tokens,
        frozenset(one.sentence for one in tokens if one.unreal),
        sum(1 for one in tokens if one.word in NEGATORS),
        frozenset(one.lemma for one in tokens),
    )


def people_of(reading: ReadText) -> list[str]:
    """Return the other people that a text names or points at, in order."""
    people: list[str] = []
    for one in reading.tokens:
        if one.is_name and one.lead.endswith("in"):
            continue
        if one.is_name:
            people.append(f"name:{one.word}")
        elif one.lemma in KIN and one.word not in ("ex", "others"):
            people.append(f"kin:{one.lemma}")
        elif one.word in _OTHERS:
            people.append(_OTHERS[one.word])
    return people


def _plainly(text: str) -> str:
    text = _FILLERS.sub(" ", text.replace("’", "'"))
    for pattern, plain in _SPELLED_OUT:
        text = pattern.sub(plain, text)
    return text


def _pronouns(speaker: Speaker | None) -> dict[str, str]:
    first = {"i", "me", "my", "mine", "myself"}
    second = {"you", "your", "yours", "yourself"}
    if speaker is None:
        return dict.fromkeys(second, YOU)
    if speaker is Speaker.THERAPIST:
        return dict.fromkeys(first, THERAPIST) | dict.fromkeys(second, YOU)
    # A patient's "you" is the therapist or people in general.
    return dict.fromkeys(first, YOU) | dict.fromkeys(second, ANYBODY)


class _Reader:
    """Goes through the pieces of a text once, and keeps what reaches from one word to the next."""

    def __init__(self, pronouns: dict[str, str], names: frozenset[str]) -> None:
        self.pronouns = pronouns
        self.names = names
        self.tokens: list[Token] = []
        self.sentence = self.clause = 0
        self.negated = self.opens = False
        self.unreal = 0
        self.person: str | None = None
        self.quoting: str | None = None
        self.lead = ""
        self.paused = False
        self.outside: tuple[bool, int] = (False, 0)
        self.carried: str | None = None
        self.opens = True

    def sign(self, sign: str) -> None:
        if sign in '"“”':
            # Inside quotation marks "I" is whoever the words before them name.
            self.quoting = None if self.quoting else self.person or ANYBODY
            # What denies inside quotation marks ends there, and what denied before them goes on after.
            self.outside, (self.negated, self.unreal) = (
                (self.negated, self.unreal),
                self.outside if self.quoting is None else (False, 0),
            )
            self.clause += 1
            return
        if sign == "-":
            return
        self.clause += 1
        if sign == ",":
            # "I might, for once, go": the clause goes on unless somebody or something new begins it.
            self.paused = True
            return
        self.negated, self.unreal = False, 0
        if sign in ".!?…":
            for one in self.tokens:
                one.asked |= sign == "?" and one.sentence == self.sentence
            self.sentence += 1
            self.carried, self.person, self.opens = self.person or self.carried, None, True

    def word(self, piece: str, following: str) -> None:
        # May is a month where it has a capital.
        word = "may-month" if piece == "May" and not self.opens else piece.lower()
        previous = self.tokens[-1].word if self.tokens and not self.opens else ""
        if self.paused and (word in _STARTS_CLAUSE or piece[0].isupper()):
            self.negated, self.unreal = False, 0
        self.paused = False
        # "Not so bad" goes on.
        if (word in _BREAKS and not (word == "so" and previous in _NOT_SO)) or (
            word in ("and", "then") and following.lower() in _STARTS_CLAUSE
        ):
            self.negated, self.unreal = False, 0
            self.clause += 1
        is_name = piece[0].isupper() and word not in _NO_NAMES and word not in FUNCTION and lemma(word) not in KIN
        is_name = is_name and (not self.opens or word in self.names or following in _SPEAKS)
        self.tokens.append(
            Token(
                word,
                lemma(word),
                self.sentence,
                len(self.tokens),
                is_name,
                self.negated,
                self.unreal,
                False,
                self.person,
                self.clause,
                following.lower(),
                self.lead,
                self.carried,
            )
        )
        if word in UNREAL:
            self.unreal = max(self.unreal, _CONDITION if word in _CONDITIONS else _THOUGHT)
        if word in NEGATORS and not (word == "no" and following in ".,!"):
            # "Never not" denies nothing.
            self.negated = previous not in NEGATORS
        self.lead = "" if self.tokens[-1].is_content else f"{self.lead} {word}" if word in PARTICLES else self.lead
        self.person = self._person(word, previous, is_name) or self.person
        self.opens = False

    def _person(self, word: str, previous: str, is_name: bool) -> str | None:
        if word in self.pronouns:
            return (
                self.quoting
                if self.quoting and word in ("i", "me", "my")
                else ANYBODY
                if self.quoting
                else self.pronouns[word]
            )
        if word in ("we", "us", "our"):
            return ANYBODY
        if word == "therapist" and self.person == YOU:
            return THERAPIST
        if word in _OTHERS:
            return _OTHERS[word]
        if lemma(word) in KIN:
            return f"kin:{lemma(word)}"
        follows_name = len(self.tokens) > 1 and self.tokens[-2].is_name
        return f"name:{word}" if is_name and previous not in _PLACE_BEFORE and not follows_name else None


def _tokens(text: str, pronouns: dict[str, str], names: frozenset[str]) -> list[Token]:
    reader = _Reader(pronouns, names)
    pieces = _PIECE.findall(text)
    for place, piece in enumerate(pieces):
        if piece[0].isalnum():
            reader.word(piece, next((one for one in pieces[place + 1 :] if one != "back"), "."))
        else:
            reader.sign(piece)
    return reader.tokens
