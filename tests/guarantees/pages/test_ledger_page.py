"""What docs/security/consent-ledger.md tells a stranger to do finds what our own check finds."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from libs.ledger.signatures import SigningKey
from libs.ledger.tests.ledger_lines import KEY, ORGANIZATION, Lines, chained, line, note, standing
from libs.ops.api.ledger_file import FORMAT
from services.consent.notary.checkpoints import SIGN_AFTER_ENTRIES, SIGN_AFTER_S
from services.gateway.routes import ROUTES
from tests.guarantees.deployment.parts import ROOT

PAGE = (ROOT / "docs" / "security" / "consent-ledger.md").read_text()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program as the page prints it."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path_factory.mktemp("page") / "check.py"
    file.write_text(block)
    return file


def _export(folder: Path, entries: Lines, checkpoint: str) -> Path:
    head = {"kind": "ledger", "format": FORMAT, "organization_id": ORGANIZATION}
    rows = [head, {"kind": "checkpoint", "note": checkpoint}, standing(entries[-1], len(entries)), *entries]
    file = folder / "ledger.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def _checks(program: Path, export: Path, key: str = KEY.public.text) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, program, export, key], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def ledger() -> Lines:
    """Ten entries, one with a witness and no text."""
    lines = [line(seq) for seq in range(1, 11)]
    lines[2] |= {"witness_id": "00000000-0000-0000-0000-000000000009", "method": "verbal", "document_sha256": None}
    return chained(lines)


def test_the_program_on_the_page_says_that_a_ledger_holds(program: Path, tmp_path: Path, ledger: Lines) -> None:
    ended = _checks(program, _export(tmp_path, ledger, note(ledger[7])))

    assert (ended.returncode, ended.stdout) == (0, "10 entries hold\n"), ended.stderr


def _rewritten(lines: Lines) -> Lines:
    return chained([each | {"actor": "key:thief"} for each in lines], key=None)


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (lambda lines: [each | {"actor": "x"} if each["seq"] == 4 else each for each in lines], "entry 4: "),
        (lambda lines: lines[:2] + lines[3:], "entry 3: "),
        (lambda lines: lines[:5], "entry 6: cut off"),
        (_rewritten, "entry 8: not what a checkpoint promised, or one before it"),
        (lambda lines: lines[:8] + _rewritten(lines)[8:], "entry 9: "),
        (lambda lines: chained(lines, SigningKey(bytes(32))), "entry 9: not signed"),
    ],
)
def test_the_program_on_the_page_names_what_is_broken(
    program: Path, tmp_path: Path, ledger: Lines, attack: Callable[[Lines], Lines], said: str
) -> None:
    ended = _checks(program, _export(tmp_path, attack(ledger), note(ledger[7])))

    assert (ended.returncode, said in ended.stderr) == (1, True), ended.stderr


def test_the_program_on_the_page_trusts_no_other_key(program: Path, tmp_path: Path, ledger: Lines) -> None:
    ended = _checks(program, _export(tmp_path, ledger, note(ledger[7])), SigningKey(bytes(32)).public.text)

    assert ended.returncode == 1


def test_the_page_names_the_cadence_and_routes_that_exist() -> None:
    paths = {f"{route.method} {route.path}" for route in ROUTES}

    assert f"{SIGN_AFTER_S:.0f} seconds after an entry or every {SIGN_AFTER_ENTRIES} entries" in PAGE
    assert set(re.findall(r"`((?:GET|POST) /api[^`]+)`", PAGE)) <= paths
