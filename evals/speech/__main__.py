"""Figures of local speech: `python -m evals.speech [--samples DIR] [--annomi FILE] [--seed N]`.

On the samples: word error rate, share of words on the right speaker (as heard, and as named), time against length.
On AnnoMI, when its path is given: how often the roles are told right, by cross-validation. Nothing of it is shipped.
"""

import argparse
import asyncio
import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import jiwer

from evals.speech.clips import SAMPLES, Dialogue, File, Turn, samples_in
from evals.speech.compositions import Spoken
from evals.speech.roles import RoleFigures, cross_validated, read_sessions, shipped
from evals.speech.scoring import cpu_s, peak_mb, voice_of, words_right
from services.transcriber.checkpoints import Unkept
from services.transcriber.domain import Speaker, Speech
from services.transcriber.ports import Audio
from services.transcriber.roles import WEIGHTS, roles_of
from services.transcriber.vendors.local_whisper import LocalSpeechToText, ModelPlaces

VOICES = (Speaker.THERAPIST, Speaker.PATIENT)
MEDIA_TYPES = {".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".webm": "audio/webm", ".wav": "audio/wav"}
EXCERPT_TURNS = (None, 40, 20, 10)
_CARDINALS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen twenty"
)
_TEENTHS = "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
NUMBERS = {word: str(number) for number, word in enumerate(_CARDINALS.split())} | {
    word: f"{number}th" for number, word in enumerate(_TEENTHS.split(), start=10)
}


@dataclass(frozen=True)
class Figures:
    """What was measured on one recording."""

    name: str
    audio_s: float
    wall_s: float
    cpu_s: float
    words: int
    wer: float
    voices_right: float
    speakers_right: float
    role_confidence: float


async def measure(samples: Sequence[tuple[Path, Dialogue]]) -> list[Figures]:
    """Hear every sample; the models are loaded before the clock starts."""
    with tempfile.TemporaryDirectory() as cache:
        listener = LocalSpeechToText(ModelPlaces(None, Path(cache)), threads=os.cpu_count() or 1)
        started = time.perf_counter()
        await asyncio.to_thread(listener._loaded)
        print(f"models loaded in {time.perf_counter() - started:.1f} s")
        return [await _measured(listener, path, dialogue.turns) for path, dialogue in samples]


async def _measured(listener: LocalSpeechToText, path: Path, turns: Sequence[Turn]) -> Figures:
    wall, cpu = time.perf_counter(), cpu_s()
    speech = await listener.transcribe(Audio(File(path), MEDIA_TYPES[path.suffix], "en"), lambda _: None, Unkept())
    wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    roles = roles_of(speech.words, speech.voices_confidence)
    spoken = [Spoken(VOICES.index(turn.speaker), turn.start_time, turn.end_time) for turn in turns]
    said = [VOICES[voice_of(word, spoken)] for word in speech.words]
    named = [roles.speakers.get(word.voice or 0) for word in speech.words]
    return Figures(
        name=path.name,
        audio_s=speech.duration_s,
        wall_s=wall,
        cpu_s=cpu,
        words=len(speech.words),
        wer=_word_error_rate(turns, speech),
        voices_right=words_right(speech.words, spoken),
        speakers_right=sum(a is b for a, b in zip(named, said, strict=True)) / max(len(said), 1),
        role_confidence=roles.confidence,
    )


def _word_error_rate(turns: Sequence[Turn], speech: Speech) -> float:
    reference = _plain(" ".join(turn.text for turn in turns))
    return float(jiwer.wer(reference, _plain(" ".join(word.text for word in speech.words))))


def _plain(text: str) -> str:
    """Lower case, no punctuation, small numbers as digits: "seven" and "7" are the same word."""
    words = re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'").replace("-", " "))
    return " ".join(NUMBERS.get(word, word) for word in words)


def print_samples(figures: Sequence[Figures]) -> None:
    """Print a line per recording and one for all."""
    columns = ("length", "wall", "x", "cpu", "words", "WER", "voice", "role")
    print(f"{'recording':26} {'  '.join(f'{name:>6}' for name in columns)}")
    for one in figures:
        print(
            f"{one.name:26} {one.audio_s:5.0f}s  {one.wall_s:5.1f}s  {one.wall_s / one.audio_s:6.3f}  {one.cpu_s:5.1f}s"
            f"  {one.words:6}  {one.wer:6.1%}  {one.voices_right:6.1%}  {one.speakers_right:6.1%}"
        )
    total = sum(one.wall_s for one in figures) / max(sum(one.audio_s for one in figures), 1)
    print(f"all: {total:.3f} x real time, peak {peak_mb():.0f} MB, {os.cpu_count()} cores")


def print_roles(path: Path, seed: int) -> None:
    """Print how often roles are told right, on whole sessions and on excerpts."""
    sessions = read_sessions(path)
    print(f"roles on {path.name}: {len(sessions)} sessions, 10 folds, seed {seed}")
    for turns in EXCERPT_TURNS:
        name = "whole session" if turns is None else f"{turns} turns"
        print(f"  {name:15} {_roles(cross_validated(sessions, seed, turns))}")
    print(f"  {'weights shipped':15} {_roles(shipped(sessions, WEIGHTS))}")


def _roles(figures: RoleFigures) -> str:
    _, right, wrong, undecided, forced = astuple(figures)
    return f"right {right:6.1%}  wrong {wrong:5.1%}  undecided {undecided:5.1%}  right if forced {forced:6.1%}"


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(prog="python -m evals.speech", description=__doc__)
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="recordings with dialogues/<name>.json")
    parser.add_argument("--annomi", type=Path, help="AnnoMI as JSON lines")
    parser.add_argument("--seed", type=int, default=20261124)
    chosen = parser.parse_args()
    print_samples(asyncio.run(measure(samples_in(chosen.samples))))
    if chosen.annomi is not None and chosen.annomi.is_file():
        print_roles(chosen.annomi, chosen.seed)
    else:
        print("roles on AnnoMI: not measured (give --annomi FILE)")


if __name__ == "__main__":
    main()
