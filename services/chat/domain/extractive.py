"""Selects the turns that answer a question, or none.

Combines three kinds of evidence: the cosine similarity of passage and question, the share of the question's terms in
the turn (weighted by rarity), and their share in the surrounding passage.
No single one separates answers from their absence (evals/chat/README.md, "Abstaining").
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from libs.contracts.ids import SessionId
from services.chat.domain.conversation import Citation, Passage, Question, Speaker, Turn
from services.chat.domain.words import ATTRIBUTES, SAME_SENSE, content_stems, words

QUOTES_MAX = 3
QUOTE_CHARS_MAX = 360
STATEMENT_WORDS_MIN = 4
# Thresholds for further quotes: in log-odds of the ranking, and as a share of the best turn's coverage.
NEARLY_AS_GOOD = 0.8
SAYS_AS_MUCH = 0.75
ASKED_SHARE = 0.9
SHORT_QUESTION_WORDS = 8
ASKED_ITSELF_SHARE = 0.85
# Turns further apart than this are not question and answer, because turns between them were not found.
ADJOINING_S = 15.0
# A synonym counts almost as much as the term itself.
SAME_SENSE_SHARE = 0.7
# A question for the colour is answered by "green", which does not contain "colour".
ATTRIBUTE_SHARE = 0.3
# Substitute for the cosine similarity after a text-only search.
RELEVANCE_UNKNOWN = 0.35

_SENTENCE = re.compile(r"(?<=[.!?…])[\"')\]]*\s+")
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


@dataclass(frozen=True)
class Weights:
    """A logistic model of "this turn answers the question", fitted by evals/chat; below `threshold` it abstains."""

    bias: float = -3.5
    relevance: float = 4.5
    coverage: float = 1.9
    around: float = 2.3
    threshold: float = 0.42


FITTED = Weights()


@dataclass(frozen=True)
class Evidence:
    """A turn with its evidence: the passage's cosine, and the share of the question's terms in it and around it.

    `states_it`: the terms are in its statements or in the question it answers, not only in a question of its own.
    """

    citation: Citation
    relevance: float
    coverage: float
    around: float
    fit: float
    states_it: bool
    followed_by: Citation | None

    def probability(self, weights: Weights) -> float:
        """Return the probability that this turn answers the question."""
        return 1 / (1 + math.exp(-self._logit(weights)))

    def order(self, weights: Weights) -> float:
        """Return the ranking score: the log-odds plus the fit of the turn's type to the question's type."""
        return self._logit(weights) + self.fit

    def _logit(self, weights: Weights) -> float:
        return (
            weights.bias
            + weights.relevance * self.relevance
            + weights.coverage * self.coverage
            + weights.around * self.around
        )


def select(question: Question, weights: Weights = FITTED) -> list[Citation]:
    """Return the turns that answer, best first, at most QUOTES_MAX; empty if the evidence is too weak."""
    if question.overview:
        return [_trimmed(citation, question) for citation in _overview(question)]
    ranked = rank(question, weights)
    if not ranked or ranked[0].probability(weights) < weights.threshold:
        return []
    best = ranked[0]
    chosen = [best.citation, *([best.followed_by] if best.followed_by else [])]
    for other in ranked[1:]:
        near = other.order(weights) > best.order(weights) - NEARLY_AS_GOOD
        says_as_much = other.states_it and other.coverage >= SAYS_AS_MUCH * best.coverage > 0
        if near and says_as_much and other.citation not in chosen:
            chosen.append(other.citation)
    return [_trimmed(citation, question) for citation in chosen[:QUOTES_MAX]]


def rank(question: Question, weights: Weights = FITTED) -> list[Evidence]:
    """Return every candidate turn with its evidence, best first."""
    terms = _QuestionTerms(question)
    found = [one for timeline in _timelines(question.passages) for one in _evidence(timeline, terms)]
    return sorted(found, key=lambda one: one.order(weights), reverse=True)


def _overview(question: Question) -> list[Citation]:
    """Return the turns with the most content words, in order of time, as a summary of a period."""
    every = (Citation(passage, turn) for passage in question.passages for turn in range(len(passage.turns)))
    places = [place for place in every if statements(_turn(place).text)]
    rich = sorted(places, key=lambda place: len(set(content_stems(statements(_turn(place).text)))), reverse=True)
    return sorted(rich[:QUOTES_MAX], key=lambda place: (place.passage.session_date, _turn(place).start_s))


def _turn(citation: Citation) -> Turn:
    return citation.passage.turns[citation.turn]


class _QuestionTerms:
    """The terms of a question, weighted by their rarity in the passages found."""

    def __init__(self, question: Question) -> None:
        self.text = question.search_text.lower()
        self.stems = tuple(dict.fromkeys(content_stems(question.search_text)))
        turns = [set(content_stems(turn.text)) for passage in question.passages for turn in passage.turns]
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
        present = {stem for text in texts for stem in content_stems(text)}
        found = sum(self._weight[stem] * self._presence(stem, present) for stem in self.stems)
        return found / self._total

    def _presence(self, stem: str, present: set[str]) -> float:
        if stem in present:
            return 1.0
        return SAME_SENSE_SHARE if self._likes[stem] & present else 0.0

    def fit(self, turn: Turn) -> float:
        """Return a bonus for the expected kind of turn: a number for "how many", a name for "who", the speaker."""
        score = 0.0
        if _ASKS_NUMBER.search(self.text) and _NUMBER.search(turn.text):
            score += 0.5
        if _ASKS_NAME.search(self.text) and _NAME.search(turn.text):
            score += 0.5
        if _ASKS_THERAPIST.search(self.text):
            score += 0.5 if turn.speaker is Speaker.THERAPIST else 0.0
        elif _ASKS_PATIENT.search(self.text):
            score += 0.4 if turn.speaker is Speaker.PATIENT else 0.0
        return score


def _says_much(stem: str) -> float:
    return ATTRIBUTE_SHARE if stem in ATTRIBUTES else 1.0


def _timelines(passages: Sequence[Passage]) -> list[list[Citation]]:
    """Return the turns found per session, in order of time, because passages of a session are often adjacent."""
    sessions: dict[SessionId, list[Citation]] = {}
    for passage in passages:
        places = sessions.setdefault(passage.session_id, [])
        places += [Citation(passage, turn) for turn in range(len(passage.turns))]
    return [sorted(places, key=lambda place: _turn(place).start_s) for places in sessions.values()]


def _evidence(timeline: Sequence[Citation], terms: _QuestionTerms) -> Iterator[Evidence]:
    for number, place in enumerate(timeline):
        statement = statements(_turn(place).text)
        if not statement:
            continue
        relevance = place.passage.relevance
        prior_question = _asked_before(timeline, number)
        # A proposal is often phrased as a question and then explained.
        coverage = max(terms.share([statement]), ASKED_ITSELF_SHARE * terms.share([_turn(place).text]))
        if prior_question:
            # An answer need not repeat the terms of its question.
            coverage = max(coverage, ASKED_SHARE * terms.share([statement, prior_question]))
        yield Evidence(
            citation=place,
            relevance=RELEVANCE_UNKNOWN if relevance is None else relevance,
            coverage=coverage,
            around=terms.share(turn.text for turn in place.passage.turns),
            fit=terms.fit(_turn(place)),
            states_it=bool(prior_question) or terms.share([statement]) > 0,
            followed_by=_followed_by(timeline, number, terms),
        )


def _asked_before(timeline: Sequence[Citation], number: int) -> str:
    if number == 0 or not _adjoin(timeline[number - 1], timeline[number]):
        return ""
    before = _turn(timeline[number - 1])
    return before.text if "?" in before.text and before.speaker is not _turn(timeline[number]).speaker else ""


def _followed_by(timeline: Sequence[Citation], number: int, terms: _QuestionTerms) -> Citation | None:
    """Return the answer to a follow-up question about the same subject directly after this turn."""
    after = timeline[number : number + 3]
    if len(after) < 3 or not (_adjoin(after[0], after[1]) and _adjoin(after[1], after[2])):
        return None
    follow_up = " ".join(one for one in sentences(_asked_before(timeline, number + 2)) if one.endswith("?"))
    # "What gets in the way?" refers to the previous turn, even if it shares no terms with the question.
    about_it = bool(follow_up) and (len(words(follow_up)) <= SHORT_QUESTION_WORDS or terms.share([follow_up]) > 0)
    return after[2] if about_it and statements(_turn(after[2]).text) else None


def _adjoin(before: Citation, after: Citation) -> bool:
    return _turn(after).start_s - _turn(before).end_s < ADJOINING_S


def statements(text: str) -> str:
    """Return the statements of a turn; empty for a turn of only questions or acknowledgements."""
    statement = " ".join(sentence for sentence in sentences(text) if not sentence.rstrip("\"')").endswith("?"))
    return statement if len(words(statement)) >= STATEMENT_WORDS_MIN else ""


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, with their punctuation."""
    return [part for part in _SENTENCE.split(text.strip()) if part]


def _trimmed(citation: Citation, question: Question) -> Citation:
    """Return a citation of the consecutive sentences of a long turn that contain most of the question's terms."""
    turn = _turn(citation)
    if len(turn.text) <= QUOTE_CHARS_MAX:
        return citation
    terms = _QuestionTerms(question)
    parts = sentences(turn.text)
    spans = [
        " ".join(parts[start:stop])
        for start in range(len(parts))
        for stop in range(start + 1, len(parts) + 1)
        if len(" ".join(parts[start:stop])) <= QUOTE_CHARS_MAX or stop == start + 1
    ]
    best = max(spans, key=lambda span: (round(terms.share([span]), 3), len(span)))
    return Citation(citation.passage, citation.turn, best if best in turn.text else None)
