"""Voices by evidence: `python -m evals.speech.voices [--voices DIR] [--meetings DIR] [--part PART] [--condition NAME]`.

Puts recordings of one, two and three known voices together in six conditions, has them heard, and prints how often the
number of voices is right, what share of the words is on the right voice, and how often one voice was called two or
roles were swapped without doubt. Without folders it takes the two voices of the samples.
`--part tuning` takes every second voice, `--part unseen` the others.
"""

import argparse
import asyncio
import itertools
import tempfile
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evals.speech.clips import SAMPLES, Clips, of_meetings, of_samples, of_voices, wav
from evals.speech.compositions import CONDITIONS, Conditions, Spoken, composed
from evals.speech.scoring import words_right
from libs.media.sandbox import Samples
from services.transcriber.checkpoints import Unkept
from services.transcriber.ports import Audio
from services.transcriber.vendors.local_whisper import LocalSpeechToText, ModelPlaces

SURE = 0.8
"""A wrong number of voices below this confidence is said to be doubtful."""
TURNS = {1: 12, 2: 11, 3: 7}
PAIRS = 3
SINGLES = 2
SEED = 20261201


@dataclass(frozen=True)
class Case:
    """A recording to make: who speaks in which conditions."""

    kind: str
    voices: tuple[str, ...]
    conditions: Conditions


@dataclass(frozen=True)
class Heard:
    """What became of a recording."""

    case: Case
    voices: int
    confidence: float
    words: int
    words_right: float

    @property
    def count_right(self) -> bool:
        """Return True if as many voices were found as speak."""
        return self.voices == len(self.case.voices)

    @property
    def is_silently_wrong(self) -> bool:
        """Return True if the number is wrong and no doubt is said."""
        return not self.count_right and self.confidence >= SURE


@dataclass(frozen=True)
class _Wave:
    """Samples as a WAV file."""

    samples: Samples

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        yield wav(self.samples)


def cases_of(clips: Clips, conditions: Sequence[Conditions], random: np.random.Generator) -> Iterator[Case]:
    """Yield single voices, pairs and threes in each of the conditions."""
    names = sorted(clips)
    for one in conditions:
        for name in random.permutation(names)[: 10 if one.name == "clean" else SINGLES]:
            yield Case("one", (str(name),), one)
        pairs = list(itertools.combinations(names, 2))
        for alike in (True, False):
            chosen = [pair for pair in pairs if (_kind(pair[0]) == _kind(pair[1])) is alike]
            for index in random.permutation(len(chosen))[:PAIRS]:
                yield Case("two alike" if alike else "two", chosen[index], one)
        if len(names) > len(TURNS) and one.name in ("clean", "noise"):
            yield Case("three", tuple(str(name) for name in random.choice(names, 3, replace=False)), one)


def made(case: Case, clips: Clips, turns_max: int, seed: int) -> tuple[Samples, list[Spoken]]:
    """Return the recording of a case, and what is spoken when."""
    voices = [clips[name] for name in case.voices]
    return composed(voices, case.conditions, min(TURNS[len(voices)], turns_max), np.random.default_rng(seed))


def heard(case: Case, recording: tuple[Samples, list[Spoken]], listener: LocalSpeechToText) -> Heard:
    """Have a recording heard, from its container to its voices."""
    samples, spoken = recording
    speech = asyncio.run(listener.transcribe(Audio(_Wave(samples), "audio/wav", "en"), lambda _: None, Unkept()))
    count = len({word.voice for word in speech.words})
    return Heard(case, count, speech.voices_confidence, len(speech.words), words_right(speech.words, spoken))


def _kind(voice: str) -> str:
    """Return the sex in a name: `bf_alice` of kokoro-js, `FEE078` of the meetings; the samples' two differ."""
    return voice[1] if "_" in voice else voice[0]


def print_figures(outcomes: Sequence[Heard]) -> None:
    """Print a line per kind and condition, then one for all."""
    groups: dict[tuple[str, str], list[Heard]] = defaultdict(list)
    for one in outcomes:
        groups[one.case.kind, one.case.conditions.name].append(one)
    print(f"{'voices':10} {'condition':10} {'n':>4}  {'count right':>11}  {'words right':>11}  {'silently wrong':>14}")
    for (kind, condition), members in groups.items():
        print(_line(f"{kind:10} {condition:10}", members))
    print(_line(f"{'all':10} {'':10}", outcomes))


def _line(name: str, members: Sequence[Heard]) -> str:
    counted = sum(one.count_right for one in members) / len(members)
    words = sum(one.words_right * one.words for one in members) / max(sum(one.words for one in members), 1)
    silent = sum(one.is_silently_wrong for one in members)
    return f"{name} {len(members):4}  {counted:11.1%}  {words:11.1%}  {silent:14}"


def main() -> None:
    """Measure what is there."""
    chosen = _arguments()
    clips = _clips(chosen.voices, chosen.meetings)
    names = sorted(clips)[{"tuning": slice(0, None, 2), "unseen": slice(1, None, 2)}.get(chosen.part, slice(None))]
    conditions = [CONDITIONS[name] for name in chosen.condition or CONDITIONS]
    cases = list(cases_of({name: clips[name] for name in names}, conditions, np.random.default_rng(chosen.seed)))
    with tempfile.TemporaryDirectory() as cache:
        listener = LocalSpeechToText(ModelPlaces(None, Path(cache)), threads=1)
        recordings = (made(case, clips, chosen.turns, chosen.seed + n) for n, case in enumerate(cases))
        outcomes = [heard(case, one, listener) for case, one in zip(cases, recordings, strict=True)]
    print_figures(outcomes)


def _clips(voices: Path | None, meetings: Path | None) -> Clips:
    if voices is None and meetings is None:
        return of_samples(SAMPLES)
    return {**(of_voices(voices) if voices else {}), **(of_meetings(meetings) if meetings else {})}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.speech.voices", description=__doc__)
    parser.add_argument("--voices", type=Path, help="folder that samples/make_voices.py wrote")
    parser.add_argument("--meetings", type=Path, help="folder of NAME.wav with *.rttm")
    parser.add_argument("--part", choices=("tuning", "unseen", "all"), default="all")
    parser.add_argument("--condition", choices=tuple(CONDITIONS), action="append")
    parser.add_argument("--turns", type=int, default=max(TURNS.values()), help="turns of each voice at most")
    parser.add_argument("--seed", type=int, default=SEED)
    return parser.parse_args()


if __name__ == "__main__":
    main()
