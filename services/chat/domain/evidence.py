"""What speaks for a turn as the answer to a question: numbers that a trained ranking weighs.

Evidence of four kinds: how near the words are (vectors of turn and passage, shares of the question's terms), whether
the turn is of the sort that is asked for (a number, a name, the speaker), what it does for a commitment, and its time.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from libs.contracts.ids import SessionId
from services.chat.domain.conversation import Citation, Passage, Question, Speaker, Turn
from services.chat.domain.homework import Wanted, wanted
from services.chat.domain.words import ATTRIBUTES, SAME_SENSE, content_stems, words

STATEMENT_WORDS_MIN = 4
# A question that is likely to set a task is quoted: "Could you try that this week?"
PROPOSED_MIN = 0.2
# Turns further apart than this are not question and answer, because turns between them were not found.
ADJOINING_S = 15.0
# A synonym counts almost as much as the term itself.
SAME_SENSE_SHARE = 0.7
# A question for the colour is answered by "green", which does not contain "colour".
ATTRIBUTE_SHARE = 0.3
# Substitute for the cosine similarity after a text-only search.
RELEVANCE_UNKNOWN = 0.35
_LONG_WORDS = 60

_SENTENCE = re.compile(r"(?<=[.!?…])[\"')\]]*\s+")
# A turn of nothing but these says nothing.
_NOTHING = frozenset(
    """mm mhm hm hmm uh huh um er ah oh yeah yes yep ok okay right sure no nope well so and good great fine
    thanks""".split()  # noqa: SIM905 - a list of words reads as words
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen\w*|half|twice|once|noon|hours?|"
    r"minutes?|days?|weeks?|months?|years?|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|"
    r"january|february|march|april|june|july|august|september|october|november|december|morning|evening|night)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][a-z]+")
_ASKS_NUMBER = re.compile(r"\b(?:when|how (?:many|much|long|often|old)|what (?:time|day|date)|which day|since when)\b")
_ASKS_NAME = re.compile(r"\b(?:who|whom|whose|name|called|where|which city)\b")
_ASKS_THERAPIST = re.compile(
    r"\b(?:homework|exercise|technique|should i|supposed to|advi[cs]e|suggest\w*|recommend\w*|assign\w*|practi[cs]e|"
    r"plan|try|(?:my|the) (?:therapist|counsell?or)|did you|you (?:say|said|tell|told|think))\b"
)
_ASKS_PATIENT = re.compile(r"\b(?:did i|was i|am i|have i|do i|had i|were we|i (?:say|said|tell|told|felt|feel)|my)\b")
_FIRST_PERSON = re.compile(r"\b(?:i|my|me|mine|we|our)\b")
_PAST = re.compile(r"\b(?:did|was|were|had|went|told|rang|said|got|\w{3,}ed)\b", re.IGNORECASE)
_ACTS = ("assign", "agree", "report_done", "report_not_done", "drop", "replace")
# Kinds whose answer depends on what a turn does, and on when it was said.
_KINDS = ("homework", "current", "did_it_ever", "comparison", "overview")
PLAIN = (
    "turn_cosine", "passage_cosine", "rank", "coverage", "answers_coverage", "around", "term_hits", "names_there",
    "statement", "question_only", "length", "number_fits", "name_fits", "therapist_fits", "patient_fits", "patient",
    "therapist", "last_session", "recency", "opening", "before_coverage", "after_coverage", "past",
    "near_previous", "was_previous",
)  # fmt: skip
FEATURES = (
    *PLAIN,
    *(f"{kind}:{act}" for kind in _KINDS for act in _ACTS),
    *(f"{part}:{act}" for part in Wanted for act in _ACTS),
    *(f"{part}:cosine" for part in Wanted),
    *(f"{kind}:{name}" for kind in _KINDS for name in ("recency", "patient", "length", "coverage", "turn_cosine")),
)  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """A turn with its evidence, in the order of FEATURES."""

    citation: Citation
    features: tuple[float, ...]

    def __getitem__(self, name: str) -> float:
        """Return one piece of evidence by its name."""
        return self.features[FEATURES.index(name)]


def evidence_of(question: Question) -> list[Evidence]:
    """Return every turn found that says something, with its evidence."""
    terms = QuestionTerms(question)
    return [
        Evidence(place, _features(question, _Place(timeline, number), terms))
        for timeline in timelines(question.passages)
        for number, place in enumerate(timeline)
        if _says_something(turn_of(place))
    ]


@dataclass(frozen=True)
class _Place:
    """A turn among those found of its session."""

    timeline: Sequence[Citation]
    number: int

    @property
    def passage(self) -> Passage:
        return self.timeline[self.number].passage

    @property
    def turn(self) -> Turn:
        return turn_of(self.timeline[self.number])

    def text(self, step: int) -> str:
        """Return what was said so many turns before or after, as far as it was found."""
        place = self.number + step
        return turn_of(self.timeline[place]).text if 0 <= place < len(self.timeline) else ""


def _says_something(turn: Turn) -> bool:
    """Tell whether a turn is more than an acknowledgement or a question; a proposal may be a question."""
    if _NOTHING.issuperset(words(turn.text)):
        return False
    return bool(statements(turn.text)) or "?" not in turn.text or turn.acts.get("assign", 0.0) >= PROPOSED_MIN


def _features(question: Question, place: _Place, terms: "QuestionTerms") -> tuple[float, ...]:
    turn, passage = place.turn, place.passage
    relevance = RELEVANCE_UNKNOWN if passage.relevance is None else passage.relevance
    cosine = relevance if turn.relevance is None else turn.relevance
    recency, last = _recency(question, passage)
    patient = float(turn.speaker is Speaker.PATIENT)
    length = min(1.0, len(words(turn.text)) / _LONG_WORDS)
    coverage = terms.share([turn.text])
    return (
        cosine,
        relevance,
        1 / (1 + question.passages.index(passage)),
        *_coverages(place, terms, coverage),
        float(bool(statements(turn.text))),
        float(not statements(turn.text) and "?" in turn.text),
        length,
        *terms.fits(turn),
        patient,
        float(turn.speaker is Speaker.THERAPIST),
        last,
        recency,
        float(place.number == 0),
        terms.share([place.text(-1)]),
        terms.share([place.text(1)]),
        float(bool(_PAST.search(turn.text))),
        *_beside_previous(question, place),
        *_of_kinds(question, turn, cosine, terms),
        *(
            question.kinds.get(kind, 0.0) * value
            for kind in _KINDS
            for value in (recency, patient, length, coverage, cosine)
        ),
    )


def _coverages(place: _Place, terms: "QuestionTerms", coverage: float) -> tuple[float, ...]:
    """Return how much of the question the turn has: by itself, as an answer, and in its passage; its hits and names."""
    turn = place.turn
    asked = asked_before(place.timeline, place.number)
    return (
        coverage,
        terms.share([statements(turn.text), asked]) if asked else coverage,
        terms.share(one.text for one in place.passage.turns),
        min(1.0, terms.hits(turn.text) / 3),
        terms.names([turn.text, place.text(-1)]),
    )


def _of_kinds(question: Question, turn: Turn, cosine: float, terms: "QuestionTerms") -> list[float]:
    """Return what the turn does for a commitment, weighed by what kind of question it is and what it is after."""
    about = sum(question.kinds.get(kind, 0.0) for kind in ("homework", "current", "did_it_ever"))
    asked_for = terms.wanted
    acts = [turn.acts.get(act, 0.0) for act in _ACTS]
    return [
        *(question.kinds.get(kind, 0.0) * act for kind in _KINDS for act in acts),
        *(about * (part is asked_for) * act for part in Wanted for act in acts),
        *(about * (part is asked_for) * cosine for part in Wanted),
    ]


def _beside_previous(question: Question, place: _Place) -> tuple[float, float]:
    """Return how near a turn is to what the previous answer quoted, 1 beside it, and whether it was quoted itself."""
    turn, passage = place.turn, place.passage
    apart = [
        max(0.0, turn.start_s - cited.end_s, cited.start_s - turn.end_s)
        for cited in question.near
        if cited.session_id == passage.session_id
    ]
    quoted = any(
        cited.session_id == passage.session_id and cited.start_s < turn.end_s and turn.start_s < cited.end_s
        for cited in question.near
    )
    return (1 / (1 + min(apart) / ADJOINING_S) if apart else 0.0, float(quoted))


def _recency(question: Question, passage: Passage) -> tuple[float, float]:
    """Return the session's place among all, 0 for the first and 1 for the last, and whether it is the last."""
    dates = question.session_dates or tuple(sorted({one.session_date for one in question.passages}))
    earlier = sum(date < passage.session_date for date in dates)
    return earlier / max(1, len(dates) - 1), float(earlier == len(dates) - 1)


