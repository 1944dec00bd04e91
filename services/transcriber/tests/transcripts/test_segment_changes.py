"""A correction changes what it names and nothing else."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.domain import Segment, Speaker, Transcript, Word, with_speakers_swapped
from services.transcriber.renderings import as_text
from services.transcriber.segment_changes import (
    WORD_PAIRS_MAX,
    Change,
    Naming,
    namings_as_changes,
    unknown_voices,
    with_changes,
)
from services.transcriber.tests.world import NOW, transcript, uploaded, words
from services.transcriber.transcript_json import as_json

FIRST, SECOND = 1, 2


def made() -> Transcript:
    return transcript(uploaded())


def changed(*changes: Change) -> tuple[Segment, ...]:
    return with_changes(made(), changes, NOW).draft.segments


def test_what_is_left_out_stays_with_its_words_and_its_confidence() -> None:
    first, second = changed(Change(SECOND, "I'm well."))

    assert first == made().draft.segments[0]
    assert (second.text, second.start_time, second.end_time) == ("I'm well.", 2.0, 3.25)


def test_unchanged_words_keep_their_times_and_their_confidence() -> None:
    first, _ = changed(Change(FIRST, "So how are you, Anna?"))

    assert [(word.text, word.start_s) for word in first.words] == [("are", 0.8)]
    assert first.confidence == pytest.approx((0.9 + 4) / 5, abs=1e-4)


def test_the_confidence_of_a_text_without_words_is_that_of_each_of_them() -> None:
    _, second = changed(Change(SECOND, "I'm so well."))

    assert second.words == ()
    assert second.confidence == pytest.approx((0.9 + 2) / 3, abs=1e-4)


def test_a_speaker_alone_changes_no_text_and_no_confidence_of_it() -> None:
    first, _ = changed(Change(FIRST, speaker=Speaker.UNKNOWN))

    assert first == replace(made().draft.segments[0], speaker=Speaker.UNKNOWN)


def test_the_same_text_again_changes_nothing() -> None:
    assert changed(Change(FIRST, "How are you?")) == made().draft.segments


def test_speakers_are_sure_only_when_a_person_has_named_all_of_them() -> None:
    one = with_changes(made(), [Change(FIRST, speaker=Speaker.PATIENT)], NOW)
    each = with_changes(made(), [Change(FIRST, speaker=Speaker.PATIENT), Change(SECOND, is_deleted=True)], NOW)

    assert (one.draft.speaker_confidence, each.draft.speaker_confidence) == (0.95, 1.0)
    assert with_speakers_swapped(made(), NOW).draft.speaker_confidence == 1.0


def test_a_second_correction_still_knows_the_words_that_the_first_one_kept() -> None:
    once = with_changes(made(), [Change(FIRST, "How were you?")], NOW)

    twice = with_changes(once, [Change(FIRST, "How were you then?")], NOW)

    assert [word.text for word in twice.draft.segments[0].words] == ["How"]
    assert twice.version == 3


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_kept_words_stand_in_both_texts_in_the_order_of_time(heard: list[str], written: list[str]) -> None:
    segment = replace(made().draft.segments[0], text=" ".join(heard), words=words((None, " ".join(heard))))
    draft = replace(made().draft, segments=(segment,))

    (after,) = with_changes(replace(made(), draft=draft), [Change(FIRST, " ".join(written) or "-")], NOW).draft.segments
    rest = iter(written)

    assert all(word.text in rest for word in after.words)
    assert [word.start_s for word in after.words] == sorted({word.start_s for word in after.words})
    assert set(after.words) <= set(segment.words)
    assert len(after.words) == len(heard) or written != heard


def test_a_text_that_is_too_long_to_compare_keeps_the_times_at_both_ends() -> None:
    count = int(WORD_PAIRS_MAX**0.5) + 1
    heard = tuple(Word(text, 0.0, 0.1, 0.5, None) for text in ("start", *["na"] * count, "end"))
    segment = replace(made().draft.segments[0], text=" ".join(word.text for word in heard), words=heard)
    other = " ".join(("start", "x", *["na", "no"] * count, "y", "end"))

    draft = replace(made().draft, segments=(segment,))
    (after,) = with_changes(replace(made(), draft=draft), [Change(FIRST, other)], NOW).draft.segments

    assert [word.text for word in after.words] == ["start", "end"]


def told_apart() -> Transcript:
    """Return a transcript of two voices that nobody could name."""
    draft = made().draft
    voices = [replace(s, speaker=Speaker.UNKNOWN, voice=number) for number, s in enumerate(draft.segments, start=1)]
    return replace(made(), draft=replace(draft, segments=tuple(voices), speaker_confidence=0.6))


def test_naming_a_voice_names_all_its_segments_and_no_other() -> None:
    named = list(namings_as_changes(told_apart().draft.segments, [Naming(2, Speaker.PATIENT)], ()))

    assert named == [Change(SECOND, speaker=Speaker.PATIENT)]


def test_a_segment_that_is_changed_by_itself_is_not_named_by_its_voice() -> None:
    own = Change(SECOND, speaker=Speaker.THERAPIST)

    assert list(namings_as_changes(told_apart().draft.segments, [Naming(2, Speaker.PATIENT)], [own])) == []


def test_a_voice_that_is_not_there_or_is_named_twice_is_refused() -> None:
    namings = [Naming(1, Speaker.PATIENT), Naming(7, Speaker.PATIENT), Naming(1, Speaker.THERAPIST)]

    assert [index for index, _ in unknown_voices(told_apart().draft.segments, namings)] == [1, 2]


def test_swapping_voices_that_nobody_knows_makes_nothing_surer() -> None:
    swapped = with_speakers_swapped(told_apart(), NOW)

    assert {segment.speaker for segment in swapped.draft.segments} == {Speaker.UNKNOWN}
    assert swapped.draft.speaker_confidence == 0.6


def test_voices_that_nobody_knows_are_numbered_speakers() -> None:
    lines = as_text(told_apart()).splitlines()

    assert [line.split("] ")[1].partition(":")[0] for line in lines] == ["Speaker 1", "Speaker 2"]


def test_the_json_tells_the_share_of_each_voice_and_which_one_was_not_expected() -> None:
    first = told_apart().draft.segments[0]
    lengths = ((1, 6.0), (2, 3.0), (3, 1.0))
    spoken = [replace(first, voice=voice, start_time=0.0, end_time=end) for voice, end in lengths]
    whole = replace(told_apart(), draft=replace(told_apart().draft, segments=tuple(spoken)))

    voices = json.loads(as_json(whole))["voices"]

    assert [(voice["voice"], voice["share"], voice["unexpected"]) for voice in voices] == [
        (1, 0.6, False),
        (2, 0.3, False),
        (3, 0.1, True),
    ]
