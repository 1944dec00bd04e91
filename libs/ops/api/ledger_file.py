"""A consent ledger as a file of JSON lines, and what somebody kept from earlier days to hold it against.

The order of an export: one line of kind `ledger`, then `key`, `in_force` and `checkpoint`, at last the `entry` lines.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from libs.contracts.ledger import Line, UnreadableError
from libs.ledger.check import InForceCheck, SignedEvidence
from libs.ledger.signatures import NAME, KeyRing, Receipt, VerifyKey

FORMAT = f"{NAME}/1"
LINE_CHARS_MAX = 20_000


@dataclass
class Ledger:
    """What an export says of itself, and its entries, which are read as they are asked for."""

    organization_id: str
    keys: list[VerifyKey] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    standing: InForceCheck = field(default_factory=InForceCheck)
    entries: Iterator[Line] = field(default_factory=lambda: iter(()))

    def vouchers(self, ring: KeyRing) -> SignedEvidence:
        """Return the promises that came with the export, held against the keys that are trusted."""
        made = SignedEvidence(ring, self.organization_id)
        for note in self.notes:
            made.add_checkpoint(note)
        return made


def opened(lines: Iterable[str]) -> Ledger:
    """Read an export up to its first entry; raise UnreadableError for what is none."""
    rest = (_parsed(text) for text in lines if text.strip())
    head = next(rest, {})
    if head.get("kind") != "ledger" or head.get("format") != FORMAT:
        raise UnreadableError(f"an export begins with a line of kind `ledger` and format `{FORMAT}`")
    found = Ledger(str(head.get("organization_id")))
    for line in rest:
        if line.get("kind") == "entry":
            found.entries = chain([line], _only_entries(rest))
            break
        _take(found, line)
    return found


def add_kept(vouchers: SignedEvidence, path: Path) -> None:
    """Add what somebody kept: a checkpoint's note, answers with a `receipt` or a `note` in them, or an older export."""
    text = path.read_text()
    if text.startswith(f"{NAME}/"):
        vouchers.add_checkpoint(text)
        return
    for line in text.splitlines():
        if line.strip():
            _add_promise(vouchers, _parsed(line))


def trusted(given: str) -> VerifyKey:
    """Read a public key that was given as a word, or as the name of a file that holds it."""
    path = Path(given)
    return VerifyKey.parse(path.read_text() if path.is_file() else given)


def _take(found: Ledger, line: dict[str, Any]) -> None:
    kind = line.get("kind")
    if kind == "key":
        found.keys.append(VerifyKey.parse(str(line.get("verifier_key"))))
    elif kind == "checkpoint":
        found.notes.append(str(line.get("note")))
    elif kind == "in_force":
        found.standing.add(line)
    else:
        raise UnreadableError("a line before the entries is of no kind that is known")


def _only_entries(rest: Iterator[dict[str, Any]]) -> Iterator[Line]:
    for line in rest:
        if line.get("kind") != "entry":
            raise UnreadableError("after the first entry there may be nothing but entries")
        yield line


def _add_promise(vouchers: SignedEvidence, line: dict[str, Any]) -> None:
    if isinstance(line.get("note"), str):
        vouchers.add_checkpoint(line["note"])
    receipt = line.get("receipt")
    if isinstance(receipt, dict) and receipt.get("signature"):
        # An entry of an export has the hashes beside its receipt, an answer of the API has them inside.
        vouchers.add_receipt(Receipt.read(line | receipt))


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > LINE_CHARS_MAX:
        raise UnreadableError("a line is too long to be one of a ledger")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UnreadableError("a line is not JSON") from error
    if not isinstance(found, dict):
        raise UnreadableError("a line is not an object of JSON")
    return found
