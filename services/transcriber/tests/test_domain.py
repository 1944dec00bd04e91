"""The rules: words into segments, voices into roles, transcripts into other shapes."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.visible_text import visible
from services.transcriber.domain import (
    Speaker,
    Speech,
    Transcript,
    Word,
    draft_of,
    heard_other_language,
    is_supported,
    with_speakers_swapped,
)
from services.transcriber.renderings import as_srt, as_text, as_vtt
from services.transcriber.roles import KINDS, WEIGHTS, roles_of
from services.transcriber.tests.world import (
    NOW,
    PATIENT_SAYS,
    SOURCE,
    THERAPIST_SAYS,
    segment,
    speech,
    transcript,
    uploaded,
    words,
)

NAMED = {0: Speaker.THERAPIST, 1: Speaker.PATIENT}


def test_words_of_one_voice_become_one_segment() -> None:
    draft = draft_of(speech((0, "How are you?"), (1, "Fine."), (0, "Good.")), NAMED, 0.9)

    assert [(s.speaker, s.text) for s in draft.segments] == [
        (Speaker.THERAPIST, "How are you?"),
        (Speaker.PATIENT, "Fine."),
        (Speaker.THERAPIST, "Good."),
    ]


def test_a_long_silence_parts_a_voices_words() -> None:
    early, late = Word("Yes.", 0, 1, 1, 0), Word("No.", 3.5, 4, 1, 0)

    draft = draft_of(replace(speech(), words=(early, late)), NAMED, 0.9)

    assert [s.text for s in draft.segments] == ["Yes.", "No."]


def test_a_monologue_is_cut_at_the_end_of_a_sentence() -> None:
    monologue = " ".join(["I went home and thought about it."] * 40)

    draft = draft_of(speech((1, monologue)), NAMED, 0.9)

    assert len(draft.segments) > 1
    assert all(s.text.endswith("it.") for s in draft.segments)


def test_a_voice_without_a_name_is_unknown() -> None:
    draft = draft_of(speech((None, "Hello."), (7, "Hello.")), NAMED, 0.9)

    assert {s.speaker for s in draft.segments} == {Speaker.UNKNOWN}


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, None]), st.text("ab.", min_size=1, max_size=4), st.floats(0, 3)), max_size=60
    )
)
def test_no_word_is_lost_or_moved_by_merging(said: list[tuple[int | None, str, float]]) -> None:
    at, heard = 0.0, []
    for voice, text, pause in said:
        heard.append(Word(text, at + pause, at + pause + 0.2, 0.5, voice))
        at += pause + 0.2

    draft = draft_of(Speech(tuple(heard), "en", 0.9, at, SOURCE), NAMED, 0.9)

    assert " ".join(s.text for s in draft.segments).split() == [w.text for w in heard]
    assert [word.start_s for s in draft.segments for word in s.words] == [word.start_s for word in heard]
    assert all(s.start_time <= s.end_time <= at + 0.001 for s in draft.segments)
    assert [s.id for s in draft.segments] == list(range(1, len(draft.segments) + 1))


def test_the_one_who_asks_is_the_therapist_and_the_one_who_tells_is_the_patient() -> None:
    roles = roles_of(words((4, PATIENT_SAYS), (2, THERAPIST_SAYS)))

    assert roles.speakers == {2: Speaker.THERAPIST, 4: Speaker.PATIENT}
    assert roles.confidence > 0.8


def test_two_voices_that_say_the_same_stay_unknown() -> None:
    roles = roles_of(words((0, PATIENT_SAYS), (1, PATIENT_SAYS)))

    assert set(roles.speakers.values()) == {Speaker.UNKNOWN}


def test_one_voice_alone_stays_unknown() -> None:
    assert roles_of(words((0, PATIENT_SAYS))).speakers == {0: Speaker.UNKNOWN}


def test_a_third_voice_of_few_words_gets_no_role() -> None:
    roles = roles_of(words((0, THERAPIST_SAYS), (1, PATIENT_SAYS), (2, "Sorry.")))

    assert roles.speakers == {0: Speaker.THERAPIST, 1: Speaker.PATIENT, 2: Speaker.UNKNOWN}


def test_doubt_of_the_voices_is_doubt_of_the_roles() -> None:
    roles = roles_of(words((4, PATIENT_SAYS), (2, THERAPIST_SAYS)), voices_confidence=0.6)

    assert set(roles.speakers.values()) == {Speaker.UNKNOWN}
    assert roles.confidence == 0.6


def test_a_few_words_give_no_role() -> None:
    roles = roles_of(words((0, "How are you?"), (1, "I'm fine.")))

    assert set(roles.speakers.values()) == {Speaker.UNKNOWN}


def test_nothing_said_names_nobody() -> None:
    assert roles_of(()).speakers == {}


def test_every_kind_of_word_has_a_weight() -> None:
    assert set(WEIGHTS) == {*KINDS, "questions"}


@pytest.mark.parametrize(
    ("language", "supported"), [("en", True), ("en-US", True), ("EN_gb", True), ("es", False), ("", False)]
)
def test_only_english_is_supported(language: str, supported: bool) -> None:
    assert is_supported(language) is supported


def test_a_sure_recognizer_overrules_the_upload_about_the_language() -> None:
    assert heard_other_language(speech(language="es"))
    assert not heard_other_language(replace(speech(language="es"), language_confidence=0.5))


def test_confidence_is_weighted_by_words() -> None:
    made = transcript(uploaded())
    one, four = replace(segment(Speaker.PATIENT, "a"), confidence=0.5), segment(Speaker.PATIENT, "b c d e")

    made = replace(made, draft=replace(made.draft, segments=(one, four)))

    assert made.confidence == pytest.approx((0.5 + 4 * 0.9) / 5)


def test_swapping_twice_restores_the_speakers() -> None:
    made = transcript(uploaded())

    twice = with_speakers_swapped(with_speakers_swapped(made, NOW), NOW)

    assert twice.draft.segments == made.draft.segments
    assert twice.version == 3


def test_webvtt_names_the_voice_and_escapes_the_words() -> None:
    assert as_vtt(transcript(uploaded())) == (
        "WEBVTT\n\n"
        "00:00:00.500 --> 00:00:01.500\n<v Therapist>How are you?\n\n"
        "00:00:02.000 --> 00:00:03.250\n<v Patient>I'm fine &amp; &lt;well&gt;.\n"
    )


def test_subrip_numbers_its_cues() -> None:
    assert as_srt(transcript(uploaded())).startswith("1\n00:00:00,500 --> 00:00:01,500\nTherapist: How are you?\n\n2\n")


def test_plain_text_has_a_line_per_segment() -> None:
    assert as_text(transcript(uploaded())).splitlines()[1] == "[00:00:02] Patient: I'm fine & <well>."


@pytest.mark.parametrize("rendered", [as_vtt, as_srt, as_text])
def test_no_rendering_delivers_what_a_terminal_or_a_player_would_obey(rendered: Callable[[Transcript], str]) -> None:
    hostile = "I \x1b]8;;http://evil.example\x07slept\x1b[2J\x9b31m \u202ewell\u2069\u200b\x00\x85\u2028."
    made = transcript(uploaded())
    made = replace(made, draft=replace(made.draft, segments=(segment(Speaker.PATIENT, hostile),)))

    said = rendered(made)

    assert "slept[2J31m well ." in said
    assert visible(said) == said
