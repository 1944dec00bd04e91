"""Composes the answer from a draft: only verified sentences and quotes, or a refusal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.chat.domain.citations import Verified, verify_each, verify_quotes
from services.chat.domain.conversation import Answer, AnsweredBy, Claim, Draft, Passage, Question, Source
from services.chat.domain.phrasing import CUT_OFF, NOTHING_FOUND, NOTHING_KEPT, QUOTES_ONLY, framed, quoted


@dataclass(frozen=True)
class Written:
    """The verified text of an answer as it grows: what it holds is final, and more is only ever added to its end.

    `claims_read` counts the claims that it was made of, with those of which nothing stands.
    """

    text: str = ""
    sources: tuple[Source, ...] = ()
    claims_read: int = 0
    ends_in_quote: bool = False

    def then(self, claim: Claim, passages: Sequence[Passage]) -> "Written":
        """Return it with one more claim: its sentence, or where that does not stand the quotes not shown yet."""
        written = replace(self, claims_read=self.claims_read + 1)
        for part in verify_each((claim,), passages):
            written = written._with(part)
        return written

    def _with(self, part: Verified) -> "Written":
        new = tuple(source for source in part.sources if source not in self.sources)
        if part.sentence:
            gap = "\n" if self.ends_in_quote else " "
            text = f"{self.text}{gap}{part.sentence}"
        else:
            text = "\n".join((self.text, *(quoted(source) for source in new)))
        ends_in_quote = not part.sentence and (bool(new) or self.ends_in_quote)
        return replace(self, text=text.lstrip(), sources=(*self.sources, *new), ends_in_quote=ends_in_quote)


NOTHING_WRITTEN = Written()


def compose(question: Question, draft: Draft, written: Written = NOTHING_WRITTEN) -> Answer:
    """Return an answer whose every sentence has a source, or a refusal.

    `written` is what has been told of the draft's first claims already: the answer begins with it.
    """
    sources: Sequence[Source]
    if draft.quotes:
        sources = verify_quotes(draft.quotes, question.passages)
        text = framed(question, sources, unsure=draft.unsure) if sources else NOTHING_KEPT
    else:
        for claim in draft.claims[written.claims_read :]:
            written = written.then(claim, question.passages)
        sources = written.sources
        # A model that wrote sentences found something, even if none of them stands.
        text = written.text or (NOTHING_KEPT if draft.claims else NOTHING_FOUND)
        if draft.is_cut_off:
            text = f"{text}\n{CUT_OFF}"
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
