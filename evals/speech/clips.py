"""Clips of single voices: from folders of spoken voices, from annotated meetings, and from the samples."""

import asyncio
import io
import wave
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from evals.speech.compositions import Sound
from libs.media.recording import decode
from libs.media.sandbox import SAMPLE_RATE, Samples
from services.transcriber.domain import Speaker

Clips = Mapping[str, Sequence[Sound]]
"""The clips of each voice, by its name."""

SAMPLES = Path(__file__).parents[2] / "samples"
BLOCK_BYTES = 1024 * 1024
FULL_SCALE = 32_768
SILENCE_MIN_S = 0.5
CLIP_MIN_S = 0.7
CLIP_S = 7.0
MEETING_VOICE_MIN_S = 8.0
RECORDINGS = frozenset({".mp3", ".m4a", ".webm", ".wav"})


class Turn(BaseModel):
    """What one of two says in a sample, with its seconds."""

    speaker: Speaker
    text: str
    start_time: float
    end_time: float


class Dialogue(BaseModel):
    """What is said in a sample."""

    turns: list[Turn]


@dataclass(frozen=True)
class File:
    """A file as a source of bytes."""

    path: Path

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        with self.path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block


@dataclass(frozen=True)
class _Stretch:
    """Who speaks from when to when in a meeting (a line of RTTM, NIST 2009)."""

    meeting: str
    voice: str
    start_s: float
    end_s: float


def wav(samples: Samples) -> bytes:
    """Return 16 kHz mono samples as a WAV file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(samples.itemsize)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return content.getvalue()


def samples_in(folder: Path) -> list[tuple[Path, Dialogue]]:
    """Return the recordings that have a dialogue, with it."""
    dialogues = {path.stem: path for path in (folder / "dialogues").glob("*.json")}
    recordings = [path for path in sorted(folder.iterdir()) if path.suffix in RECORDINGS and path.stem in dialogues]
    return [(path, Dialogue.model_validate_json(dialogues[path.stem].read_bytes())) for path in recordings]


def of_samples(folder: Path) -> Clips:
    """Return the turns of the two voices of the samples."""
    clips: dict[str, list[Sound]] = defaultdict(list)
    for path, dialogue in samples_in(folder):
        samples = decoded(path)
        for turn in dialogue.turns:
            clips[turn.speaker.value].append(_cut(samples, turn.start_time, turn.end_time))
    return clips


def of_voices(folder: Path) -> Clips:
    """Return what samples/make_voices.py wrote: a file per voice, its clips parted by digital silence."""
    return {path.stem: list(_parted(decoded(path))) for path in sorted(folder.glob("*.wav"))}


def of_meetings(folder: Path) -> Clips:
    """Return what one voice alone says in recordings (`NAME.wav`) that are annotated (`*.rttm`).

    Voices with less than MEETING_VOICE_MIN_S are left out.
    """
    stretches = [_stretch(line) for path in sorted(folder.glob("*.rttm")) for line in path.read_text().splitlines()]
    recordings = {one.meeting: folder / f"{one.meeting}.wav" for one in stretches}
    samples = {name: decoded(path) for name, path in recordings.items() if path.is_file()}
    clips: dict[str, list[Sound]] = defaultdict(list)
    for one in stretches:
        others = [other for other in stretches if other.meeting == one.meeting and other.voice != one.voice]
        for start, end in _alone(one, others) if one.meeting in samples else ():
            clips[one.voice].append(_cut(samples[one.meeting], start, end))
    return {voice: mine for voice, mine in sorted(clips.items()) if _seconds(mine) >= MEETING_VOICE_MIN_S}


def _alone(stretch: _Stretch, others: Sequence[_Stretch]) -> Iterator[tuple[float, float]]:
    """Yield the parts of a stretch in which nobody else speaks, in pieces of CLIP_S at most."""
    free = [(stretch.start_s, stretch.end_s)]
    for other in others:
        free = [
            part
            for start, end in free
            for part in ((start, min(end, other.start_s)), (max(start, other.end_s), end))
            if part[1] - part[0] >= CLIP_MIN_S
        ]
    for start, end in free:
        yield from ((at, min(at + CLIP_S, end)) for at in np.arange(start, end - CLIP_MIN_S, CLIP_S))


def _stretch(line: str) -> _Stretch:
    _, meeting, _, start, length, _, _, voice, *_ = line.split()
    return _Stretch(meeting, voice, float(start), float(start) + float(length))


def _parted(samples: Samples) -> Iterator[Sound]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], samples != 0, [0]])))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return
    parts = np.flatnonzero(starts[1:] - ends[:-1] >= SILENCE_MIN_S * SAMPLE_RATE)
    for start, end in zip(starts[[0, *(parts + 1)]], ends[[*parts, -1]], strict=True):
        yield _sound(samples[start:end])


def _cut(samples: Samples, start_s: float, end_s: float) -> Sound:
    return _sound(samples[int(start_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)])


def _sound(samples: Samples) -> Sound:
    return np.asarray(samples / FULL_SCALE, np.float32)


def _seconds(clips: Sequence[Sound]) -> float:
    return sum(map(len, clips)) / SAMPLE_RATE


def decoded(path: Path) -> Samples:
    """Return the samples of a recording."""
    return asyncio.run(decode(File(path)))
