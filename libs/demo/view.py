"""What a person sees of the demo: a board that moves on a terminal, plain lines anywhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from libs.demo.track import Track
from libs.ops.api.sessions import clock
from libs.ops.rest.wire import Answer, Problem, Source

PIPED_WIDTH = 120
FRAMES_PER_SECOND = 8
BUSY = frozenset({"transcribing", "embedding"})
EXPLAINED = {
    "waiting": "waiting for consent",
    "uploading": "uploading, encrypted on the way in",
    "uploaded": "stored, waiting for its turn",
    "transcribing": "listening: words, times, speakers",
    "embedding": "making it searchable",
    "ready": "ready",
    "failed": "failed",
    "withheld": "withheld: consent was taken back",
}


class View:
    """Prints the acts of the demo."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        # A pipe has no width of its own, and wrapped lines cannot be searched.
        if not self.console.is_terminal:
            self.console.width = PIPED_WIDTH
        self._started_at = time.monotonic()

    def act(self, title: str) -> None:
        """A new part of the story."""
        self.console.print()
        self.console.rule(Text(title, style="bold"), align="left", style="dim")

    def line(self, text: str | Text) -> None:
        """One line, indented."""
        self.console.print(Padding(text, (0, 0, 0, 2), expand=False))

    def refused(self, problem: Problem) -> None:
        """A refusal, which here is good news."""
        line = Text.assemble(("⛔ ", "red"), (f"{problem.status} {problem.slug}", "bold"), f'  "{problem.detail}"')
        self.line(line)

    @contextmanager
    def busy(self, doing: str) -> Iterator[None]:
        """Something turns while the body runs, on a terminal."""
        if not self.console.is_terminal:
            yield
            return
        with self.console.status(doing):
            yield

    @contextmanager
    def board(self, tracks: list[Track]) -> Iterator[None]:
        """Show the tracks moving while the body runs."""
        # Lines of a log cannot be drawn over.
        if not self.console.is_terminal:
            yield
            return
        moving = Board(tracks)
        with Live(console=self.console, refresh_per_second=FRAMES_PER_SECOND, get_renderable=moving.render):
            yield

    def changed(self, track: Track) -> None:
        """A line for logs and pipes, where no board can move."""
        if not self.console.is_terminal:
            at = time.monotonic() - self._started_at
            self.line(f"{clock(at)}  {track.sample.file:24} {EXPLAINED.get(track.stage, track.stage)}")

    def result(self, track: Track) -> None:
        """What became of a recording."""
        if track.transcript:
            names = sorted({segment.speaker.capitalize() for segment in track.transcript.segments}, reverse=True)
            heard_by = f"{track.transcript.source.vendor} {track.transcript.source.model}"
            turns = len(track.transcript.segments)
            self.line(f"{track.sample.file:22} {turns} turns by {' and '.join(names)}, heard by {heard_by}")
        elif track.session and track.session.error_message:
            self.line(f"{track.sample.file:22} {track.session.error_message}")

    def answer(self, question: str, answer: Answer, took_s: float) -> None:
        """A question, what was answered, and the places the answer stands on."""
        asked = Text.assemble(("? ", "bold yellow"), (question, "bold"), (f"   {took_s:.2f} s", "dim"))
        self.console.print()
        self.line(asked)
        body: list[RenderableType] = [
            Text(answer.response),
            *(_cited(source, answer.response) for source in answer.sources),
        ]
        self.console.print(Padding(Panel(Group(*body), border_style="green" if answer.grounded else "yellow"), (0, 2)))

    def table(self, table: Table) -> None:
        """A table of figures."""
        self.console.print(Padding(table, (0, 0, 0, 2), expand=False))


class Board:
    """The tracks as a table that is drawn anew some times a second."""

    def __init__(self, tracks: list[Track]) -> None:
        self._tracks = tracks
        self._spinner = Spinner("dots", style="cyan")

    def render(self) -> RenderableType:
        """Draw the table as things stand now."""
        table = Table(box=None, padding=(0, 1), show_header=False)
        for track in self._tracks:
            stage = Text(EXPLAINED.get(track.stage, track.stage))
            table.add_row(self._mark(track), track.sample.file, _bar(track), stage, _since(track))
        return Padding(table, (0, 2))

    def _mark(self, track: Track) -> RenderableType:
        marks = {"ready": "[green]✔[/]", "failed": "[red]✘[/]", "withheld": "[red]✘[/]", "waiting": "[dim]·[/]"}
        return marks.get(track.stage, self._spinner)


def _bar(track: Track) -> ProgressBar:
    if track.stage == "uploading":
        total = max(1, track.sample.path.stat().st_size)
        return ProgressBar(total=total, completed=track.sent_bytes, width=24)
    percent = track.session.progress.percent if track.session and track.session.progress else None
    return ProgressBar(total=100, completed=percent or 0, width=24, pulse=track.stage in BUSY)


def _since(track: Track) -> Text:
    if track.stage in BUSY or track.stage == "uploaded":
        return Text(f"{time.monotonic() - track.entered_at:5.1f} s", style="dim")
    return Text(f"{clock(track.length_s)} of speech" if track.length_s else "", style="dim")


def _cited(source: Source, response: str) -> Text:
    """The place, and the words themselves unless the answer has quoted them already."""
    place = f"{source.day}  {clock(source.start_time)}  {source.speaker.capitalize()}"
    found = Text.assemble(("  ▸ ", "cyan"), (place, "cyan"), (f"  relevance {source.closeness}", "dim"))
    return found if source.quote in response else Text.assemble(found, "\n    ", (f"“{source.quote}”", "italic"))
