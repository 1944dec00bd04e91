"""Local transcription beside bare faster-whisper: `python -m benchmarks.speech [--minutes N] [--behind N]`.

Both hear the same recording, made of the samples in a row, each in a process of its own: ours decodes in a confined
child, recognizes in blocks and tells voices apart; the other is the library as its documentation shows it, without
voices. Then a recording of two minutes arrives while one of `--behind` minutes is transcribed by the same worker.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from evals.speech.clips import SAMPLES, File, decoded, samples_in, wav
from evals.speech.scoring import cpu_s, peak_mb
from libs.media.sandbox import SAMPLE_RATE, Samples
from services.transcriber.checkpoints import Unkept
from services.transcriber.ports import Audio
from services.transcriber.vendors.local_whisper import BATCH_SIZE, LocalSpeechToText, ModelPlaces, whisper_folder

SHORT_MINUTES = 2.0
ARRIVES_AFTER_S = 5.0
WAYS = ("bare", "ours")


def made(samples: Samples, minutes: float, path: Path) -> Path:
    """Write a WAV file of so many minutes, the samples again and again."""
    wanted = np.resize(samples, int(minutes * 60 * SAMPLE_RATE))
    path.write_bytes(wav(wanted))
    return path


def bare(path: Path, places: ModelPlaces, threads: int) -> int:
    """Transcribe with the library alone; return the number of words."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    model = WhisperModel(str(whisper_folder(places)), device="cpu", compute_type="int8", cpu_threads=threads)
    segments, _ = BatchedInferencePipeline(model).transcribe(
        str(path), language="en", beam_size=1, batch_size=BATCH_SIZE, vad_filter=True, word_timestamps=True
    )
    return sum(len(segment.words or ()) for segment in segments)


def ours(path: Path, places: ModelPlaces, threads: int) -> int:
    """Transcribe as a worker does; return the number of words."""
    listener = LocalSpeechToText(places, threads)
    speech = asyncio.run(listener.transcribe(Audio(File(path), "audio/wav", "en"), lambda _: None, Unkept()))
    return len(speech.words)


def measured(way: str, path: Path, places: ModelPlaces) -> str:
    """Return a line about one way, measured in this process."""
    started = time.perf_counter()
    words = {"bare": bare, "ours": ours}[way](path, places, os.cpu_count() or 1)
    wall = time.perf_counter() - started
    return json.dumps({"words": words, "wall_s": wall, "cpu_s": cpu_s(), "peak_mb": peak_mb()})


async def behind(long: Path, short: Path, places: ModelPlaces) -> tuple[float, float]:
    """Return after how many seconds a short recording is ready: alone, and if a long one is at work before it."""
    listener = LocalSpeechToText(places, os.cpu_count() or 1, decoders=2)

    async def transcribed(path: Path) -> float:
        started = time.perf_counter()
        await listener.transcribe(Audio(File(path), "audio/wav", "en"), lambda _: None, Unkept())
        return time.perf_counter() - started

    await transcribed(short)  # loads the models
    alone = await transcribed(short)
    before = asyncio.create_task(transcribed(long))
    await asyncio.sleep(ARRIVES_AFTER_S)
    beside = await transcribed(short)
    before.cancel()
    await asyncio.gather(before, return_exceptions=True)
    return alone, beside


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speech", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the recording that both hear")
    parser.add_argument(
        "--behind", type=float, default=180.0, help="length of the recording before a short one; 0: none"
    )
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        print(measured(chosen.way, chosen.folder / "recording.wav", _places(chosen.folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        _compare(Path(name), chosen.minutes, chosen.behind)


def _compare(folder: Path, minutes: float, behind_minutes: float) -> None:
    samples = np.concatenate([decoded(path) for path, _ in samples_in(SAMPLES)])
    made(samples, minutes, folder / "recording.wav")
    print(f"{minutes:g} minutes, {os.cpu_count()} cores")
    for way in WAYS:
        command = [sys.executable, "-m", "benchmarks.speech", "--way", way, "--folder", str(folder)]
        figures = json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
        )
        print(
            f"{way}  wall {figures['wall_s']:6.1f} s  CPU {figures['cpu_s']:6.1f} s  peak {figures['peak_mb']:5.0f} MB"
            f"  words {figures['words']}"
        )
    if behind_minutes:
        long, short = (made(samples, m, folder / f"{m}.wav") for m in (behind_minutes, min(SHORT_MINUTES, minutes)))
        alone, beside = asyncio.run(behind(long, short, _places(folder)))
        print(f"a short one alone {alone:.1f} s, behind {behind_minutes:g} minutes {beside:.1f} s")


def _places(folder: Path) -> ModelPlaces:
    return ModelPlaces(None, folder / "cache")


if __name__ == "__main__":
    main()
