"""Composes the answer from a draft: only verified sentences and quotes, or a refusal."""

from services.chat.domain.citations import verify, verify_quotes
from services.chat.domain.conversation import Answer, AnsweredBy, Draft, Question
from services.chat.domain.phrasing import NOTHING_FOUND, NOTHING_KEPT, QUOTES_ONLY, framed


def compose(question: Question, draft: Draft) -> Answer:
    """Return an answer whose every sentence has a source, or a refusal."""
    if draft.quotes:
        sources = verify_quotes(draft.quotes, question.passages)
        text = framed(question, sources) if sources else NOTHING_KEPT
    else:
        sentences, sources = verify(draft.claims, question.passages)
        text = " ".join(sentences) if sources else NOTHING_KEPT if draft.claims else NOTHING_FOUND
    if sources and draft.answered_by is AnsweredBy.QUOTES_ONLY:
        text = QUOTES_ONLY + text
    return Answer(
        text=text,
        sources=tuple(sources),
        grounded=bool(sources),
        answered_by=draft.answered_by,
        model=draft.model,
        input_tokens=draft.input_tokens,
        output_tokens=draft.output_tokens,
    )


def fixed(text: str, answered_by: AnsweredBy) -> Answer:
    """Return an answer with a fixed text, without sources and without anything about the patient."""
    return Answer(text=text, sources=(), grounded=False, answered_by=answered_by, model="fixed")
