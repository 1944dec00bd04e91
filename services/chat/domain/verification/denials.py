"""Checks that a report denies what its quote denies, and nothing else."""

from collections.abc import Sequence

from services.chat.domain.verification.lexicon import NEGATORS, UNREAL, means
from services.chat.domain.verification.quote import Quote
from services.chat.domain.verification.segments import Report
from services.chat.domain.verification.tokens import ReadText

WHOLE_MIN = 0.6


def denials_hold(said: ReadText, quotes: Sequence[Quote]) -> bool:
    """Return True if a report that denies something has a word that its quote denies too."""
    if not said.negators:
        return True
    if said.negators > sum(quote.reading.negators for quote in quotes):
        return False
    denied = {one.lemma for quote in quotes for one in quote.reading.tokens if one.negated}
    if not any(one.negated and one.is_content for one in said.tokens):
        return any(_bare(quote.reading, one.sentence)[0] for quote in quotes for one in quote.reading.tokens)
    return any(
        one.negated and one.is_content and any(means(one.lemma, there) for there in denied) for one in said.tokens
    )


def bare_hold(said: ReadText, report: Report, quotes: Sequence[Quote]) -> bool:
    """Return True if a sentence that is told nearly whole keeps the denials and thoughts that stand alone in it."""
    told = {one.lemma for one in said.tokens}
    for quote in quotes:
        for sentence in {one.sentence for one in quote.reading.tokens}:
            own = [one.lemma for one in quote.reading.tokens if one.sentence == sentence and one.is_content]
            if not own or sum(any(means(one, word) for one in told) for word in own) < WHOLE_MIN * len(own):
                continue
            denied, unreal = _bare(quote.reading, sentence)
            if denied > said.negators or (unreal and not report.act_is_open and not said.unreal):
                return False
    return True


def _bare(reading: ReadText, sentence: int) -> tuple[int, int]:
    """Return how many denials and thoughts of a sentence reach no word of content: `so I didn't`, `I'll do it`."""
    denied = unreal = 0
    own = [one for one in reading.tokens if one.sentence == sentence]
    for one in own:
        rest = [other for other in own if other.place > one.place and other.clause == one.clause and other.is_content]
        alone = len({other.clause for other in own}) > 1 and [one] == [
            other for other in own if other.clause == one.clause
        ]
        denied += one.word in NEGATORS and not rest and not alone
        unreal += one.word in UNREAL and not rest
    return denied, unreal
