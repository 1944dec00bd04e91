"""How the command line speaks: to a person in colour, to a program in JSON; problems with the next step."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from libs.common.visible_text import visible
from libs.ops.rest.wire import Problem, Wire
from libs.ops.suggestions import suggestion_for

WIDTH_WHEN_PIPED = 160


@dataclass(frozen=True)
class Shown:
    """What a verb has to say: the payload for machines, the view for people."""

    payload: Wire | Sequence[Wire | dict[str, Any]] | dict[str, Any]
    view: RenderableType
    exit_code: int = 0


class VisibleConsole(Console):
    """Prints what can be seen and nothing else: words of others drive no terminal, and are no markup."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the pieces of what is printed, all text of them cleaned; what rich itself controls passes."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def for_people(*, stderr: bool = False) -> Console:
    """A console that honours NO_COLOR and does not fold lines that another program will read."""
    stream = sys.stderr if stderr else sys.stdout
    # A pipe has no width, and rich would fold lines at 80.
    width = None if stream.isatty() else WIDTH_WHEN_PIPED
    return VisibleConsole(file=stream, width=width, highlight=False, markup=False, emoji=False)


def print_shown(shown: Shown, as_json: bool) -> None:
    """Print what a verb returned."""
    if as_json:
        print(json.dumps(_plain(shown.payload), indent=2))
    else:
        for_people().print(shown.view)


def print_line(shown: Shown, as_json: bool) -> None:
    """Print one piece of an answer that comes in pieces."""
    if as_json:
        print(json.dumps(_plain(shown.payload)), flush=True)
    else:
        for_people().print(shown.view)


def print_problem(problem: Problem, about: Mapping[str, str], as_json: bool) -> None:
    """Print a problem document on stderr: status, kind, detail, and what to do about whom."""
    if as_json:
        # In ASCII, like all JSON here: escaped, nothing drives a terminal.
        print(json.dumps(problem.model_dump(mode="json", exclude_defaults=True), indent=2), file=sys.stderr)
        return
    print_failure(problem.detail, suggestion_for(problem, about), False, f"{problem.status} {problem.slug}  ")
    for fault in problem.errors:
        for_people(stderr=True).print(f"    {fault.get('pointer')}: {fault.get('detail')}")


def print_failure(detail: str, fix: str | None, as_json: bool, kind: str = "") -> None:
    """Print one line on stderr: what failed and the next step."""
    if as_json:
        print(json.dumps({"title": kind.strip() or "No answer", "detail": detail}), file=sys.stderr)
        return
    line = Text.assemble(("x", "bold red"), " ", (kind, "bold"), f'"{detail}"')
    if fix:
        line.append("   fix: ").append(fix, "cyan")
    for_people(stderr=True).print(line, soft_wrap=True)


def _plain(payload: Wire | Sequence[Wire | dict[str, Any]] | dict[str, Any]) -> Any:
    if isinstance(payload, Wire):
        return payload.model_dump(mode="json")
    return payload if isinstance(payload, dict) else [_plain(row) for row in payload]
