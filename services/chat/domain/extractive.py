"""Selects the turns that answer a question, or none.

A trained ranking (evals/chat/heads.py) weighs the evidence of every turn found (domain/evidence.py) into the chance that it
bears the answer. How many turns are quoted, and from how many sessions, depends on the kind of question.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.sentences.head import Head
from services.chat.domain.conversation import Citation, Question
from services.chat.domain.evidence import Evidence, QuestionTerms, evidence_of, sentences, turn_of
from services.chat.domain.message_kind import MessageKind

BEARS = "bears"
QUOTE_CHARS_MAX = 360


@dataclass(frozen=True)
class Rule:
    """How turns are chosen: at most `most`, each with `share` of the best one's chance; none if the best has less
    than `least`. `sessions`: the best of so many sessions come first.
    """

    most: int = 2
    share: float = 0.7
    least: float = 0.12
    sessions: int = 1


DEFAULT_RULE = Rule()
RULES = {
    MessageKind.HOMEWORK: Rule(most=4, share=0.5),
    MessageKind.OVERVIEW: Rule(most=5, share=0.3, least=0.0, sessions=4),
    MessageKind.COMPARISON: Rule(most=3, share=0.6, sessions=2),
}


def select(question: Question, ranking: Head, kind: MessageKind = MessageKind.DETAIL) -> list[Citation]:
    """Return the turns that answer, best first; empty if the evidence is too weak."""
    rule = RULES.get(kind, DEFAULT_RULE)
    ranked = rank(question, ranking)
    if not ranked or ranked[0][0] < rule.least:
        return []
    best = ranked[0][0]
    near = [evidence.citation for chance, evidence in ranked if chance >= rule.share * best]
    chosen = _of_sessions([evidence.citation for _, evidence in ranked[: rule.sessions * 8]], rule.sessions)
    chosen += [citation for citation in near if citation not in chosen]
    return [_trimmed(citation, question) for citation in chosen[: rule.most]]


def rank(question: Question, ranking: Head) -> list[tuple[float, Evidence]]:
    """Return every turn with the chance that it bears the answer, best first."""
    found = [(ranking.probabilities(one.features)[BEARS], one) for one in evidence_of(question)]
    return sorted(found, key=lambda one: one[0], reverse=True)


def _of_sessions(ranked: Sequence[Citation], count: int) -> list[Citation]:
    """Return the best turn of each of so many sessions, in the order of their best."""
    best: dict[object, Citation] = {}
    for citation in ranked:
        best.setdefault(citation.passage.session_id, citation)
    return list(best.values())[:count]


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
