"""What speaks for that the sessions answer a question at all: numbers that a trained head weighs.

No score alone tells it: the sessions of a patient are all alike, and something is always nearest.
"""

from collections.abc import Sequence

from services.chat.domain.conversation import Question
from services.chat.domain.evidence import Evidence
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.words import content_stems

ANSWERS, SILENT = "answers", "silent"
# Of these kinds is asked what the sessions may not hold; another question is about what is there: the previous answer,
# a session as a whole, what was taken on.
OF_SOMETHING = (MessageKind.DETAIL, MessageKind.DID_IT_EVER, MessageKind.CURRENT, MessageKind.COMPARISON)
NEAREST = 3
# Brings the ranking's scores to the size of the other numbers.
SCORE_SCALE = 5.0


def signs(question: Question, ranked: Sequence[tuple[float, Evidence]], best_score: float) -> tuple[float, ...]:
    """Return what the head reads; `ranked` are the turns found, best first, with their chances."""
    found = [evidence for _, evidence in ranked]
    best = found[0]
    nearest = sorted((one["turn_cosine"] for one in found), reverse=True)[:NEAREST]
    terms = set(content_stems(question.search_text))
    unknown = {stem for word in question.unknown_words for stem in content_stems(word)}
    return (
        best_score / SCORE_SCALE,
        ranked[0][0],
        nearest[0],
        sum(nearest) / len(nearest),
        best["turn_cosine"],
        max(one["passage_cosine"] for one in found),
        max(one["answers_coverage"] for one in found),
        best["answers_coverage"],
        best["names_there"],
        len(unknown & terms) / max(1, len(terms)),
        float(bool(unknown)),
        float(question.windowed),
        *(float(question.kind is kind) for kind in OF_SOMETHING),
    )
