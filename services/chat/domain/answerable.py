"""What speaks for that the sessions answer a question at all: numbers that a trained head weighs.

No score alone tells it: the sessions of a patient are all alike, and something is always nearest.
"""

from collections.abc import Sequence

from services.chat.domain.conversation import Question, Speaker
from services.chat.domain.evidence import Evidence, asks_about_the_patient, turn_of
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.words import content_stems

Ranked = tuple[float, Evidence]
"""A turn that was found, with its chance of bearing the answer."""
ANSWERS, SILENT = "answers", "silent"
# Of these kinds is asked what the sessions may not hold; another question is about what is there: the previous answer,
# a session as a whole, what was taken on.
OF_SOMETHING = (MessageKind.DETAIL, MessageKind.DID_IT_EVER, MessageKind.CURRENT, MessageKind.COMPARISON)
NEAREST = 3
# Brings the ranking's scores to the size of the other numbers.
SCORE_SCALE = 5.0


def signs(question: Question, ranked: Sequence[Ranked], best_score: float) -> tuple[float, ...]:
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


def said_by_the_therapist(question: Question, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Return the therapist's turns if they answer more of what is asked about the patient than the patient's own.

    Where the person of a question was swapped they do for most (evals/chat/README.md, "The person swapped").
    """
    if question.kind not in OF_SOMETHING or question.sides or not asks_about_the_patient(question):
        return []
    theirs = [one for one in ranked if turn_of(one[1].citation).speaker is Speaker.THERAPIST]
    own = [one for one in ranked if turn_of(one[1].citation).speaker is Speaker.PATIENT]
    return theirs if _strength(theirs) > _strength(own) else []


def _strength(ranked: Sequence[Ranked]) -> float:
    """Return how much of the question some turn answers, and how likely one is to bear the answer; 0 for no turn."""
    covered = max((evidence["answers_coverage"] for _, evidence in ranked), default=0.0)
    return covered + max((chance for chance, _ in ranked), default=0.0)
