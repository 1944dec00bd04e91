"""Finds the first changed entry of a consent ledger, from the ledger's lines and a public key alone.

The chain finds what was changed by somebody who could not recompute it.
Signed checkpoints and receipts find what was recomputed, cut off or written anew, because the database cannot sign.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.contracts.ledger import Line, UnreadableError, genesis, leaf_of, link
from libs.ledger.signatures import Checkpoint, KeyRing, Receipt, receipt_message, unbase64

Parties = tuple[str, str, str]  # patient, therapist, purpose


@dataclass(frozen=True)
class ChainBreak:
    """The first place that does not hold, and why."""

    seq: int
    why: str


@dataclass(frozen=True)
class Verdict:
    """What was looked at. `covered_to` is the last entry that a signed checkpoint vouches for."""

    entries: int
    checkpoints: int
    receipts: int
    covered_to: int
    head: str
    broken: ChainBreak | None


@dataclass
class SignedEvidence:
    """Signed promises to hold a ledger against: checkpoints and receipts, fetched now or kept from before."""

    ring: KeyRing
    organization_id: str
    hashes: dict[int, str] = field(default_factory=dict)
    checkpoints: set[int] = field(default_factory=set)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    broken: ChainBreak | None = None

    def add_checkpoint(self, note: str) -> None:
        """Take a signed note."""
        checkpoint = Checkpoint.read(note)
        if self._is_ours(checkpoint.organization_id, checkpoint.seq):
            if not checkpoint.is_signed(note, self.ring):
                self._breaks(checkpoint.seq, "its checkpoint is not signed by a key you trust")
                return
            self.checkpoints.add(checkpoint.seq)
            self._expect(checkpoint.seq, checkpoint.hash.hex())

    def add_receipt(self, receipt: Receipt) -> None:
        """Take a receipt."""
        if self._is_ours(receipt.organization_id, receipt.seq):
            if not receipt.is_signed(self.ring):
                self._breaks(receipt.seq, "a receipt for it is not signed by a key you trust")
                return
            self.receipts[receipt.seq] = receipt
            self._expect(receipt.seq, receipt.hash)

    @property
    def last(self) -> int:
        """The last entry that a signature covers."""
        return max(self.hashes, default=0)

    def _is_ours(self, organization_id: str, seq: int) -> bool:
        if organization_id != self.organization_id:
            self._breaks(seq, "a checkpoint or receipt is of another organization")
        return organization_id == self.organization_id

    def _expect(self, seq: int, hash_: str) -> None:
        if self.hashes.setdefault(seq, hash_) != hash_:
            self._breaks(seq, "two signed promises about it contradict each other")

    def _breaks(self, seq: int, why: str) -> None:
        # The earliest: everything behind a change is broken by it, and says nothing of where it began.
        if self.broken is None or seq < self.broken.seq:
            self.broken = ChainBreak(seq, why)


class InForceCheck:
    """What a service acts on: for each patient, therapist and purpose, whether it takes consent to be in force.

    Each row says how many entries there were when it was read (`at_seq`), so that newer entries do not confuse.
    """

    def __init__(self) -> None:
        self._rows: dict[Parties, Line] = {}
        self._decided_by: dict[Parties, Line] = {}
        self._complete_to = 0

    def add(self, row: Line) -> None:
        """Take a row; raise UnreadableError."""
        try:
            self._rows[_parties(row)] = row
            seen = int(row["at_seq"])
            # Pages are read one after another while entries come in: only what the first of them saw is known of all.
            self._complete_to = min(self._complete_to or seen, seen)
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableError("a row of what is in force cannot be read") from error

    def follow(self, line: Line) -> ChainBreak | None:
        """Note that an entry decides its consent."""
        parties = _parties(line)
        row = self._rows.get(parties)
        if row is not None and line["seq"] <= row["at_seq"]:
            self._decided_by[parties] = line
        elif row is None and line["seq"] <= self._complete_to:
            return ChainBreak(line["seq"], "what is in force does not know of it")
        return None

    def end(self) -> ChainBreak | None:
        """Name the first entry that what is in force does not follow from."""
        found = [
            broken for parties, row in self._rows.items() if (broken := _differs(row, self._decided_by.get(parties)))
        ]
        return min(found, key=lambda broken: broken.seq, default=None)


class ChainVerifier:
    """One pass over the entries in their order. It keeps the entries since the last promise, and no others."""

    def __init__(self, vouchers: SignedEvidence, standing: InForceCheck, *, every_receipt: bool = False) -> None:
        self._vouchers = vouchers
        self._standing = standing
        self._every_receipt = every_receipt
        self._hash = genesis(vouchers.organization_id)
        self._at_us: int | None = None
        self._unvouched: list[Line] = []
        self.seq = 0
        self.receipts = 0

    def take(self, line: Line) -> ChainBreak | None:
        """Check the next entry; the first break ends the walk."""
        expected = self.seq + 1
        why = self._fault(line, expected)
        if why:
            # Whoever rehashed one entry broke the next one; the signatures tell which it was.
            return self._first_unsigned() or ChainBreak(expected, why)
        self.seq, self._hash, self._at_us = expected, bytes.fromhex(line["hash"]), line["at_us"]
        self._unvouched.append(line)
        return self._ask_vouchers(line) or self._standing.follow(line)

    def end(self) -> ChainBreak | None:
        """Check what only the end shows: nothing was cut off, the last entries are signed, and they are acted on."""
        if self._vouchers.last > self.seq:
            return ChainBreak(self.seq + 1, f"entries were cut off: a signed promise names entry {self._vouchers.last}")
        return self._first_unsigned() or self._standing.end()

    @property
    def head(self) -> str:
        """The hash of the last entry so far."""
        return self._hash.hex()

    def _fault(self, line: Line, expected: int) -> str | None:
        try:
            return self._misplaced(line, expected) or self._misread(line)
        except (KeyError, TypeError, ValueError):
            return "it cannot be read"

    def _misplaced(self, line: Line, expected: int) -> str | None:
        if line["organization_id"] != self._vouchers.organization_id:
            return "it is of another organization"
        if line["seq"] != expected:
            return f"entry {line['seq']} stands in its place"
        if line["prev_hash"] != self._hash.hex():
            return "it does not continue the entry before it"
        if self._at_us is not None and line["at_us"] <= self._at_us:
            return "it claims to be no younger than the entry before it"
        return None

    def _misread(self, line: Line) -> str | None:
        leaf = leaf_of(line)
        if line["leaf"] != leaf.hex():
            return "its fields are not those that were hashed"
        if line["hash"] != link(self._hash, leaf).hex():
            return "its hash does not follow from its fields"
        if line.get("evidence") == "altered":
            return "its circumstances are not those that were hashed"
        return None

    def _ask_vouchers(self, line: Line) -> ChainBreak | None:
        promised = self._vouchers.hashes.get(self.seq)
        if promised is not None and promised != line["hash"]:
            # Somewhere since the last promise that was kept; the first one without a signature is where it began.
            return self._first_unsigned() or ChainBreak(self.seq, "a signed promise names another hash")
        if self._every_receipt and (broken := self._first_unsigned()):
            return broken
        if promised is not None or self._every_receipt:
            self._unvouched.clear()
        return None

    def _first_unsigned(self) -> ChainBreak | None:
        for line in self._unvouched:
            if not self._is_signed(line):
                return ChainBreak(line["seq"], "it carries no receipt signed by a key you trust")
        return None

    def _is_signed(self, line: Line) -> bool:
        receipt: Mapping[str, Any] = line.get("receipt") or {}
        self.receipts += 1
        hashes = (line["leaf"], line["prev_hash"], line["hash"])
        message = receipt_message(line["organization_id"], line["seq"], hashes)
        return self._vouchers.ring.verifies(receipt.get("key_id"), unbase64(receipt.get("signature")), message)


def check(
    vouchers: SignedEvidence,
    entries: Iterable[Line],
    standing: InForceCheck | None = None,
    *,
    every_receipt: bool = False,
) -> Verdict:
    """Check a whole ledger, its entries in their order. A receipt proves what no checkpoint covers yet.

    With `every_receipt` each entry's own signature is verified as well, which is slower and says nothing new
    unless the signing key was used to lie.
    """
    walk = ChainVerifier(vouchers, standing or InForceCheck(), every_receipt=every_receipt)
    broken: ChainBreak | None = None
    for line in entries:
        broken = walk.take(line)
        if broken:
            break
    broken = broken or walk.end()
    found = [each for each in (broken, vouchers.broken) if each]
    # A checkpoint beyond the break covers nothing that was looked at.
    covered = [seq for seq in vouchers.checkpoints if seq <= walk.seq]
    return Verdict(
        entries=walk.seq,
        checkpoints=len(covered),
        receipts=walk.receipts,
        covered_to=max(covered, default=0),
        head=walk.head,
        broken=min(found, key=lambda each: each.seq, default=None),
    )


def _parties(line: Line) -> Parties:
    return line["patient_id"], line["therapist_id"], line["consent_type"]


def _differs(row: Line, last: Line | None) -> ChainBreak | None:
    if last is None:
        return ChainBreak(1, f"consent is {row['status']} for a patient and purpose that have no entry")
    same = (row["status"], row["at_us"]) == (last["status"], last["at_us"])
    # One revocation ends every record of these three, so after it the record's id does not matter.
    if same and (last["status"] == "revoked" or row["consent_id"] == last["consent_id"]):
        return None
    return ChainBreak(last["seq"], f"it says {last['status']}, but what is in force says {row['status']}")
