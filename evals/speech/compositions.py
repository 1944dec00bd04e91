"""Recordings whose voices are known, put together from clips of single voices in rooms and on lines of several kinds.

Samples are float32 at 16 kHz, full scale 1. Everything random comes from the generator that is given.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.media.sandbox import SAMPLE_RATE, Samples

Sound = NDArray[np.float32]

SPEECH_DBFS = -22.0
ROOM_DBFS = -60.0
FULL_SCALE = 32_767
PAUSE_S = (0.15, 0.9)
OVERLAP_S = (0.2, 0.8)
EDGE_S = 0.5
# A telephone line (ITU-T G.712, roughly): 300 to 3,400 Hz and 8,000 samples a second, coded by G.711's mu-law.
LINE_LOW_HZ, LINE_HIGH_HZ, LINE_END_HZ = 300.0, 3_400.0, 4_000.0
MU = 255
MU_STEPS = 127
REFLECTIONS_AFTER_S = 0.004
DECAY_60_DB = 6.9
"""Natural logarithm of 60 dB in amplitude."""


@dataclass(frozen=True)
class Conditions:
    """How a recording is made: echo (seconds to -60 dB), noise (dBFS), a second voice this much softer (dB)."""

    name: str
    echo_s: float = 0.2
    noise_dbfs: float = ROOM_DBFS
    second_db: float = 0.0
    overlapping: float = 0.0
    """Share of turns that begin before the last has ended."""
    is_telephone: bool = False


CONDITIONS: Mapping[str, Conditions] = {
    one.name: one
    for one in (
        Conditions("clean"),
        Conditions("noise", noise_dbfs=SPEECH_DBFS - 10),
        Conditions("echo", echo_s=0.5),
        Conditions("telephone", is_telephone=True),
        Conditions("overlap", overlapping=0.3),
        Conditions("unequal", second_db=-14.0),
    )
}


@dataclass(frozen=True)
class Spoken:
    """One clip in the recording: whose, and its seconds."""

    voice: int
    start_s: float
    end_s: float


def composed(
    voices: Sequence[Sequence[Sound]], conditions: Conditions, turns: int, random: np.random.Generator
) -> tuple[Samples, list[Spoken]]:
    """Return 16-bit samples in which the voices take turns, with what is spoken when; `turns` is per voice."""
    clips = [list(random.permutation(np.arange(len(mine)))[:turns]) for mine in voices]
    placed: list[tuple[int, Sound]] = []
    spoken: list[Spoken] = []
    at = EDGE_S
    for voice in _order([len(mine) for mine in clips], random):
        softer = conditions.second_db if voice == 1 else 0.0
        sound = _at_level(voices[voice][clips[voice].pop()], SPEECH_DBFS + softer)
        if spoken and random.random() < conditions.overlapping:
            at = spoken[-1].end_s - random.uniform(*OVERLAP_S)
        spoken.append(Spoken(voice, at, at + len(sound) / SAMPLE_RATE))
        placed.append((int(at * SAMPLE_RATE), _in_a_room(sound, conditions.echo_s, random)))
        at = spoken[-1].end_s + random.uniform(*PAUSE_S)
    mixed = _at_level(_noise(int((at + EDGE_S) * SAMPLE_RATE), random), conditions.noise_dbfs)
    for start, sound in placed:
        mixed[start : start + len(sound)] += sound[: len(mixed) - start]
    heard = _over_the_telephone(mixed) if conditions.is_telephone else mixed
    return (np.clip(heard, -1, 1) * FULL_SCALE).astype(np.int16), spoken


def _order(counts: Sequence[int], random: np.random.Generator) -> list[int]:
    """Return whose turn it is: another voice each time, while another has something to say."""
    left, order = list(counts), list[int]()
    while any(left):
        others = [voice for voice, count in enumerate(left) if count and voice != (order[-1] if order else None)]
        if not others and len(counts) > 1:
            return order
        order.append(int(random.choice(others or [0])))
        left[order[-1]] -= 1
    return order


def _at_level(sound: Sound, dbfs: float) -> Sound:
    gain = 10 ** (dbfs / 20) / (float(np.sqrt(np.mean(sound**2))) + 1e-9)
    return np.asarray(sound * gain, np.float32)


def _in_a_room(sound: Sound, seconds: float, random: np.random.Generator) -> Sound:
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = random.standard_normal(times.size) * np.exp(-times * DECAY_60_DB / seconds)
    tail[: int(REFLECTIONS_AFTER_S * SAMPLE_RATE)] = 0
    # Half the energy that comes directly.
    tail *= np.sqrt(0.5 / np.sum(tail**2))
    tail[0] = 1.0
    size = len(sound) + len(tail)
    echoed = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)
    return echoed.astype(np.float32)


def _noise(size: int, random: np.random.Generator) -> Sound:
    """Return noise that falls by 3 dB an octave: a fan, a street behind a window."""
    return _filtered(random.standard_normal(size).astype(np.float32), lambda hertz: 1 / np.sqrt(np.maximum(hertz, 60)))


def _over_the_telephone(sound: Sound) -> Sound:
    narrow = _filtered(sound, _line)
    peak = float(np.abs(narrow).max()) + 1e-9
    pressed = np.sign(narrow) * np.log1p(MU * np.abs(narrow) / peak) / np.log1p(MU)
    coded = np.round(pressed * MU_STEPS) / MU_STEPS
    opened = np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(MU)) / MU
    return np.asarray(opened * peak, np.float32)


def _line(hertz: NDArray[np.floating]) -> NDArray[np.floating]:
    hertz = np.maximum(hertz, 1)
    gain = 1 / np.sqrt(1 + (LINE_LOW_HZ / hertz) ** 4) / np.sqrt(1 + (hertz / LINE_HIGH_HZ) ** 8)
    return np.where(hertz < LINE_END_HZ, gain, 0)


def _filtered(sound: Sound, gain: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> Sound:
    spectrum = np.fft.rfft(sound) * gain(np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE))
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)
