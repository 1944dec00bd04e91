"""Where transcripts are cut: every word once, nothing too large, times in order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.embedder.chunking import DEFAULT_RULES, Rules, chunks_of, merged, partition
from services.embedder.domain import Chunk, Speaker, Turn
from services.embedder.tests.world import dialogue, words
from services.embedder.vendors.token_counts import cl100k_counter

SPEAKERS = st.sampled_from([Speaker.THERAPIST, Speaker.PATIENT, Speaker.UNKNOWN])
TEXTS = st.lists(
    st.sampled_from(["so", "I", "walked.", "Why?", "mother", "hm!", "interview"]), min_size=1, max_size=400
)


@st.composite
def transcripts(draw: st.DrawFn) -> list[Turn]:
    """Any dialogue: monologues, interjections, pauses, overlaps."""
    turns: list[Turn] = []
    at = 0.0
    for _ in range(draw(st.integers(0, 30))):
        at = max(0.0, at + draw(st.floats(-1.0, 20.0)))
        length = draw(st.floats(0.0, 60.0))
        turns.append(Turn(draw(SPEAKERS), " ".join(draw(TEXTS)), at, at + length))
        at += length
    return turns


@given(transcripts())
@settings(max_examples=60, deadline=None)
def test_every_word_is_in_exactly_one_passage_in_the_order_it_was_said(turns: list[Turn]) -> None:
    chunks = chunks_of(turns, words)

    said = [word for turn in sorted(turns, key=lambda turn: turn.start_s) for word in turn.text.split()]

    assert [word for turn in _turns(chunks) for word in turn.text.split()] == said


@given(transcripts())
@settings(max_examples=60, deadline=None)
def test_no_passage_and_no_chunk_is_over_its_maximum(turns: list[Turn]) -> None:
    chunks = chunks_of(turns, words)

    assert all(passage.tokens <= DEFAULT_RULES.passage_max for chunk in chunks for passage in chunk.passages)
    assert all(chunk.span.tokens <= DEFAULT_RULES.chunk_max for chunk in chunks)


@given(transcripts())
@settings(max_examples=60, deadline=None)
def test_times_of_passages_never_run_backwards(turns: list[Turn]) -> None:
    passages = [passage for chunk in chunks_of(turns, words) for passage in chunk.passages]

    starts = [passage.start_s for passage in passages]

    assert starts == sorted(starts)
    assert all(
        passage.start_s <= turn.start_s <= turn.end_s <= passage.end_s for passage in passages for turn in passage.turns
    )


@given(transcripts())
@settings(max_examples=60, deadline=None)
def test_a_speaker_never_gets_another_speakers_words(turns: list[Turn]) -> None:
    pieces = _turns(chunks_of(turns, words))

    for speaker in Speaker:
        said = [word for turn in turns if turn.speaker is speaker for word in turn.text.split()]
        spoken = [word for turn in pieces if turn.speaker is speaker for word in turn.text.split()]
        assert sorted(spoken) == sorted(said)


@given(st.lists(st.integers(1, 90), max_size=60))
def test_a_partition_covers_all_items_in_order(sizes: list[int]) -> None:
    parts = partition(sizes, [0.0] * len(sizes), 100, 150)

    assert [item for part in parts for item in part] == list(range(len(sizes)))
    assert all(sum(sizes[item] for item in part) <= 150 for part in parts)


def test_parts_are_made_equal_instead_of_leaving_a_short_tail() -> None:
    parts = partition([40] * 16, [0.0] * 15, 500, 650)

    assert [len(part) for part in parts] == [16]
    assert [len(part) for part in partition([40] * 20, [0.0] * 19, 500, 650)] == [10, 10]


def test_one_breath_is_one_turn() -> None:
    turns = [
        Turn(Speaker.PATIENT, "I went out.", 0.0, 2.0),
        Turn(Speaker.PATIENT, "It rained.", 3.0, 4.0),
        Turn(Speaker.PATIENT, "Later I slept.", 9.0, 10.0),
    ]

    joined = merged(turns, words)

    assert [(turn.text, turn.start_s, turn.end_s) for turn in joined] == [
        ("I went out. It rained.", 0.0, 4.0),
        ("Later I slept.", 9.0, 10.0),
    ]


def test_a_monologue_too_long_for_a_passage_is_cut_at_sentence_ends() -> None:
    sentence = "I thought about my father all night long."
    turn = Turn(Speaker.PATIENT, " ".join([sentence] * 60), 10.0, 130.0)

    pieces = merged([turn], words)

    assert len(pieces) > 1
    assert all(piece.text.endswith("long.") for piece in pieces)
    assert pieces[0].start_s == 10.0
    assert pieces[-1].end_s == 130.0


def test_a_question_stays_with_its_answer() -> None:
    ends = ("end.", "end.", "why?", "because.", "end.", "end.")
    turns = [Turn(Speaker.UNKNOWN, "word " * 9 + end, place * 6, place * 6 + 5) for place, end in enumerate(ends)]

    chunks = chunks_of(turns, words, Rules(passage_target=30, passage_max=40, merge_gap_s=0))

    assert [len(passage.turns) for chunk in chunks for passage in chunk.passages] == [2, 4]


def test_a_long_pause_is_a_good_place_to_cut() -> None:
    fill = " ".join(["word"] * 10)
    turns = [Turn(Speaker.PATIENT, fill, at, at + 4) for at in (0.0, 6.0, 30.0, 36.0)]

    chunks = chunks_of(turns, words, Rules(passage_target=20, passage_max=40))

    assert [passage.start_s for chunk in chunks for passage in chunk.passages] == [0.0, 30.0]


def test_a_short_session_still_has_several_passages_to_point_at() -> None:
    chunks = chunks_of(dialogue(repeats=4), cl100k_counter())

    assert len(chunks) == 1
    assert len(chunks[0].passages) >= 3


def test_silence_has_no_chunks() -> None:
    assert chunks_of([Turn(Speaker.PATIENT, "  ", 0, 1)], words) == ()


def _turns(chunks: tuple[Chunk, ...]) -> list[Turn]:
    return [turn for chunk in chunks for passage in chunk.passages for turn in passage.turns]
