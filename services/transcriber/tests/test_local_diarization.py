"""Voices by evidence: on vectors whose voices are known, and on pieces of a sample."""

import asyncio
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from libs.common.objects.model_files import locate
from libs.media.recording import decode
from libs.media.sandbox import SAMPLE_RATE, Samples
from services.transcriber.domain import Word
from services.transcriber.tests.recordings import SAMPLES, Recording
from services.transcriber.vendors.local_campplus import SAMPLES_MIN, VOICE_MODEL, VoiceEncoder
from services.transcriber.vendors.local_diarization import PHRASE_MAX_S, cut_into_phrases, voices_of
from services.transcriber.vendors.local_fbank import MELS, filter_banks
from services.transcriber.vendors.local_weights import Floats, read_weights

WIDTH = 192
SPREAD = 0.055
"""Of each number of a phrase's vector: two phrases of one voice are then about 0.65 alike, as people's are."""
THERAPIST_S = ((0.8, 5.0), (20.5, 24.0))
"""Seconds of the first sample in which only the therapist speaks."""
PATIENT_S = (8.0, 12.0)


def _said_by(voice: int, phrases: int, likeness: float = 0.0) -> Floats:
    """Return vectors of phrases of a voice; a voice above 0 is as much like voice 0 as `likeness` says."""
    random = np.random.default_rng(voice)
    centre = np.zeros(WIDTH)
    centre[0], centre[voice] = (likeness, np.sqrt(1 - likeness**2)) if voice else (1.0, 1.0)
    vectors = centre + random.normal(0, SPREAD, (phrases, WIDTH))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _lasting(vectors: Floats, seconds: float = 2.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.full(len(vectors), seconds)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_as_many_voices_are_found_as_speak(count: int) -> None:
    vectors = np.concatenate([_said_by(voice, phrases=12) for voice in range(count)])

    voices = voices_of(vectors, _lasting(vectors))

    assert len(voices.centres) == count
    assert voices.confidence > 0.9


def test_two_voices_much_alike_are_said_with_doubt() -> None:
    vectors = np.concatenate([_said_by(0, phrases=12), _said_by(1, phrases=12, likeness=0.72)])

    voices = voices_of(vectors, _lasting(vectors))

    assert voices.confidence < 0.8


def test_a_cough_is_no_voice() -> None:
    vectors = np.concatenate([_said_by(0, phrases=20), _said_by(1, phrases=1)])

    voices = voices_of(vectors, _lasting(vectors))

    assert len(voices.centres) == 1


def test_short_phrases_do_not_say_how_many_voices_there_are() -> None:
    vectors = np.concatenate([_said_by(0, phrases=5), _said_by(1, phrases=5)])

    voices = voices_of(vectors, _lasting(vectors, seconds=0.4))

    assert (len(voices.centres), voices.confidence) == (1, 0.5)


def test_words_are_cut_into_phrases_at_ends_of_sentences_at_pauses_and_when_they_grow_long() -> None:
    spoken = [("Yes.", 0.0), ("I", 0.4), ("slept", 0.8), ("badly", 2.0), *(("and", 2.4 + 0.4 * n) for n in range(12))]
    words = [Word(text, start, start + 0.4, 0.9, None) for text, start in spoken]

    phrases = cut_into_phrases(words)

    assert [[word.text for word in phrase] for phrase in phrases[:2]] == [["Yes."], ["I", "slept"]]
    assert [word for phrase in phrases for word in phrase] == words
    assert max(phrase[-1].end_s - phrase[0].start_s for phrase in phrases) <= PHRASE_MAX_S


def test_features_do_not_depend_on_the_gain() -> None:
    loud = np.random.default_rng(1).integers(-8000, 8000, SAMPLE_RATE).astype(np.int16) // 4 * 4

    features, of_quiet = filter_banks(loud), filter_banks(loud // 4)

    assert features.shape == (98, MELS)
    assert np.allclose(features, of_quiet, atol=1e-2)


@pytest.mark.models
async def test_pieces_of_one_voice_are_alike_and_those_of_two_are_not(encoder: VoiceEncoder) -> None:
    whole = await decode(Recording((SAMPLES / "2026-09-08_first.mp3").read_bytes()))
    pieces = [_cut(whole, *seconds) for seconds in (*THERAPIST_S, PATIENT_S)]

    first, second, other = [await asyncio.to_thread(encoder.embed, piece) for piece in pieces]

    assert first @ second > 0.5
    assert first @ other < 0.3


@pytest.mark.models
def test_the_shortest_piece_has_a_unit_vector(encoder: VoiceEncoder) -> None:
    vector = encoder.embed(np.ones(1, np.int16))

    assert np.isclose(np.linalg.norm(vector), 1)
    assert SAMPLES_MIN < 0.1 * SAMPLE_RATE


def test_a_weights_file_that_carries_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(print))

    with pytest.raises(pickle.UnpicklingError):
        read_weights(path)


@pytest.mark.parametrize("content", [b"", b"not a zip file", pickle.dumps(print)])
def test_a_file_of_another_kind_is_no_weights_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(content)

    with pytest.raises(pickle.UnpicklingError, match="not a zipped PyTorch weights file"):
        read_weights(path)


def _cut(samples: Samples, start_s: float, end_s: float) -> Samples:
    return samples[int(start_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)]


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> VoiceEncoder:
    return VoiceEncoder(locate(VOICE_MODEL, None, tmp_path_factory.mktemp("models")))
