"""`therapyrag consent export` and `verify`: the consent ledger as a file, and whether anybody changed it."""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any, TextIO

import typer

from libs.contracts.ledger import UnreadableError
from libs.ledger.check import Verdict, check
from libs.ledger.signatures import KeyRing, VerifyKey
from libs.ops.api.ledger_file import FORMAT, Ledger, add_kept, opened, trusted
from libs.ops.command import FAILED
from libs.ops.console import Shown
from libs.ops.rest.client import Gateway

Source = Annotated[Path | None, typer.Argument(help="An export; without one the gateway is asked.", exists=True)]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", help="The public key you were given, or a file with it; needed with an export."),
]
Kept = Annotated[
    list[Path] | None,
    typer.Option(
        "--kept", help="Receipts, checkpoints or an older export that you kept; finds a cut-off end.", exists=True
    ),
]
EveryReceipt = Annotated[bool, typer.Option(help="Verify the signature of each entry, not only of the last ones.")]


async def export(
    gateway: Gateway,
    to: Annotated[Path | None, typer.Option(help="Where to write it; without, to standard output.")] = None,
) -> Shown:
    """Write the whole ledger as JSON lines: keys, checkpoints, what is in force, and every entry."""
    if to is None:
        await _write(gateway, sys.stdout)
        raise typer.Exit
    with to.open("w") as out:
        written = await _write(gateway, out)
    return Shown({"file": str(to), "entries": written}, f"{written} entries in {to}")


async def verify(
    gateway: Gateway,
    source: Source = None,
    key: Keys = None,
    kept: Kept = None,
    every_receipt: EveryReceipt = False,
) -> Shown:
    """Check the ledger and name the first broken entry; exit 1 when there is one."""
    # Whoever forges an export puts a key of their own into it.
    if source and not key:
        raise typer.BadParameter("an export proves nothing by the keys it brings along: give the one you know (--key)")
    try:
        given = [trusted(each) for each in key or []]
        if source:
            with source.open() as file:
                ledger = opened(file)
                verdict = _verdict(ledger, given, kept or [], every_receipt)
        else:
            with TemporaryFile("w+") as file:  # a long ledger does not fit into memory
                await _write(gateway, file)
                file.seek(0)
                ledger = opened(file)
                verdict = _verdict(ledger, given or ledger.keys, kept or [], every_receipt)
    except UnreadableError as error:
        return Shown({"broken": {"seq": None, "why": str(error)}}, f"x  not a ledger: {error}", FAILED)
    return _shown(verdict, ledger, key_was_given=bool(key))


async def _write(gateway: Gateway, out: TextIO) -> int:
    written = 0
    async for line in _lines(gateway):
        out.write(json.dumps(line) + "\n")
        written += line["kind"] == "entry"
    return written


async def _lines(gateway: Gateway) -> AsyncIterator[dict[str, Any]]:
    # What is in force first and the entries last: whatever happens meanwhile is then in the entries.
    me = (await gateway.me()).model_dump(mode="json")
    yield {
        "kind": "ledger",
        "format": FORMAT,
        "organization_id": me["organization"]["id"],
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    async for row in gateway.ledger("keys"):
        yield {"kind": "key"} | row
    for what in ("in-force", "checkpoints", "entries"):
        async for row in gateway.ledger(what):
            yield row


def _verdict(ledger: Ledger, keys: list[VerifyKey], kept: list[Path], every_receipt: bool) -> Verdict:
    vouchers = ledger.vouchers(KeyRing(keys))
    for path in kept:
        add_kept(vouchers, path)
    return check(vouchers, ledger.entries, ledger.standing, every_receipt=every_receipt)


def _shown(verdict: Verdict, ledger: Ledger, *, key_was_given: bool) -> Shown:
    payload = {"organization_id": ledger.organization_id} | asdict(verdict)
    if verdict.broken:
        return Shown(payload, f"x  entry {verdict.broken.seq}: {verdict.broken.why}", FAILED)
    lines = [
        f"ok  {verdict.entries} entries hold, up to {verdict.head}",
        f"    {verdict.checkpoints} signed checkpoints cover entries 1 to {verdict.covered_to}; "
        f"{verdict.receipts} receipts were verified",
    ]
    if not key_was_given:
        words = ", ".join(key.text for key in ledger.keys)
        lines.append(f"    with the keys the gateway names: compare them with those you were given: {words}")
    return Shown(payload, "\n".join(lines))
