"""The figure per stage that the demo ends with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.table import Table

from libs.demo.story import Outcome
from libs.demo.track import Track
from libs.ops.api.sessions import clock

TRANSCRIBED_WITHIN = 0.5  # of the recording's length: the bar of the local recognizer on two cores


@dataclass(frozen=True)
class Spent:
    """Seconds of one recording: until it was its turn, being transcribed, being indexed."""

    queue_s: float
    transcription_s: float
    index_s: float


def stages(outcome: Outcome) -> Table:
    """One row a recording: how long each stage took, and transcription as a share of the recording's length."""
    table = Table("recording", "length", "upload", "queue", "transcription", "x length", "index", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    spent = time_spent(outcome.tracks)
    for track in outcome.tracks:
        length = clock(track.length_s) if track.length_s else "?"
        table.add_row(track.sample.file, length, _seconds(track.upload_s), *_cells(spent.get(track.sample.file), track))
    return table


def summary(outcome: Outcome, started_s: float, total_s: float) -> str:
    """The remaining figures in one line."""
    chat = sorted(outcome.answered_s)
    asked = f"answers {chat[0]:.2f} to {chat[-1]:.2f} s" if chat else "no answers"
    return f"stack started in {started_s:.1f} s, {asked}, all of it {total_s:.1f} s"


def verdict(outcome: Outcome) -> Table:
    """Each claim and whether it held."""
    table = Table(box=None, show_header=False)
    for claim in outcome.claims:
        table.add_row("[green]✔[/]" if claim.held else "[bold red]✘[/]", claim.sentence)
    return table


def time_spent(tracks: Sequence[Track]) -> dict[str, Spent]:
    """Seconds by recording, from the service's own times.

    The local recognizer hears one recording at a time: the turn of the next begins when the one before is done.
    """
    whole = [track for track in tracks if {"uploaded", "transcribing", "embedding", "ready"} <= track.times.keys()]
    found: dict[str, Spent] = {}
    free_at: datetime | None = None
    for track in sorted(whole, key=lambda track: track.times["embedding"]):
        times = track.times
        # A vendor hears all of them at once, so nobody waits for another.
        in_turn = track.transcript is not None and track.transcript.source.vendor == "local"
        begun = max(times["transcribing"], free_at) if in_turn and free_at else times["transcribing"]
        free_at = times["embedding"]
        found[track.sample.file] = Spent(
            (begun - times["uploaded"]).total_seconds(),
            (times["embedding"] - begun).total_seconds(),
            (times["ready"] - times["embedding"]).total_seconds(),
        )
    return found


def _cells(spent: Spent | None, track: Track) -> tuple[str, str, str, str]:
    if spent is None or not track.length_s:
        return ("?", "?", "?", "?")
    share = spent.transcription_s / track.length_s
    # Shown and not failed: how fast a machine is says nothing about whether the system works.
    shown = f"{share:.2f}" if share <= TRANSCRIBED_WITHIN else f"[yellow]{share:.2f}[/]"
    return (_seconds(spent.queue_s), _seconds(spent.transcription_s), shown, _seconds(spent.index_s))


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f} s"
