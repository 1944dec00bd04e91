"""The command line as its users meet it: what it prints, and the exit code a script can trust."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from libs.ops.main import app
from libs.ops.rest.connection import Connection
from libs.ops.tests.fake_gateway import KEY, OPERATOR, ORGANIZATION, FakeGateway

P_AND_T = ("--patient", "p1", "--therapist", "t1")


class Terminal:
    """A person at a terminal, with a key for the fake gateway."""

    def __init__(self, key: str | None = KEY) -> None:
        self.gateway = FakeGateway()
        transport = httpx.ASGITransport(self.gateway.app())
        self._connection = Connection("http://gateway", key, OPERATOR, transport)

    def types(self, *words: str) -> Result:
        """Run one command line."""
        return CliRunner().invoke(app, list(words), obj=self._connection)


@pytest.fixture
def terminal() -> Terminal:
    """A terminal before anything has been done."""
    return Terminal()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A file that is long enough to be sent in pieces."""
    path = tmp_path / "one.mp3"
    path.write_bytes(b"ID3" + bytes(200_000))
    return path


def test_bootstrap_prints_the_key_as_the_line_to_paste(terminal: Terminal) -> None:
    result = terminal.types("bootstrap", "Harbour Practice")

    assert result.exit_code == 0
    assert f"export THERAPYRAG_KEY={KEY}" in result.stdout


def test_an_upload_without_consent_is_denied_and_says_which_command_grants_it(
    terminal: Terminal, recording: Path
) -> None:
    result = terminal.types("upload", str(recording), *P_AND_T, "--date", "2026-09-08")

    assert result.exit_code == 3
    assert 'x 403 consent-required  "No consent for recording is in force."' in result.stderr
    assert "fix: therapyrag consent grant --patient p1 --therapist t1 --type recording" in result.stderr
    assert "$" not in result.stderr


def test_a_question_without_consent_names_the_patient_and_grants_nothing_for_a_therapist_nobody_named(
    terminal: Terminal,
) -> None:
    result = terminal.types("chat", "--patient", "p1; rm -rf .", "What did I say?")

    assert result.exit_code == 3
    assert "fix: therapyrag consent show --patient 'p1; rm -rf .'" in result.stderr
    assert "grant" not in result.stderr


def test_after_granting_all_the_same_upload_is_accepted_with_its_fields_before_the_file(
    terminal: Terminal, recording: Path
) -> None:
    terminal.types("consent", "grant", *P_AND_T, "--all")

    result = terminal.types("upload", str(recording), *P_AND_T, "--date", "2026-09-08")

    body = terminal.gateway.bodies[0]
    fields = ("patient_id", "therapist_id", "session_date", "language", "file")
    places = [body.index(f'name="{name}"'.encode()) for name in fields]

    assert (result.exit_code, result.stdout.strip()) == (0, "s1")
    assert places == sorted(places)


def test_waiting_for_an_upload_ends_when_it_is_ready(terminal: Terminal, recording: Path) -> None:
    terminal.types("consent", "grant", *P_AND_T, "--all")

    result = terminal.types("upload", str(recording), *P_AND_T, "--date", "2026-09-08", "--wait")

    assert result.exit_code == 0
    assert "s1  2026-09-08  ready, 02:05" in result.stdout
    assert terminal.gateway.waits == [None, "10", "10", "10"]


def test_waiting_for_an_upload_that_fails_says_why_and_exits_with_one(terminal: Terminal, recording: Path) -> None:
    terminal.gateway.statuses = ["uploaded", "failed"]
    terminal.types("consent", "grant", *P_AND_T, "--all")

    result = terminal.types("upload", str(recording), *P_AND_T, "--date", "2026-09-08", "--wait")

    assert result.exit_code == 1
    assert "The file cannot be read." in result.stdout


