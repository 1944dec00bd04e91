"""A stranger with the public key checks a ledger, from the gateway or from a file, and is told what is broken."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from libs.ledger.signatures import SigningKey
from libs.ledger.tests.ledger_lines import KEY as SIGNER
from libs.ledger.tests.ledger_lines import Lines, chained, line, note, standing, whole_receipt
from libs.ops.main import app
from libs.ops.rest.connection import Connection
from libs.ops.tests.fake_gateway import KEY, FakeGateway

WORD = SIGNER.public.text


class Stranger:
    """Somebody with a terminal, a ledger behind a gateway, and a folder."""

    def __init__(self, folder: Path) -> None:
        self.gateway = FakeGateway()
        self.folder = folder
        self.serves(chained([line(seq) for seq in range(1, 11)]), checkpoint_at=8)

    def serves(self, entries: Lines, checkpoint_at: int) -> None:
        """From now on the gateway has this ledger."""
        self.entries = entries
        self.gateway.ledger = {
            "keys": [{"key_id": SIGNER.public.key_id, "verifier_key": WORD}],
            "checkpoints": [{"kind": "checkpoint", "note": note(entries[checkpoint_at - 1])}],
            "in-force": [standing(entries[-1], len(entries))],
            "entries": entries,
        }

    def types(self, *words: str) -> Result:
        """Run one command line."""
        connection = Connection("http://gateway", KEY, transport=httpx.ASGITransport(self.gateway.app()))
        return CliRunner().invoke(app, ["consent", *words], obj=connection)

    def export(self) -> Path:
        """Export into a file."""
        file = self.folder / "ledger.jsonl"
        assert self.types("export", "--to", str(file)).exit_code == 0
        return file

    def keeps(self, name: str, content: str) -> str:
        """Keep something for later."""
        (self.folder / name).write_text(content)
        return str(self.folder / name)


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    return Stranger(tmp_path)


def test_a_ledger_behind_the_gateway_holds_and_the_key_is_named_for_comparison(stranger: Stranger) -> None:
    result = stranger.types("verify")

    assert result.exit_code == 0
    assert "ok  10 entries hold" in result.stdout
    assert "1 signed checkpoints cover entries 1 to 8; 2 receipts were verified" in result.stdout
    assert WORD in result.stdout


def test_an_export_is_verified_without_any_gateway(stranger: Stranger) -> None:
    file = stranger.export()
    stranger.gateway.ledger = {}

    result = stranger.types("verify", str(file), "--key", WORD, "--json")

    verdict = json.loads(result.stdout)

    assert result.exit_code == 0
    assert (verdict["entries"], verdict["covered_to"], verdict["broken"]) == (10, 8, None)


def test_an_export_goes_to_standard_output_entries_last(stranger: Stranger) -> None:
    kinds = [json.loads(each)["kind"] for each in stranger.types("export").stdout.splitlines()]

    assert kinds == ["ledger", "key", "in_force", "checkpoint", *["entry"] * 10]


def test_an_export_without_the_key_somebody_was_given_proves_nothing(stranger: Stranger) -> None:
    result = stranger.types("verify", str(stranger.export()))

    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace('"key:abc"', '"key:abd"', 1), "entry 1: its fields are not those that were hashed"),
        (lambda text: "\n".join(text.splitlines()[:-3]), "entry 8: entries were cut off"),
        (lambda text: text.replace('"status": "revoked"', '"status": "granted"', 1), "entry 10: it says revoked"),
        (lambda text: "{}\n", "not a ledger"),
        (lambda text: text + "no JSON\n", "not a ledger"),
        (lambda text: text + "x" * 30_000, "not a ledger"),
    ],
)
def test_what_is_broken_is_named_and_the_exit_code_is_one(
    stranger: Stranger, change: Callable[[str], str], said: str
) -> None:
    file = stranger.export()
    file.write_text(change(file.read_text()))

    result = stranger.types("verify", str(file), "--key", WORD)

    assert result.exit_code == 1
    assert said in result.stdout


def test_a_key_in_a_file_will_do_and_another_key_will_not(stranger: Stranger) -> None:
    file, other = stranger.export(), SigningKey(bytes(32)).public.text

    right = stranger.types("verify", str(file), "--key", stranger.keeps("key.txt", WORD + "\n"))
    wrong = stranger.types("verify", str(file), "--key", other)
    none = stranger.types("verify", str(file), "--key", "not a key")

    assert (right.exit_code, wrong.exit_code, none.exit_code) == (0, 1, 1)
    assert "signed by a key you trust" in wrong.stdout


def _answers(entries: Lines) -> str:
    return "".join(json.dumps({"id": "c", "receipt": whole_receipt(row)}) + "\n" for row in entries[8:])


def _export(entries: Lines) -> str:
    return "".join(json.dumps(row) + "\n" for row in entries)


@pytest.mark.parametrize(
    "kept", [_answers, _export, lambda entries: note(entries[9])], ids=["receipts", "an older export", "a checkpoint"]
)
def test_an_end_that_was_cut_off_is_found_by_what_was_kept(stranger: Stranger, kept: Callable[[Lines], str]) -> None:
    file = stranger.keeps("kept", kept(stranger.entries))
    stranger.serves(stranger.entries[:8], checkpoint_at=8)

    without, with_it = stranger.types("verify"), stranger.types("verify", "--kept", file)

    assert without.exit_code == 0
    assert with_it.exit_code == 1
    assert "entry 9: entries were cut off" in with_it.stdout


def test_every_receipt_can_be_verified_and_a_missing_one_below_a_checkpoint_is_then_a_break(stranger: Stranger) -> None:
    entries: list[dict[str, Any]] = [row | {"receipt": None} if row["seq"] == 3 else row for row in stranger.entries]
    stranger.serves(entries, checkpoint_at=8)

    assert stranger.types("verify").exit_code == 0
    assert "entry 3: it carries no receipt" in stranger.types("verify", "--every-receipt").stdout
