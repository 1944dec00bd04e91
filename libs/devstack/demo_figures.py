"""The figure per stage that the demo ends with."""

from rich.table import Table

from libs.devstack.demo_story import Outcome
from libs.devstack.demo_track import Track
from libs.ops.sessions import clock

TRANSCRIBED_WITHIN = 0.5  # of the recording's length: the bar of the local recognizer on two cores


def stages(outcome: Outcome) -> Table:
    """One row a recording: how long each stage took, and transcription as a share of the recording's length."""
    table = Table("recording", "length", "upload", "queue", "transcription", "x length", "index", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for track in outcome.tracks:
        length = clock(track.length_s) if track.length_s else "?"
        spent = [
            _seconds(value) for value in (track.upload_s, track.spent_s("uploaded"), track.spent_s("transcribing"))
        ]
        table.add_row(track.sample.file, length, *spent, _share(track), _seconds(track.spent_s("embedding")))
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


def _share(track: Track) -> str:
    spent_s = track.spent_s("transcribing")
    if spent_s is None or not track.length_s:
        return "?"
    share = spent_s / track.length_s
    return f"{share:.2f}" if share <= TRANSCRIBED_WITHIN else f"[yellow]{share:.2f}[/]"


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f} s"
