"""Whatever somebody does to a ledger, a stranger with the public key finds it and names the first broken entry."""

from typing import Any
from uuid import UUID

import pytest

from libs.contracts.ledger import UnreadableError
from libs.ledger.check import ChainBreak, InForceCheck, SignedEvidence, Verdict, check
from libs.ledger.signatures import Checkpoint, Receipt, SigningKey, VerifyKey
from libs.ledger.tests.ledger_lines import (
    KEY,
    ORGANIZATION,
    RING,
    Lines,
    chained,
    line,
    note,
    standing,
    whole_receipt,
)

STRANGER = SigningKey(bytes(32))


@pytest.fixture
def ledger() -> Lines:
    """Ten entries."""
    return chained([line(seq) for seq in range(1, 11)])


def verdict(lines: Lines, *notes: str, receipts: Lines | None = None, rows: Lines | None = None) -> Verdict:
    vouchers = SignedEvidence(RING, ORGANIZATION)
    for each in notes:
        vouchers.add_checkpoint(each)
    for fields in receipts or []:
        vouchers.add_receipt(Receipt.read(fields))
    acted_on = InForceCheck()
    for row in rows or []:
        acted_on.add(row)
    return check(vouchers, lines, acted_on)


def broken(lines: Lines, *notes: str, **more: Any) -> int | None:
    found = verdict(lines, *notes, **more).broken
    return found.seq if found else None


def test_an_untouched_ledger_holds_and_says_how_far_a_checkpoint_covers_it(ledger: Lines) -> None:
    found = verdict(ledger, note(ledger[3]), note(ledger[7]), rows=[standing(ledger[9], 10)])

    assert found == Verdict(10, 2, 2, 8, ledger[9]["hash"], None)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "revoked"},
        {"at_us": 1},
        {"actor": "key:abd"},
        {"method": "written"},
        {"method": None},
        {"document_sha256": None},
        {"evidence_sha256": "01" * 32},
        {"witness_id": str(UUID(int=2))},
        {"consent_id": str(UUID(int=1))},
        {"organization_id": str(UUID(int=8))},
        {"patient_id": "nobody"},
        {"evidence": "altered"},
    ],
)
def test_any_changed_field_breaks_the_chain_at_its_entry(ledger: Lines, change: dict[str, Any]) -> None:
    ledger[4] |= change

    assert broken(ledger) == 5


def test_a_removed_reordered_or_doubled_entry_breaks_the_chain(ledger: Lines) -> None:
    assert broken(ledger[:1] + ledger[2:]) == 2
    assert broken([ledger[1], ledger[0], *ledger[2:]]) == 1
    assert broken([*ledger[:3], ledger[2], *ledger[3:]]) == 4


@pytest.mark.parametrize("place", range(1, 11))
def test_a_rewrite_from_any_place_on_is_named_where_it_began(ledger: Lines, place: int) -> None:
    vouched = note(ledger[3]), note(ledger[9])
    changed = [each | {"actor": "key:forger"} if each["seq"] == place else each for each in ledger]

    assert broken(chained(changed, key=None), *vouched) == place


def test_a_rewrite_with_receipts_of_somebody_elses_key_is_found_without_any_checkpoint(ledger: Lines) -> None:
    assert broken(chained(ledger, key=STRANGER)) == 1


def test_a_cut_off_end_is_found_by_a_checkpoint_or_by_a_receipt_that_was_kept(ledger: Lines) -> None:
    assert broken(ledger[:6]) is None
    assert broken(ledger[:6], note(ledger[9])) == 7
    assert broken(ledger[:6], receipts=[whole_receipt(ledger[6])]) == 7


def test_an_end_cut_off_and_written_anew_with_the_real_key_is_found_by_what_was_kept(ledger: Lines) -> None:
    anew = chained([*ledger[:6], *(each | {"actor": "key:other"} for each in ledger[6:])])

    assert broken(anew) is None
    assert broken(anew, receipts=[whole_receipt(ledger[7])]) == 8


def test_a_checkpoint_that_nobody_we_trust_signed_or_that_was_altered_is_a_break(ledger: Lines) -> None:
    forged = note(ledger[5] | {"hash": "00" * 32}, STRANGER)
    altered = note(ledger[5]).replace("\n6\n", "\n5\n")

    assert broken(ledger, forged) == 6
    assert broken(ledger, altered) == 5


def test_two_signed_promises_that_contradict_each_other_are_a_break(ledger: Lines) -> None:
    other = chained([each | {"actor": "key:other"} for each in ledger])

    found = verdict(ledger, note(ledger[5]), note(other[5])).broken

    assert found == ChainBreak(6, "two signed promises about it contradict each other")


def test_a_checkpoint_of_another_organization_is_a_break(ledger: Lines) -> None:
    foreign = Checkpoint(str(UUID(int=8)), 3, bytes(32), 1).to_note(KEY)

    assert broken(ledger, foreign) == 3


@pytest.mark.parametrize(
    "row",
    [
        {"status": "granted"},
        {"consent_type": "ai_analysis"},
        {"at_us": 9_999_999_999_999_999},
        {"patient_id": str(UUID(int=5))},
    ],
)
def test_acting_on_more_than_the_ledger_says_is_a_break(ledger: Lines, row: dict[str, Any]) -> None:
    assert broken(ledger, rows=[standing(ledger[9], 10) | row]) is not None


def test_what_is_in_force_may_be_older_than_the_entries_that_came_in_meanwhile(ledger: Lines) -> None:
    assert broken(ledger, rows=[standing(ledger[6], 7)]) is None
    assert broken(ledger, rows=[standing(ledger[5], 7)]) == 7


def test_entries_of_before_there_were_methods_and_receipts_hold_under_a_checkpoint() -> None:
    old = chained([{k: v for k, v in line(seq).items() if k != "method"} for seq in range(1, 4)], key=None)

    assert broken(old, note(old[2])) is None
    assert broken(old) == 1


def test_a_key_travels_as_one_word_and_is_refused_when_it_was_mistyped() -> None:
    word = KEY.public.text

    assert VerifyKey.parse(f" {word}\n") == KEY.public
    for wrong in ("", word[:-8], word.replace("+", "+0", 1), "a+b+c"):
        with pytest.raises(UnreadableError):
            VerifyKey.parse(wrong)


@pytest.mark.parametrize("wrong", ["", "x", "therapyrag.consent/o\n1\nAA==\n1\n\n", "other/o\n1\nAA==\n1\n"])
def test_what_is_no_checkpoint_is_refused_as_such(wrong: str) -> None:
    with pytest.raises(UnreadableError):
        Checkpoint.read(wrong)
