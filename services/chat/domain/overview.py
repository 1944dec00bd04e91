"""Overviews made of digests: what whole sessions were about, in their own sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.contracts.ids import SessionId
from services.chat.domain.conversation import Passage
from services.chat.domain.words import content_stems, stem

# One session in its sentences; many in one each, the first and the last among them.
SENTENCES_MAX = 6

# Words that ask for an overview without saying of what.
_OF_NOTHING = frozenset(
    stem(word)
    for word in """sum summary summaries summarise summarize summarised summarized summarizing rundown run recap gist
    overview highlight highlights main topic topics subject subjects theme themes point points short brief briefly quick
    whole entire work worked working progress cover covered story finish catch appointment appointments visit meeting
    meetings year month week far date begin beginning began started end content contents essence takeaway takeaways
    everything describe general overall address addressed focus focused deal dealt""".split()  # noqa: SIM905 - a list of words reads as words
)


@dataclass(frozen=True)
class Digest:
    """A session's sentences, each alone in a passage, the one of its largest topic first."""

    session_id: SessionId
    sentences: tuple[Passage, ...]


def is_of_sessions(subject: str) -> bool:
    """Tell whether an overview is of sessions as such, not of something that was spoken of."""
    return _OF_NOTHING.issuperset(content_stems(subject))


def overview(digests: Sequence[Digest]) -> tuple[Passage, ...]:
    """Return the sentences that sum up sessions, in order of time; `digests` are of one session each, oldest first."""
    told = [digest for digest in digests if digest.sentences]
    if not told:
        return ()
    shown = told if len(told) <= SENTENCES_MAX else _spread(told)
    each, rest = divmod(SENTENCES_MAX, len(shown))
    chosen: list[Passage] = []
    for place, digest in enumerate(shown):
        # The newest sessions get what is left over.
        best = digest.sentences[: each + (place >= len(shown) - rest)]
        chosen += sorted(best, key=lambda passage: passage.turns[0].start_s)
    return tuple(chosen)


def _spread(digests: Sequence[Digest]) -> list[Digest]:
    last = len(digests) - 1
    return [digests[round(number * last / (SENTENCES_MAX - 1))] for number in range(SENTENCES_MAX)]