class QuestionTerms:
    """The terms of a question, weighted by their rarity in the passages found."""

    def __init__(self, question: Question) -> None:
        self.text = question.search_text.lower()
        self.wanted = wanted(question.text)
        # A turn is read for itself, before and after its neighbours, and with its passage.
        self._read: dict[str, frozenset[str]] = {}
        self.stems = tuple(dict.fromkeys(content_stems(question.search_text)))
        self._names = frozenset(content_stems(" ".join(re.findall(r"(?<!^)\b[A-Z][a-zA-Z]+", question.search_text))))
        turns = [self._stems_of(turn.text) for passage in question.passages for turn in passage.turns]
        holders = Counter(stem for turn in turns for stem in turn)
        self._weight = {
            stem: _says_much(stem) * math.log(1 + (len(turns) - holders[stem] + 0.5) / (holders[stem] + 0.5))
            for stem in self.stems
        }
        # One word of a turn must not match two terms of the question.
        self._likes = {stem: SAME_SENSE.get(stem, frozenset()) - set(self.stems) for stem in self.stems}
        self._total = sum(self._weight.values())

    def share(self, texts: Iterable[str]) -> float:
        """Return the weighted share of the terms that the texts contain, 0 to 1."""
        if not self._total:
            return 0.0
        present = frozenset().union(*(self._stems_of(text) for text in texts))
        found = sum(self._weight[stem] * self._presence(stem, present) for stem in self.stems)
        return found / self._total

    def hits(self, text: str) -> int:
        """Return how many of the terms a text contains."""
        return len(self._stems_of(text).intersection(self.stems))

    def names(self, texts: Iterable[str]) -> float:
        """Return the share of the names in the question that the texts contain; 0 if it has none."""
        if not self._names:
            return 0.0
        return len(self._names & frozenset().union(*map(self._stems_of, texts))) / len(self._names)

    def _stems_of(self, text: str) -> frozenset[str]:
        stems = self._read.get(text)
        if stems is None:
            stems = self._read[text] = frozenset(content_stems(text))
        return stems

    def _presence(self, stem: str, present: frozenset[str]) -> float:
        if stem in present:
            return 1.0
        return SAME_SENSE_SHARE if self._likes[stem] & present else 0.0

    def fits(self, turn: Turn) -> tuple[float, float, float, float]:
        """Tell whether the turn has the number, the name or the speaker that the question is for."""
        therapist = bool(_ASKS_THERAPIST.search(self.text))
        return (
            float(bool(_ASKS_NUMBER.search(self.text) and _NUMBER.search(turn.text))),
            float(bool(_ASKS_NAME.search(self.text) and _NAME.search(turn.text))),
            float(therapist and turn.speaker is Speaker.THERAPIST),
            float(not therapist and bool(_ASKS_PATIENT.search(self.text)) and turn.speaker is Speaker.PATIENT),
        )


