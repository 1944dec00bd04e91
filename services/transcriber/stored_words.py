"""How segments, their words and a vendor's response are stored as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.transcriber.domain import Segment, Source, Speaker, Speech, Word


def segments_json(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Return the segments without their words."""
    return [_segment_json(segment) for segment in segments]


def _segment_json(segment: Segment) -> dict[str, Any]:
    return {
        "id": segment.id,
        "speaker": segment.speaker.value,
        "voice": segment.voice,
        "text": segment.text,
        "start_time": segment.start_time,
        "end_time": segment.end_time,
        "confidence": segment.confidence,
    }


def segments_of(stored: Sequence[Mapping[str, Any]], words: Mapping[str, Any]) -> Iterator[Segment]:
    """Yield the segments with the words that `words_json` stored of them."""
    for position, item in enumerate(stored, start=1):
        # The version before stored no ids: its segments are named by their places, for good from the next version on.
        number = int(item.get("id", position))
        yield segment_of(item, number, words.get(str(number), ()))


def segment_of(item: Mapping[str, Any], number: int, words: Sequence[Sequence[Any]]) -> Segment:
    """Return a segment with the words that were stored of it."""
    return Segment(
        Speaker(item["speaker"]),
        item["text"],
        item["start_time"],
        item["end_time"],
        item["confidence"],
        number,
        # What the version before stored has no voices: then nobody is told apart.
        int(item.get("voice", 0)),
        tuple(Word(text, start, end, sure, None) for text, start, end, sure in words),
    )


def words_json(segments: Sequence[Segment]) -> dict[str, Any]:
    """Return the words by segment."""
    # By segment, without the voice: whose words they are is the segment's to say, and may be corrected.
    return {str(s.id): [_word_json(word) for word in s.words] for s in segments if s.words}


def _word_json(word: Word) -> list[Any]:
    # Words are stored as arrays without field names, because an hour has about ten thousand of them.
    return [word.text, round(word.start_s, 3), round(word.end_s, 3), round(word.confidence, 4)]


def speech_json(speech: Speech) -> dict[str, Any]:
    """Return a vendor's response."""
    return {
        "words": [[*_word_json(word), word.voice] for word in speech.words],
        "language": speech.language,
        "language_confidence": speech.language_confidence,
        "duration_s": speech.duration_s,
        "vendor": speech.source.vendor,
        "model": speech.source.model,
        "is_complete": speech.is_complete,
        "voices_confidence": round(speech.voices_confidence, 4),
    }


def speech_of(stored: Mapping[str, Any]) -> Speech:
    """Return what `speech_json` stored."""
    return Speech(
        words=tuple(Word(*row) for row in stored["words"]),
        language=stored["language"],
        language_confidence=stored["language_confidence"],
        duration_s=stored["duration_s"],
        source=Source(stored["vendor"], stored["model"]),
        # What the version before stored is complete: it refused what was not.
        is_complete=stored.get("is_complete", True),
        voices_confidence=stored.get("voices_confidence", 1.0),
    )
