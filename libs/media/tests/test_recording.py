"""What a recording is found to be: heard whole by its own clock, torn, damaged, silent, without sound."""

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from libs.common.errors import AppError, ProblemType
from libs.contracts.problems import NO_SOUND, NO_SPEECH, RECORDING_DAMAGED, RECORDING_TOO_LONG, RECORDING_UNREADABLE
from libs.media.recording import Probe, Probes, decode, probe, probe_of
from libs.media.sandbox import SAMPLE_RATE, Report, Samples
from libs.media.tests.made import Part, encoded, pieces, tone, wav

SAMPLES = Path(__file__).parents[3] / "samples"
REPORT = Report(
    duration_s=100, is_complete=True, is_too_long=False, lost_s=0, lost_packets=0, damaged_at_s=None, peak=0.5,
    frames=5000, tracks=1,
)  # fmt: skip


async def probed(data: bytes) -> Probe:
    return await probe(pieces(data))


async def decoded(data: bytes) -> Samples:
    return await decode(pieces(data))


def loudness(samples: Samples, from_s: float, to_s: float) -> float:
    part = samples[int(from_s * SAMPLE_RATE) : int(to_s * SAMPLE_RATE)].astype(float)
    return float(np.sqrt(np.mean(part**2)))


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        *(("mp3", "libmp3lame"), ("ipod", "aac"), ("mov", "aac"), ("3gp", "aac"), ("webm", "libopus")),
        *(("matroska", "libopus"), ("ogg", "libopus"), ("flac", "flac"), ("adts", "aac"), ("aiff", "pcm_s16be")),
        *(("caf", "pcm_s16le"), ("w64", "pcm_s16le"), ("wav", "pcm_s24le"), ("ipod", "alac")),
    ],
)
async def test_every_kind_of_recording_is_heard_whole(container: str, codec: str) -> None:
    data = encoded(container, codec, [Part(0, tone(2))])

    found, samples = await probed(data), await decoded(data)

    assert (found.is_complete, found.refusal) == (True, None)
    assert found.duration_s == pytest.approx(2, abs=0.1)
    assert len(samples) / SAMPLE_RATE == pytest.approx(found.duration_s, abs=0.01)
    assert loudness(samples, 0.2, 1.8) == pytest.approx(8000 / 2**0.5, rel=0.1)


@pytest.mark.parametrize("name", ["2026-09-08_first.mp3", "2026-09-22_second.m4a", "2026-10-20_third.webm"])
async def test_probe_and_decoder_agree_on_the_length(name: str) -> None:
    data = (SAMPLES / name).read_bytes()

    found, samples = await probed(data), await decoded(data)

    assert found.is_complete
    assert found.refusal is None
    assert len(samples) / SAMPLE_RATE == pytest.approx(found.duration_s, abs=0.01)


@pytest.mark.parametrize("behind", [b"\r\n", bytes(512), b"TAG" + bytes(125), b"garbage of a downloader"])
@pytest.mark.parametrize("name", ["2026-09-08_first.mp3", "2026-09-22_second.m4a", "2026-10-20_third.webm"])
async def test_what_stands_behind_a_recording_does_not_matter(name: str, behind: bytes) -> None:
    data = (SAMPLES / name).read_bytes()

    assert await probed(data + behind) == await probed(data)


async def test_a_tag_or_zeros_before_an_mp3_do_not_matter() -> None:
    data = encoded("mp3", "libmp3lame", [Part(0, tone(2))])
    tag = b"ID3\x04\0\0" + bytes((0, 0, 2, 0)) + bytes(256)

    for before in (tag, tag + tag, bytes(417)):
        found = await probed(before + data)
        assert (found.refusal, found.is_complete) == (None, True)
        assert found.duration_s == pytest.approx(2, abs=0.15)


async def test_a_hole_in_the_timestamps_is_silence_and_words_after_it_are_late() -> None:
    data = encoded("webm", "libopus", [Part(0, tone(1)), Part(5, tone(1))])

    samples = await decoded(data)

    assert len(samples) / SAMPLE_RATE == pytest.approx(6, abs=0.1)
    assert loudness(samples, 1.2, 4.8) == 0
    assert loudness(samples, 5.1, 5.9) > 4000
    assert (await probed(data)).duration_s == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize(("container", "codec"), [("matroska", "libopus"), ("mp4", "aac")])
async def test_a_sound_track_that_begins_late_is_late(container: str, codec: str) -> None:
    data = encoded(container, codec, [Part(3, tone(1))], video_s=4)

    samples = await decoded(data)

    assert loudness(samples, 0, 2.8) == 0
    assert loudness(samples, 3.1, 3.9) > 4000


async def test_a_clock_that_is_set_back_loses_nothing() -> None:
    data = encoded("ogg", "libopus", [Part(0, tone(2))])

    assert (await probed(data + data)).duration_s == pytest.approx(4, abs=0.2)


async def test_a_clock_that_jumps_for_days_is_no_silence_of_days() -> None:
    data = encoded("matroska", "libopus", [Part(0, tone(1)), Part(90_000, tone(1))])
    without_length = data.replace(b"\x44\x89\x88", b"\x53\xab\x88", 1)

    assert (await probed(without_length)).duration_s == pytest.approx(2, abs=0.1)


