"""Real recognition on a piece of a sample, and voices told apart on real vectors."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from libs.common.errors import MODEL_MISSING, AppError
from libs.common.objects.model_files import ModelFile, locate
from libs.devstack.conditions import let_pass
from libs.media.recording import decode
from libs.media.sandbox import SAMPLE_RATE, Samples
from services.transcriber.checkpoints import Unkept
from services.transcriber.domain import Speech, Word
from services.transcriber.ports import Audio
from services.transcriber.roles import roles_of
from services.transcriber.tests.recordings import SAMPLES, Recording, wav
from services.transcriber.vendors.local_campplus import VOICE_MODEL, VoiceEncoder
from services.transcriber.vendors.local_diarization import UNDECIDED, Diarized, diarized, heard_phrases
from services.transcriber.vendors.local_whisper import RECOGNITION_SHARE, WHISPER_MODEL, LocalSpeechToText, ModelPlaces

pytestmark = pytest.mark.models
PIECE_S = 28
TICK_S = 0.01
AT_WORK_AFTER_S = 0.5
NAME = "2026-09-08_first"


class Kept:
    """Checkpoints in memory."""

    def __init__(self) -> None:
        self.contents: dict[int, bytes] = {}

    async def load(self, number: int) -> bytes | None:
        return self.contents.get(number)

    async def save(self, number: int, content: bytes) -> None:
        self.contents[number] = content


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> ModelPlaces:
    return ModelPlaces(models_dir=None, cache_dir=tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
async def piece() -> Samples:
    whole = await decode(Recording((SAMPLES / f"{NAME}.mp3").read_bytes()))
    return whole[: PIECE_S * SAMPLE_RATE]


@pytest.fixture(scope="session")
def speech_to_text(places: ModelPlaces) -> LocalSpeechToText:
    return LocalSpeechToText(places, threads=2)


@pytest.fixture(scope="session")
async def heard(speech_to_text: LocalSpeechToText, piece: Samples) -> tuple[Speech, list[float]]:
    shares: list[float] = []
    audio = Audio(Recording(wav(piece.tobytes())), "audio/wav", "en", PIECE_S)
    speech = await speech_to_text.transcribe(audio, shares.append, Unkept())
    return speech, shares


@pytest.fixture(scope="session")
def encoder(places: ModelPlaces) -> VoiceEncoder:
    return VoiceEncoder(locate(VOICE_MODEL, None, places.cache_dir))


def _turns() -> list[dict[str, object]]:
    turns: list[dict[str, object]] = json.loads((SAMPLES / "dialogues" / f"{NAME}.json").read_text())["turns"]
    return turns


async def test_words_are_heard_with_their_seconds(heard: tuple[Speech, list[float]]) -> None:
    speech, _ = heard
    text = " ".join(word.text for word in speech.words)

    assert "I wake up around three in the morning" in text
    assert all(0 <= w.start_s <= w.end_s <= PIECE_S + 1 and 0 <= w.confidence <= 1 for w in speech.words)
    assert (speech.language, speech.duration_s) == ("en", PIECE_S)


async def test_voices_are_told_apart_and_named(heard: tuple[Speech, list[float]]) -> None:
    speech, _ = heard
    named = roles_of(speech.words).speakers

    right = sum(named[w.voice or 0].value == _speaker_at((w.start_s + w.end_s) / 2) for w in speech.words)

    assert right / len(speech.words) > 0.95


async def test_progress_ends_at_the_end(heard: tuple[Speech, list[float]]) -> None:
    _, shares = heard

    assert shares == sorted(shares)
    assert shares[-1] == RECOGNITION_SHARE


async def test_one_voice_is_not_cut_in_two(
    heard: tuple[Speech, list[float]], piece: Samples, encoder: VoiceEncoder
) -> None:
    alone = [word for word in heard[0].words if _speaker_at((word.start_s + word.end_s) / 2) == "patient"]

    found = await asyncio.to_thread(lambda: diarized([heard_phrases(alone, piece, encoder)]))

    assert {word.voice for word in found.words} == {0}


async def test_the_event_loop_lives_while_a_recording_is_heard(
    speech_to_text: LocalSpeechToText, piece: Samples
) -> None:
    short = Recording(wav(piece[: 8 * SAMPLE_RATE].tobytes()))
    work = asyncio.create_task(speech_to_text.transcribe(Audio(short, "audio/wav", "en"), lambda _: None, Unkept()))
    loop = asyncio.get_running_loop()
    started, longest = loop.time(), 0.0
    while not work.done():
        before = loop.time()
        await let_pass(TICK_S, "how much later than asked it returns is what the loop could not do meanwhile")
        longest = max(longest, loop.time() - before)

    assert work.result().words
    assert longest < (loop.time() - started) / 3


async def test_a_cancelled_recording_makes_room_for_the_next(speech_to_text: LocalSpeechToText, piece: Samples) -> None:
    audio = Audio(Recording(wav(piece[: 8 * SAMPLE_RATE].tobytes())), "audio/wav", "en")
    first = asyncio.create_task(speech_to_text.transcribe(audio, lambda _: None, Unkept()))
    await let_pass(AT_WORK_AFTER_S, "nothing outside shows when the recognizer's thread is at work")

    first.cancel()
    second = await speech_to_text.transcribe(audio, lambda _: None, Unkept())

    assert first.cancelled()
    assert second.words


async def test_a_block_that_was_heard_before_a_worker_was_lost_is_not_heard_again(
    heard: tuple[Speech, list[float]], speech_to_text: LocalSpeechToText, piece: Samples, tmp_path: Path
) -> None:
    audio, kept = Audio(Recording(wav(piece.tobytes())), "audio/wav", "en"), Kept()
    await speech_to_text.transcribe(audio, lambda _: None, kept)
    deaf = LocalSpeechToText(ModelPlaces(tmp_path, tmp_path / "none"), threads=1)

    again = await deaf.transcribe(audio, lambda _: None, kept)

    assert [word.text for word in again.words] == [word.text for word in heard[0].words]
    assert [word.voice for word in again.words] == [word.voice for word in heard[0].words]
    assert deaf._models is None


async def test_silence_has_no_words(speech_to_text: LocalSpeechToText) -> None:
    silence = Recording(wav(np.zeros(3 * SAMPLE_RATE, "<i2").tobytes()))

    speech = await speech_to_text.transcribe(Audio(silence, "audio/wav", "en"), lambda _: None, Unkept())

    assert speech.words == ()


def test_few_words_have_one_voice(encoder: VoiceEncoder) -> None:
    word = Word("Hello.", 0.1, 0.5, 0.9, None)

    found = diarized([heard_phrases([word], np.zeros(SAMPLE_RATE, np.int16), encoder)])

    assert found == Diarized((replace(word, voice=0),), UNDECIDED)


def test_a_missing_model_says_how_to_install_it(tmp_path: Path) -> None:
    missing = ModelFile("x/model.bin", "no-such-package", "model.bin", WHISPER_MODEL.sha256, "MIT")

    with pytest.raises(AppError) as caught:
        locate(missing, None, tmp_path)

    assert caught.value.problem is MODEL_MISSING


def _speaker_at(middle_s: float) -> str:
    def distance(turn: dict[str, object]) -> float:
        start, end = float(str(turn["start_time"])), float(str(turn["end_time"]))
        return max(start - middle_s, middle_s - end, 0.0)

    return str(min(_turns(), key=distance)["speaker"])