def asks_about_the_patient(question: Question) -> bool:
    """Tell whether a question is about the one who asks, and not about what the therapist said or set."""
    text = question.search_text.lower()
    return bool(_FIRST_PERSON.search(text)) and not _ASKS_THERAPIST.search(text)


def _says_much(stem: str) -> float:
    return ATTRIBUTE_SHARE if stem in ATTRIBUTES else 1.0


def turn_of(citation: Citation) -> Turn:
    """Return the turn that is cited."""
    return citation.passage.turns[citation.turn]


def timelines(passages: Sequence[Passage]) -> list[list[Citation]]:
    """Return the turns found per session, in order of time, because passages of a session are often adjacent."""
    sessions: dict[SessionId, list[Citation]] = {}
    for passage in passages:
        places = sessions.setdefault(passage.session_id, [])
        places += [Citation(passage, turn) for turn in range(len(passage.turns))]
    return [sorted(places, key=lambda place: turn_of(place).start_s) for places in sessions.values()]


def asked_before(timeline: Sequence[Citation], number: int) -> str:
    """Return the question of the other speaker right before a turn, or nothing."""
    if number == 0 or not adjoin(timeline[number - 1], timeline[number]):
        return ""
    before = turn_of(timeline[number - 1])
    return before.text if "?" in before.text and before.speaker is not turn_of(timeline[number]).speaker else ""


def adjoin(before: Citation, after: Citation) -> bool:
    """Tell whether nothing can have been said between two turns."""
    return turn_of(after).start_s - turn_of(before).end_s < ADJOINING_S


def statements(text: str) -> str:
    """Return the statements of a turn; empty for a turn of only questions or acknowledgements."""
    statement = " ".join(sentence for sentence in sentences(text) if not sentence.rstrip("\"')").endswith("?"))
    return statement if len(words(statement)) >= STATEMENT_WORDS_MIN else ""


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, with their punctuation."""
    return [part for part in _SENTENCE.split(text.strip()) if part]
