"""Blocks of long recordings, and what was heard in them as bytes."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from libs.media.sandbox import SAMPLE_RATE, Samples
from services.transcriber.domain import Word
from services.transcriber.vendors.local_blocks import Block, Heard, blocks_of, from_bytes, to_bytes
from services.transcriber.vendors.local_diarization import Phrases

PIECE_S = 7
WORDS = (Word("Good", 301.12, 301.5, 0.75, None), Word("morning.", 301.5, 302.0, 0.5, None))


async def _pieces(samples: Samples) -> AsyncIterator[Samples]:
    for start in range(0, len(samples), PIECE_S * SAMPLE_RATE):
        yield samples[start : start + PIECE_S * SAMPLE_RATE]


async def _blocks(samples: Samples) -> list[Block]:
    return [block async for block in blocks_of(_pieces(samples))]


async def test_a_long_recording_is_cut_where_it_is_quiet_and_nothing_is_lost() -> None:
    samples = np.full(12 * 60 * SAMPLE_RATE, 1000, np.int16)
    samples[290 * SAMPLE_RATE : 291 * SAMPLE_RATE] = 0

    blocks = await _blocks(samples)

    assert 290 <= blocks[1].start_s <= 291
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), samples)
    assert [block.number for block in blocks] == list(range(len(blocks)))
    assert max(len(block.samples) for block in blocks) <= 320 * SAMPLE_RATE


async def test_blocks_follow_each_other_without_a_gap() -> None:
    blocks = await _blocks(np.random.default_rng(1).integers(-99, 99, 700 * SAMPLE_RATE).astype(np.int16))

    assert [block.start_s for block in blocks[1:]] == pytest.approx([block.end_s for block in blocks[:-1]])


@pytest.mark.parametrize("seconds", [1, 300, 320])
async def test_a_short_recording_is_one_block(seconds: int) -> None:
    blocks = await _blocks(np.zeros(seconds * SAMPLE_RATE, np.int16))

    assert [block.end_s for block in blocks] == [seconds]


async def test_a_recording_of_nothing_has_no_block() -> None:
    assert await _blocks(np.zeros(0, np.int16)) == []


def test_what_was_heard_comes_back_from_its_bytes() -> None:
    vectors = np.asarray([[0.6, 0.8], [1.0, 0.0]], np.float32)

    back = from_bytes(to_bytes(Heard(Phrases(WORDS, [1, 1], vectors), 305.5, "en", 0.9)))

    assert back is not None
    assert tuple(back.phrases.words) == WORDS
    assert back.phrases.each() == [[WORDS[0]], [WORDS[1]]]
    assert np.allclose(back.phrases.vectors, vectors, atol=1e-3)
    assert (back.end_s, back.language, back.language_confidence) == (305.5, "en", 0.9)


@pytest.mark.parametrize("content", [None, b"", b'{"version": 0}'])
def test_what_was_not_kept_or_is_of_another_version_is_heard_again(content: bytes | None) -> None:
    assert from_bytes(content) is None
