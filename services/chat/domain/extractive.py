"""Selects the turns that answer a question, or none.

A trained ranking (evals/chat/ranking.py) weighs the evidence of every turn found (domain/evidence.py) into the chance
that it bears the answer. How many turns are quoted, and from how many sessions, depends on the kind of question.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.sentences.head import Head, softmax
from services.chat.domain.conversation import Citation, Question
from services.chat.domain.evidence import (
    Evidence,
    QuestionTerms,
    adjoin,
    evidence_of,
    sentences,
    statements,
    timelines,
    turn_of,
)
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.words import ATTRIBUTES, SAME_SENSE, content_stems

BEARS = "bears"
QUOTE_CHARS_MAX = 360
# An excerpt goes on while it is short: the answer to "how did it go?" often follows "I did it."
EXCERPT_CHARS_MAX = 420


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
_OF_SOMETHING = (MessageKind.DETAIL, MessageKind.DID_IT_EVER, MessageKind.CURRENT, MessageKind.COMPARISON)
# Fitted on the tuning patients: 11 % of what the sessions answer and 56 % of what they do not fall below.
NEAR_MIN = 0.55
COVERED_MIN = 0.9
# Nothing is near and no word of the question was said: the neighbourhood of what is not there.
FAR_MAX = 0.4


def select(question: Question, ranking: Head) -> list[Citation]:
    """Return the turns that answer, best first; empty if the evidence is too weak."""
    if question.chosen:
        return [_trimmed(Citation(passage, 0), question) for passage in question.passages]
    rule = RULES.get(question.kind, DEFAULT_RULE)
    ranked = rank(question, ranking)
    if not ranked or _is_elsewhere(question, [evidence for _, evidence in ranked]):
        return []
    best = [evidence.citation for chance, evidence in ranked[:_BEST] if chance >= rule.share * ranked[0][0]]
    if question.sides:
        best = [
            next(one.citation for _, one in ranked if one.citation.passage.session_id in side)
            for side in (question.sides.earlier, question.sides.later)
            if any(one.citation.passage.session_id in side for _, one in ranked)
        ]
    elif rule.ends:
        ordered = sorted(best, key=lambda one: (one.passage.session_date, turn_of(one).start_s))
        best = list(dict.fromkeys((ordered[0], ordered[-1])))
    chosen: list[Citation] = []
    lines = timelines(question.passages)
    excerpts = 0
    for citation in best:
        if citation not in chosen and excerpts < rule.most:
            excerpts += 1
            chosen += [one for one in _excerpt(citation, lines) if one not in chosen]
    return [_trimmed(citation, question) for citation in chosen]


def _is_elsewhere(question: Question, found: Sequence[Evidence]) -> bool:
    """Tell whether a question speaks of something that occurs in no session, and nothing found is near it in sense.

    A question for homework or about the previous answer may use words of its own; of a time that was asked about, the
    best is shown.
    """
    if question.kind not in _OF_SOMETHING or question.sides:
        return False
    nearest = max(one["turn_cosine"] for one in found)
    covered = max(one["answers_coverage"] for one in found)
    if question.windowed or (nearest < FAR_MAX and not covered):
        return nearest < FAR_MAX and not covered
    strange = {stem for word in question.unknown_words for stem in content_stems(word)} - ATTRIBUTES
    present = {stem for one in found for stem in content_stems(turn_of(one.citation).text)}
    strange = {stem for stem in strange if not SAME_SENSE.get(stem, frozenset()) & present}
    return bool(strange) and nearest < NEAR_MIN and covered < COVERED_MIN


def rank(question: Question, ranking: Head) -> list[tuple[float, Evidence]]:
    """Return every turn with its chance, among all that were found, of bearing the answer; best first."""
    found = evidence_of(question)
    if not found:
        return []
    chances = softmax([ranking.scores(one.features)[0] for one in found])
    return sorted(zip(chances, found, strict=True), key=lambda one: one[0], reverse=True)


def _excerpt(citation: Citation, lines: Sequence[Sequence[Citation]]) -> list[Citation]:
    """Return a turn and what its speaker said next, if that follows at once and both are short."""
    line = next(line for line in lines if citation in line)
    after = line[line.index(citation) : line.index(citation) + 3]
    if len(after) < 3 or not (adjoin(after[0], after[1]) and adjoin(after[1], after[2])):
        return [citation]
    first, last = turn_of(after[0]), turn_of(after[2])
    short = len(first.text) + len(last.text) <= EXCERPT_CHARS_MAX
    return [after[0], after[2]] if short and first.speaker is last.speaker and statements(last.text) else [citation]


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