def test_an_answer_shows_date_place_speaker_relevance_and_quote(terminal: Terminal) -> None:
    terminal.types("consent", "grant", *P_AND_T, "--type", "ai_analysis")

    result = terminal.types("chat", "--patient", "p1", "What homework did we agree on?")

    assert result.exit_code == 0
    assert "2026-09-08  01:23  Therapist  0.71  “Every evening at seven" in result.stdout


def test_revoking_ai_analysis_closes_the_chat(terminal: Terminal) -> None:
    terminal.types("consent", "grant", *P_AND_T, "--all")
    terminal.types("consent", "revoke", "--patient", "p1", "--type", "ai_analysis")

    result = terminal.types("chat", "--patient", "p1", "What homework did we agree on?")

    assert result.exit_code == 3
    assert "fix: therapyrag consent show --patient p1" in result.stderr


def test_revoking_what_is_not_in_force_fails(terminal: Terminal) -> None:
    result = terminal.types("consent", "revoke", "--patient", "p1", "--all")

    assert result.exit_code == 1
    assert "No consent for this was in force." in result.stdout


@pytest.mark.parametrize("flags", [(), ("--all", "--type", "recording"), ("--type", "marketing")])
def test_a_grant_must_say_for_what_and_only_once(terminal: Terminal, flags: tuple[str, ...]) -> None:
    result = terminal.types("consent", "grant", *P_AND_T, *flags)

    assert result.exit_code == 2
    assert terminal.gateway.consents == []


def test_lists_follow_the_cursor_to_the_last_page(terminal: Terminal) -> None:
    for role in ("therapist", "patient", "patient"):
        terminal.types("users", "add", role, "--email", f"{role}@example.org")

    result = terminal.types("users", "list", "--json")

    assert [user["role"] for user in json.loads(result.stdout)] == ["therapist", "patient", "patient"]


def test_a_wrong_key_is_denied_and_as_json_the_problem_is_the_servers_own() -> None:
    result = Terminal(key="wrong").types("users", "list", "--json")

    assert result.exit_code == 3
    assert json.loads(result.stderr)["type"] == "/problems/unauthenticated"


def test_a_transcript_is_printed_as_it_was_spoken(terminal: Terminal) -> None:
    result = terminal.types("transcript", "s1")

    assert "01:01" in result.stdout
    assert "It's the [sleep]." in result.stdout


def test_status_names_the_gateway_and_who_is_asking(terminal: Terminal) -> None:
    result = terminal.types("status")

    assert result.stdout.splitlines()[:2] == ["http://gateway  ok", f"  organization: {ORGANIZATION} Harbour"]


@pytest.mark.parametrize("line", ["sessions list", "sessions show s1", "consent show --patient p1"])
def test_what_prints_for_people_prints_for_programs(terminal: Terminal, line: str) -> None:
    assert terminal.types(*line.split()).exit_code == 0
    assert json.loads(terminal.types(*line.split(), "--json").stdout) is not None
    assert json.loads(terminal.types("--json", *line.split()).stdout) is not None


def test_a_gateway_that_is_not_there_is_a_failure_with_a_next_step() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    connection = Connection("http://gateway", KEY, None, httpx.MockTransport(refuse))

    result = CliRunner().invoke(app, ["status"], obj=connection)

    assert result.exit_code == 1
    assert "fix: start it with `make up`" in result.stderr


def test_a_session_is_released_to_the_chat_and_held_back(terminal: Terminal) -> None:
    released = terminal.types("sessions", "release", "s1")
    held = terminal.types("sessions", "hold-back", "s1")

    assert [result.exit_code for result in (released, held)] == [0, 0]
    assert ["not released" in result.stdout for result in (released, held)] == [False, True]


def test_what_answers_says_so_before_its_first_answer(terminal: Terminal) -> None:
    terminal.gateway.obeys_consent = False
    terminal.gateway.answers["Who are you?"] = {"response": "Ask me.", "sources": [], "notice": "I'm an AI."}

    result = terminal.types("chat", "--patient", "p1", "Who are you?")

    assert result.stdout.split() == ["I'm", "an", "AI.", "Ask", "me."]
