"""Selects the turns that answer a question, or none.

A trained ranking (evals/chat/ranking.py) weighs the evidence of every turn found (domain/evidence.py) into the chance
that it bears the answer. How many turns are quoted, and from how many sessions, depends on the kind of question.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.sentences.head import Head, softmax
from services.chat.domain.answerable import OF_SOMETHING, SILENT, Ranked, said_by_the_therapist, signs
from services.chat.domain.conversation import Citation, Question
from services.chat.domain.evidence import (
    QuestionTerms,
    adjoin,
    evidence_of,
    sentences,
    statements,
    timelines,
    turn_of,
)
from services.chat.domain.message_kind import MessageKind

BEARS = "bears"
QUOTE_CHARS_MAX = 360
# An excerpt goes on while it is short: the answer to "how did it go?" often follows "I did it."
EXCERPT_CHARS_MAX = 420
# A turn does what it more likely does than not.
ACT_MIN = 0.5


@dataclass(frozen=True)
class Rule:
    """How many excerpts are quoted: at most `most`, each with `share` of the best one's chance.

    `ends`: from the earliest and from the latest of the best turns.
    """

    most: int = 2
    share: float = 0.3
    ends: bool = False


DEFAULT_RULE = Rule()
RULES = {
    MessageKind.HOMEWORK: Rule(most=2, share=0.2),
    MessageKind.OVERVIEW: Rule(most=4, share=0.2),
    MessageKind.COMPARISON: Rule(most=2, share=0.1, ends=True),
}
_BEST = 6
# Fitted on the tuning patients (evals/chat/README.md, "Silence"): above the first nothing is quoted, above the second
# the answer says that it is not sure.
SILENT_MIN = 0.22
UNSURE_MIN = 0.12
# Nothing is near in sense and no word of the question was said.
FAR_MAX = 0.4


@dataclass(frozen=True)
class Heads:
    """The trained heads: which turn bears the answer, and whether any does."""

    ranking: Head
    answerable: Head


@dataclass(frozen=True)
class Selection:
    """The turns that answer, best first; none if the evidence is too weak. `unsure`: they may answer something else."""

    citations: tuple[Citation, ...] = ()
    unsure: bool = False


def select(question: Question, heads: Heads) -> Selection:
    """Return the turns that answer."""
    if question.chosen:
        return Selection(tuple(_trimmed(Citation(passage, 0), question) for passage in question.passages))
    ranked = rank(question, heads.ranking)
    if not ranked:
        return Selection()
    silent = doubt(question, ranked, heads)
    if silent > SILENT_MIN:
        return Selection()
    # The nearest of the patient's own turns would be shown for what somebody else said of themselves.
    theirs = said_by_the_therapist(question, ranked)
    ranked = theirs or ranked
    lines = timelines(question.passages)
    rule = RULES.get(question.kind, DEFAULT_RULE)
    chosen: list[Citation] = []
    excerpts = 0
    for citation in _best(question, ranked, rule):
        if citation not in chosen and excerpts < rule.most:
            excerpts += 1
            chosen += [one for one in _excerpt(citation, lines) if one not in chosen]
    return Selection(
        tuple(_trimmed(citation, question) for citation in chosen), unsure=bool(theirs) or silent > UNSURE_MIN
    )


def doubt(question: Question, ranked: Sequence[Ranked], heads: Heads) -> float:
    """Return the probability that the sessions do not answer a question; 0 if its kind leaves no doubt."""
    if question.kind not in OF_SOMETHING or question.sides:
        return 0.0
    found = [evidence for _, evidence in ranked]
    is_far = max(one["turn_cosine"] for one in found) < FAR_MAX and not any(one["answers_coverage"] for one in found)
    if is_far or question.windowed:
        # Of a time that was asked about the best is shown: what is outside may only be further off.
        return float(is_far)
    best_score = heads.ranking.scores(ranked[0][1].features)[0]
    return heads.answerable.probabilities(signs(question, ranked, best_score))[SILENT]


def _best(question: Question, ranked: Sequence[Ranked], rule: Rule) -> list[Citation]:
    """Return the turns to quote: the best ones, or the best of both sides of a comparison."""
    if question.sides:
        sides = (question.sides.earlier, question.sides.later)
        of_sides = ((one.citation for _, one in ranked if one.citation.passage.session_id in side) for side in sides)
        return [citation for citations in of_sides if (citation := next(citations, None))]
    best = [evidence.citation for chance, evidence in ranked[:_BEST] if chance >= rule.share * ranked[0][0]]
    if rule.ends:
        ordered = sorted(best, key=lambda one: (one.passage.session_date, turn_of(one).start_s))
        return list(dict.fromkeys((ordered[0], ordered[-1])))
    return best


def rank(question: Question, ranking: Head) -> list[Ranked]:
    """Return every turn with its chance, among all that were found, of bearing the answer; best first."""
    found = evidence_of(question)
    if not found:
        return []
    chances = softmax([ranking.scores(one.features)[0] for one in found])
    return sorted(zip(chances, found, strict=True), key=lambda one: one[0], reverse=True)


def _excerpt(citation: Citation, lines: Sequence[Sequence[Citation]]) -> list[Citation]:
    """Return a turn and what its speaker said next, if that follows at once and both are short.

    What somebody agrees to is said before: an agreement comes with it.
    """
    line = next(line for line in lines if citation in line)
    place = line.index(citation)
    before = line[place - 1] if place else None
    if before and adjoin(before, citation) and _is(citation, "agree") and _is(before, "assign"):
        return [before, citation]
    after = line[place : place + 3]
    if len(after) < 3 or not (adjoin(after[0], after[1]) and adjoin(after[1], after[2])):
        return [citation]
    first, last = turn_of(after[0]), turn_of(after[2])
    short = len(first.text) + len(last.text) <= EXCERPT_CHARS_MAX
    return [after[0], after[2]] if short and first.speaker is last.speaker and statements(last.text) else [citation]


def _is(citation: Citation, act: str) -> bool:
    return turn_of(citation).acts.get(act, 0.0) >= ACT_MIN


def _trimmed(citation: Citation, question: Question) -> Citation:
    """Return a citation of the consecutive sentences of a long turn that contain most of the question's terms."""
    turn = turn_of(citation)
    if len(turn.text) <= QUOTE_CHARS_MAX:
        return citation
    terms = QuestionTerms(question)
    parts = sentences(turn.text)
    spans = [
        " ".join(parts[start:stop])
        for start in range(len(parts))
        for stop in range(start + 1, len(parts) + 1)
        if len(" ".join(parts[start:stop])) <= QUOTE_CHARS_MAX or stop == start + 1
    ]
    best = max(spans, key=lambda span: (round(terms.share([span]), 3), len(span)))
    return Citation(citation.passage, citation.turn, best if best in turn.text else None)
