"""Speaks invented turns with voices of kokoro-js, a WAV file per voice, for `evals.speech.voices`.

Runs where make_samples.py runs: `python make_voices.py package/voices OUT`. The clips of a file are parted by a second
of digital silence. The turns are those of evals/chat/tuning; no two voices say the same.
"""

import argparse
import json
import random
import wave
from pathlib import Path

import numpy as np
from make_samples import HERE, RATE_HZ, Kokoro, Seat

TURNS = HERE.parent / "evals" / "chat" / "tuning"
TEXT_CHARS = range(40, 151)
CLIPS = 14
SILENCE_S = 1.0
PEAK = 0.7
SEED = 1


def turns() -> list[str]:
    """Return invented turns of a sentence or two, in a fixed random order."""
    read = [json.loads(path.read_text()) for path in sorted(TURNS.glob("patient_*.json"))]
    texts = [text for patient in read for session in patient["sessions"] for _, text in session["turns"]]
    chosen = [text for text in texts if len(text) in TEXT_CHARS]
    random.Random(SEED).shuffle(chosen)
    return chosen


def main() -> None:
    """Write every voice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", type=Path, help="folder with the voices of kokoro-js 1.2.1")
    parser.add_argument("out", type=Path)
    parser.add_argument("--names", default="[ab][fm]_*", help="which voices, as a pattern; these are the English ones")
    parser.add_argument("--clips", type=int, default=CLIPS, help="turns of each voice")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    kokoro, texts = Kokoro(chosen.voices), iter(turns())
    silence = np.zeros(int(SILENCE_S * RATE_HZ), np.float32)
    for path in sorted(chosen.voices.glob(f"{chosen.names}.bin")):
        clips = [kokoro.say(next(texts), Seat(path.stem, 1.0, echo_seed=1, echo_gain=0.0)) for _ in range(chosen.clips)]
        spoken = np.concatenate([part for clip in clips for part in (clip * PEAK / np.abs(clip).max(), silence)])
        with wave.open(str(chosen.out / f"{path.stem}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes((spoken * 32767).astype(np.int16).tobytes())
        print(path.stem, f"{len(spoken) / RATE_HZ:.0f} s", flush=True)


if __name__ == "__main__":
    main()