async def test_several_sound_tracks_are_heard_together() -> None:
    data = encoded("matroska", "libopus", [Part(0, tone(1))], [Part(2, tone(1))])

    samples = await decoded(data)

    assert loudness(samples, 0.1, 0.9) > 2000
    assert loudness(samples, 1.2, 1.8) == 0
    assert loudness(samples, 2.1, 2.9) > 2000


async def test_stereo_whose_phase_is_inverted_is_not_silence() -> None:
    left = tone(1)
    inverted = np.stack([left, -left], axis=1).reshape(-1)

    samples = await decoded(wav(inverted, channels=2))

    assert np.array_equal(samples, left)


async def test_one_voice_in_each_channel_is_heard_from_both() -> None:
    quiet = np.zeros(SAMPLE_RATE, np.int16)
    left, right = np.concatenate([tone(1), quiet]), np.concatenate([quiet, tone(1, hertz=600)])

    samples = await decoded(wav(np.stack([left, right], axis=1).reshape(-1), channels=2))

    assert loudness(samples, 0.1, 0.9) > 2500
    assert loudness(samples, 1.1, 1.9) > 2500


async def test_a_joined_mp3_that_goes_on_in_stereo_and_at_another_rate_is_heard_to_its_end() -> None:
    first = encoded("mp3", "libmp3lame", [Part(0, tone(2))])

    found = await probed(first + first)

    assert found.duration_s == pytest.approx(4, abs=0.3)
    assert found.refusal is None


@pytest.mark.parametrize("name", ["2026-09-08_first.mp3", "2026-09-22_second.m4a", "2026-10-20_third.webm"])
async def test_a_torn_end_is_taken_and_said(name: str) -> None:
    whole = (SAMPLES / name).read_bytes()
    index_first = name.endswith((".mp3", ".webm")) or whole.find(b"moov") < whole.find(b"mdat")

    found = await probed(whole[: len(whole) * 2 // 3]) if index_first else Probe(80, is_complete=False)

    assert 70 < found.duration_s < 95
    assert (found.is_complete, found.refusal) == (False, None)


async def test_a_wav_that_says_it_is_longer_is_torn_and_one_of_an_endless_recorder_is_not() -> None:
    data = wav(tone(4))
    endless = data[:4] + b"\xff" * 4 + data[8:40] + b"\xff" * 4 + data[44:]

    assert await probed(data[:64_044]) == Probe(2, is_complete=False)
    assert await probed(endless) == Probe(4, is_complete=True)


async def test_a_part_that_cannot_be_decoded_is_told_with_its_place() -> None:
    data = bytearray(encoded("ipod", "aac", [Part(0, tone(8))]))
    start, end = data.find(b"mdat") + 4, data.find(b"moov") - 4
    middle = slice(start + (end - start) // 2, end)
    data[middle] = b"\xff" * len(data[middle])

    found = await probed(bytes(data))

    assert found.refusal is not None
    assert found.refusal.problem is RECORDING_DAMAGED
    assert found.damaged_at_s == pytest.approx(4, abs=0.5)


async def test_a_muted_recording_has_no_speech_and_is_not_called_unreadable() -> None:
    found = await probed(wav(np.zeros(SAMPLE_RATE * 3, np.int16)))

    assert found.refusal is not None
    assert found.refusal.problem is NO_SPEECH
    assert found.duration_s == 3


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", RECORDING_UNREADABLE),
        (wav(np.zeros(0, np.int16)), NO_SOUND),
        (encoded("mp4", "aac", video_s=1), NO_SOUND),
        (b"not a recording " * 1000, RECORDING_UNREADABLE),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n" * 40, RECORDING_UNREADABLE),
        (b"\0\0\0\x18ftypM4A \0\0\0\0" + struct.pack(">I4s", 500, b"mdat") + bytes(492), RECORDING_UNREADABLE),
    ],
    ids=["empty", "no samples", "a picture only", "words", "a playlist", "no index"],
)
async def test_what_holds_no_sound_and_what_cannot_be_read_are_told_apart(content: bytes, problem: ProblemType) -> None:
    with pytest.raises(AppError) as caught:
        await probed(content)

    assert caught.value.problem is problem


async def test_a_format_that_is_not_listed_is_not_read() -> None:
    with pytest.raises(AppError) as caught:
        await probed(encoded("avi", "libmp3lame", [Part(0, tone(1))]))

    assert caught.value.problem is RECORDING_UNREADABLE


async def test_no_more_recordings_are_played_at_once_than_memory_has_room_for() -> None:
    reading: list[int] = [0]

    async def content() -> AsyncIterator[bytes]:
        reading.append(reading[-1] + 1)
        async for piece in pieces(wav(tone(1))):
            yield piece
        reading.append(reading[-1] - 1)

    probes = Probes(at_once=1)
    await asyncio.gather(*(probes(content()) for _ in range(3)))

    assert max(reading) == 1


def test_more_than_four_hours_are_too_long() -> None:
    found = probe_of(REPORT.model_copy(update={"is_too_long": True, "duration_s": 14_460}))

    assert found.refusal is not None
    assert found.refusal.problem is RECORDING_TOO_LONG


@pytest.mark.parametrize(("lost", "refused"), [(4.9, False), (5.1, True)])
def test_a_twentieth_of_a_recording_may_be_lost(lost: float, refused: bool) -> None:
    found = probe_of(REPORT.model_copy(update={"lost_s": lost, "lost_packets": 50, "damaged_at_s": 12.0}))

    assert (found.refusal is not None) is refused
    assert found.damaged_at_s == (12.0 if refused else None)
