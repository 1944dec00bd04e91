"""Whether a recording plays, how long, and why not: the verdict on what the confined child found."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass

import numpy as np

from libs.common.errors import AppError
from libs.contracts.problems import (
    NO_SOUND,
    NO_SPEECH,
    RECORDING_DAMAGED,
    RECORDING_TOO_LONG,
    RECORDING_UNREADABLE,
)
from libs.media.sandbox import Report, Samples, decoded, play

LOST_SHARE_MAX = 0.05
"""A recording of which more than this cannot be decoded would lose what was said without a word about it."""
LOST_PACKETS_FREE = 2
"""A tag or a line break behind the sound is read as one packet of sound, in a short recording a large share of it."""
PROBES_AT_ONCE = 2
"""With the largest recordings 1.2 GB of memory; a worker has 2 GB."""
SILENT_BELOW = 0.001
"""Of full scale (-60 dB): the noise of the quietest recorder is louder, and a recorder that was muted writes zeros."""


@dataclass(frozen=True)
class Probe:
    """A recording that has sound: its length by its own clock, whether its end is there, and why it is refused.

    `damaged_at_s` is set if so much cannot be decoded that it is refused.
    """

    duration_s: float
    is_complete: bool
    damaged_at_s: float | None = None
    refusal: AppError | None = None


async def probe(content: AsyncIterable[bytes]) -> Probe:
    """Play a recording and say what it is. Raises AppError(NO_SOUND), AppError(RECORDING_UNREADABLE)."""
    return probe_of(await play(content))


class Probes:
    """Probes a few recordings at a time: each is held in memory while it is played."""

    def __init__(self, at_once: int = PROBES_AT_ONCE) -> None:
        self._slots = asyncio.Semaphore(at_once)

    async def __call__(self, content: AsyncIterable[bytes]) -> Probe:
        """Play a recording when it is its turn, and say what it is. Raises as `probe`."""
        async with self._slots:
            return await probe(content)


async def decode(content: AsyncIterable[bytes]) -> Samples:
    """Return 16 kHz mono samples by the recording's clock: holes in it are silence. Raises as `probe`."""
    return np.concatenate([piece async for piece in decoded(content)] or [np.zeros(0, np.int16)])


def probe_of(report: Report) -> Probe:
    """Return the verdict on a report. Raises AppError(NO_SOUND), AppError(RECORDING_UNREADABLE)."""
    if not report.frames or not report.duration_s:
        problem = RECORDING_UNREADABLE if report.lost_packets else NO_SOUND
        raise AppError(problem, problem.doc)
    refusal = _refusal(report)
    is_damaged = refusal is not None and refusal.problem is RECORDING_DAMAGED
    return Probe(report.duration_s, report.is_complete, report.damaged_at_s if is_damaged else None, refusal)


def _refusal(report: Report) -> AppError | None:
    if report.is_too_long:
        return AppError(RECORDING_TOO_LONG, RECORDING_TOO_LONG.doc)
    if report.lost_packets > LOST_PACKETS_FREE and _lost_share(report) > LOST_SHARE_MAX:
        return AppError(RECORDING_DAMAGED, RECORDING_DAMAGED.doc)
    if report.peak < SILENT_BELOW:
        return AppError(NO_SPEECH, NO_SPEECH.doc)
    return None


def _lost_share(report: Report) -> float:
    # Some containers do not say how long a packet lasts; then packets are counted.
    if not report.lost_s:
        return report.lost_packets / (report.lost_packets + report.frames)
    return report.lost_s / max(report.lost_s, report.duration_s)
