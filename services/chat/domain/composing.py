"""Composes the answer from a draft: only verified sentences and quotes, or a refusal."""

from collections.abc import Sequence

from services.chat.domain.citations import Verified, verify_each, verify_quotes
from services.chat.domain.conversation import Answer, AnsweredBy, Draft, Question, Source
from services.chat.domain.phrasing import NOTHING_FOUND, NOTHING_KEPT, QUOTES_ONLY, framed, quoted


def compose(question: Question, draft: Draft) -> Answer:
    """Return an answer whose every sentence has a source, or a refusal."""
    if draft.quotes:
        sources = verify_quotes(draft.quotes, question.passages)
        text = framed(question, sources, unsure=draft.unsure) if sources else NOTHING_KEPT
    else:
        text, sources = _written(verify_each(draft.claims, question.passages))
        # A model that wrote sentences found something, even if none of them stands.
        text = text or (NOTHING_KEPT if draft.claims else NOTHING_FOUND)
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


def _written(parts: Sequence[Verified]) -> tuple[str, list[Source]]:
    """Return the sentences in order; in the place of one that did not stand its quotes, each shown once."""
    sources = list(dict.fromkeys(source for part in parts if part.sentence for source in part.sources))
    lines: list[str] = []
    for part in parts:
        if part.sentence:
            lines.append(part.sentence)
            continue
        for source in part.sources:
            if source not in sources:
                sources.append(source)
                lines.append(f"\n{quoted(source)}\n")
    return " ".join(lines).replace(" \n", "\n").replace("\n ", "\n").replace("\n\n", "\n").strip(), sources


def fixed(text: str, answered_by: AnsweredBy) -> Answer:
    """Return an answer with a fixed text, without sources and without anything about the patient."""
    return Answer(text=text, sources=(), grounded=False, answered_by=answered_by, model="fixed")
