"""Whatever others wrote, the operator's terminal shows it and obeys none of it."""

import io
import re

import pytest
from rich.table import Table

from libs.ops.console import VisibleConsole, print_problem
from libs.ops.rest.wire import Problem
from libs.ops.tests.fake_gateway import SOURCE
from libs.ops.tests.test_cli import Terminal

HOSTILE = "a\x1b[2Jb\x1b]8;;http://evil.example\x07c\x9b31md\u202ee\u200bf\x08\rg [link=http://evil.example]h[/link]"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e]")
ASKS = ("chat", "--patient", "p1", "What did I say?")


@pytest.fixture
def terminal() -> Terminal:
    """A terminal before an organization whose every text is hostile."""
    made = Terminal()
    made.gateway.obeys_consent = False
    made.gateway.users = [{"id": "u1", "role": "patient", "email": HOSTILE, "external_id": HOSTILE}]
    answer = {"response": HOSTILE, "sources": [SOURCE | {"quote": HOSTILE, "speaker": HOSTILE}], "grounded": True}
    made.gateway.answers = {ASKS[-1]: answer}
    return made


@pytest.mark.parametrize("as_json", [(), ("--json",)])
@pytest.mark.parametrize("words", [("users", "list"), ASKS])
def test_no_text_of_an_answer_drives_the_terminal(
    terminal: Terminal, words: tuple[str, ...], as_json: tuple[str, ...]
) -> None:
    result = terminal.types(*words, *as_json)

    assert result.exit_code == 0, result.output
    assert not OBEYED.search(result.output)
    assert "[link=http://evil.example]h[/link]" in result.output.replace("\n", "").replace("  ", "")


@pytest.mark.parametrize("as_json", [False, True])
def test_no_text_of_a_refusal_drives_the_terminal(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    problem = Problem(
        type=f"/problems/{HOSTILE}", status=422, detail=HOSTILE, errors=[{"pointer": HOSTILE, "detail": HOSTILE}]
    )

    print_problem(problem, {}, as_json)

    said = capsys.readouterr().err

    assert "evil.example" in said
    assert not OBEYED.search(said)


def test_colours_of_our_own_remain_at_a_terminal() -> None:
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE, style="bold red")
    out = io.StringIO()

    VisibleConsole(file=out, force_terminal=True, color_system="standard", markup=False, width=200).print(table)

    assert "\x1b[1;31m" in out.getvalue()
    assert not OBEYED.search(re.sub("\x1b\\[[0-9;]*m", "", out.getvalue()))
    assert "\x1b]8" not in out.getvalue()
