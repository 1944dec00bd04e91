"""What becomes of odd recordings: `python -m evals.speech.odd_files FOLDER`.

Each file is sniffed as at the upload and played by the confined child, as before anything is bought; then samples are
decoded and counted. Where an `ffmpeg` is installed it decodes each file too, as a player that is not ours.
Prints what is refused or fails with its reason, and a table by kind (the name up to its first `_` or `.`).
"""

import argparse
import asyncio
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from libs.common.errors import AppError
from libs.media.recording import decode, probe
from libs.media.sandbox import SAMPLE_RATE
from services.ingestion.upload.sniff import HEAD_BYTES, Tail, sniff

WHOLE_SHARE = 0.95
BLOCK_BYTES = 1024 * 1024
SOUND_MIN_S = 0.1
PLAYER_TIMEOUT_S = 300
COLUMNS = ("whole", "torn", "refused", "failed", "wrongly")


@dataclass(frozen=True)
class Outcome:
    """What became of a file: `whole`, `torn`, `refused` at the upload, or `failed`; why; and how long it is to whom."""

    name: str
    what: str
    reason: str = ""
    heard_s: float = 0.0
    player_s: float | None = None
    player_share: float = 0.0

    @property
    def kind(self) -> str:
        """Return the kind that the name begins with."""
        return re.split(r"[_.]", self.name)[0]

    @property
    def is_wrong(self) -> bool:
        """Return True if another player hears more than we do, or nearly all of what is refused or fails."""
        if self.player_s is None or self.player_s < SOUND_MIN_S or self.reason == "no-speech":
            return False
        if self.what in ("refused", "failed"):
            return self.player_share >= WHOLE_SHARE
        return self.heard_s < WHOLE_SHARE * self.player_s


def outcome_of(path: Path) -> Outcome:
    """Send a file the way of an upload, and to another player."""
    ours = asyncio.run(_outcome(path.name, path.read_bytes()))
    player_s, length_s = _player_s(path)
    return replace(ours, player_s=player_s, player_share=(player_s or 0.0) / length_s if length_s else 0.0)


async def _outcome(name: str, data: bytes) -> Outcome:
    if not data:
        return Outcome(name, "refused", "empty")
    try:
        sniff(data[:HEAD_BYTES])
        tail = Tail()
        tail.feed(data)
        tail.finish()
    except AppError as error:
        return Outcome(name, "refused", error.detail.partition(". Taken:")[0])
    try:
        found = await probe(_blocks(data))
        if found.refusal is not None:
            raise found.refusal
        heard_s = len(await decode(_blocks(data))) / SAMPLE_RATE
    except AppError as error:
        return Outcome(name, "failed", error.problem.slug)
    return Outcome(name, "whole" if found.is_complete else "torn", "", heard_s)


async def _blocks(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), BLOCK_BYTES):
        yield data[at : at + BLOCK_BYTES]


def _player_s(path: Path) -> tuple[float | None, float | None]:
    """Return how long the recording is that another player decodes, and how long it says that it is."""
    player, prober = shutil.which("ffmpeg"), shutil.which("ffprobe")
    if player is None or prober is None:
        return None, None
    to_samples = ("-vn", "-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-")
    command = [player, "-v", "quiet", "-nostdin", "-i", str(path), *to_samples]
    ended = subprocess.run(command, capture_output=True, timeout=PLAYER_TIMEOUT_S, check=False)
    asking = [prober, "-v", "quiet", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)]
    told = subprocess.run(asking, capture_output=True, timeout=PLAYER_TIMEOUT_S, check=False).stdout.decode().strip()
    return len(ended.stdout) / 2 / SAMPLE_RATE, float(told) if re.fullmatch(r"[\d.]+", told) else None


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print those that were not taken, a line for each kind, and one for all."""
    for one in outcomes:
        if one.what in ("refused", "failed") or one.is_wrong:
            player = "" if one.player_s is None else f", a player hears {one.player_s:.1f} s"
            print(f"  {one.what:8} {one.name}: {one.reason or f'{one.heard_s:.1f} s'}{player}")
    print(f"{'kind':8} {'files':>5} {' '.join(f'{column:>8}' for column in COLUMNS)}")
    for kind in sorted({one.kind for one in outcomes}):
        _print_line(kind, [one for one in outcomes if one.kind == kind])
    _print_line("all", outcomes)
    if any(one.player_s is None for one in outcomes):
        print("no ffmpeg is installed: what another player hears was not measured")


def _print_line(name: str, outcomes: Sequence[Outcome]) -> None:
    counted = Counter(one.what for one in outcomes) + Counter("wrongly" for one in outcomes if one.is_wrong)
    print(f"{name:8} {len(outcomes):5} {' '.join(f'{counted[column]:8}' for column in COLUMNS)}")


def main() -> None:
    """Measure a folder."""
    parser = argparse.ArgumentParser(prog="python -m evals.speech.odd_files", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith("_"))
    print_outcomes([outcome_of(path) for path in files])


if __name__ == "__main__":
    main()
