"""Changes of segments and names of voices: what a correction does not touch keeps text, times and confidence."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import SequenceMatcher
from itertools import takewhile

from services.transcriber.domain import Segment, Speaker, Transcript, Word, corrected

WORD_PAIRS_MAX = 40_000
"""Where more words than these would have to be compared with each other, those in the middle lose their times."""


@dataclass(frozen=True)
class Change:
    """What becomes of the segment with this id; a text or a speaker that is None stays as it is."""

    id: int
    text: str | None = None
    speaker: Speaker | None = None
    is_deleted: bool = False


@dataclass(frozen=True)
class Naming:
    """Who speaks with a voice."""

    voice: int
    speaker: Speaker


def namings_as_changes(
    segments: Sequence[Segment], namings: Sequence[Naming], changes: Sequence[Change]
) -> Iterator[Change]:
    """Yield a change for each segment of a named voice that is not changed by itself."""
    changed = {change.id for change in changes}
    speakers = {naming.voice: naming.speaker for naming in namings}
    for segment in segments:
        if segment.voice in speakers and segment.id not in changed:
            yield Change(segment.id, speaker=speakers[segment.voice])


def unknown_voices(segments: Sequence[Segment], namings: Sequence[Naming]) -> Iterator[tuple[int, str]]:
    """Yield (index, sentence) for each naming that cannot be made."""
    sentences = "There is no voice with this number in this version.", "A voice is named once in a request."
    yield from _misnamed([naming.voice for naming in namings], {segment.voice for segment in segments}, *sentences)


def faults_of(transcript: Transcript, changes: Sequence[Change]) -> Iterator[tuple[int, str]]:
    """Yield (index, sentence) for each change that cannot be made."""
    known = {segment.id for segment in transcript.draft.segments}
    sentences = "There is no segment with this id in this version.", "A segment is changed once in a request."
    yield from _misnamed([change.id for change in changes], known, *sentences)
    if known and known <= {change.id for change in changes if change.is_deleted}:
        yield len(changes) - 1, "A transcript keeps at least one segment."


def _misnamed(names: Sequence[int], known: AbstractSet[int], unknown: str, repeated: str) -> Iterator[tuple[int, str]]:
    seen: set[int] = set()
    for index, name in enumerate(names):
        if name not in known:
            yield index, unknown
        elif name in seen:
            yield index, repeated
        seen.add(name)


def with_changes(transcript: Transcript, changes: Sequence[Change], at: datetime) -> Transcript:
    """Return the next version. The speakers are sure only if a person named every one."""
    by_id = {change.id: change for change in changes}
    kept = [s for s in transcript.draft.segments if s.id not in by_id or not by_id[s.id].is_deleted]
    segments = [_changed(segment, by_id.get(segment.id, Change(segment.id))) for segment in kept]
    all_named = all(s.id in by_id and by_id[s.id].speaker is not None for s in kept)
    return corrected(transcript, segments, 1.0 if all_named else transcript.draft.speaker_confidence, at)


def _changed(segment: Segment, change: Change) -> Segment:
    named = replace(segment, speaker=change.speaker or segment.speaker)
    if change.text is None or change.text == segment.text:
        return named
    # Without words of its own, each word of the segment is as sure as the whole.
    heard = segment.words or [Word(text, 0.0, 0.0, segment.confidence, None) for text in segment.text.split()]
    written = change.text.split()
    kept = [heard[place] for place, _ in common_words([word.text for word in heard], written)]
    confidence = (sum(word.confidence for word in kept) + len(written) - len(kept)) / max(len(written), 1)
    words = tuple(kept) if segment.words else ()
    return replace(named, text=change.text, words=words, confidence=round(confidence, 4))


def common_words(heard: Sequence[str], written: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places (in the one, in the other) of words that stand in both, in order."""
    # Most corrections are of a word or two, and what is the same at both ends is found without comparing pairs.
    start = _common(heard, written)
    end = _common(heard[: start - len(heard) - 1 : -1], written[: start - len(written) - 1 : -1])
    middle, between = heard[start : len(heard) - end], written[start : len(written) - end]
    pairs = [(place, place) for place in range(start)]
    if len(middle) * len(between) <= WORD_PAIRS_MAX:
        for block in SequenceMatcher(None, middle, between, autojunk=False).get_matching_blocks():
            pairs += [(start + block.a + n, start + block.b + n) for n in range(block.size)]
    return pairs + [(len(heard) - n, len(written) - n) for n in range(end, 0, -1)]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
