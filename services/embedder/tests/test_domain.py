"""What a chunk says about itself."""

from libs.common.ids import new_id
from libs.contracts.ids import TranscriptId
from services.embedder.domain import Span, Speaker, Turn, chunk_id, dominant, passage_id
from services.embedder.tests.world import dialogue, index_of, source

PATIENT_TALKS = Turn(Speaker.PATIENT, "I told my brother about the diagnosis, and he cried with me for a while.", 1, 9)
THERAPIST_HUMS = Turn(Speaker.THERAPIST, "Mm-hm.", 9, 10)
THERAPIST_ASKS = Turn(Speaker.THERAPIST, "How was it for you to see him cry?", 10, 13)


def test_a_murmur_does_not_make_a_passage_mixed() -> None:
    assert dominant([PATIENT_TALKS, THERAPIST_HUMS]) is Speaker.PATIENT


def test_a_passage_of_two_speakers_is_attributed_to_neither() -> None:
    assert dominant([PATIENT_TALKS, THERAPIST_ASKS]) is Speaker.MIXED


def test_what_is_cited_names_the_speakers_and_what_is_embedded_does_not() -> None:
    span = Span((PATIENT_TALKS, THERAPIST_ASKS), 30)

    assert span.content.splitlines()[1] == "Therapist: How was it for you to see him cry?"
    assert span.text.splitlines()[1] == "How was it for you to see him cry?"


def test_a_span_ends_with_its_last_word_even_when_people_talk_over_each_other() -> None:
    over = Turn(Speaker.THERAPIST, "Yes.", 8, 8.5)

    assert Span((PATIENT_TALKS, over), 20).end_s == 9


def test_the_same_words_have_the_same_hash_whoever_said_them_and_when() -> None:
    swapped = Turn(Speaker.THERAPIST, PATIENT_TALKS.text, 100, 110)

    assert Span((PATIENT_TALKS,), 20).content_hash == Span((swapped,), 20).content_hash


def test_ids_are_the_same_on_every_replay_and_differ_by_version_and_place() -> None:
    transcript = TranscriptId(new_id())

    ids = {chunk_id(transcript, version, index) for version in (1, 2) for index in (0, 1)}

    assert len(ids) == 4
    assert chunk_id(transcript, 1, 0) in ids
    assert passage_id(transcript, 1, 0) not in ids


def test_the_passages_of_an_index_are_those_of_its_chunks_in_order_of_time() -> None:
    index = index_of(source(), dialogue(repeats=60))

    assert len(index.chunks) > 1
    assert [turn for passage in index.passages for turn in passage.turns] == list(dialogue(repeats=60))
