"""The ledger's rules, without any database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from services.consent.domain import Bond, Entry, Evidence, Origin, Seal, Status, first_break, genesis, leaf_of, link

ORGANIZATION = OrganizationId(UUID(int=7))
START = datetime(2026, 1, 1, tzinfo=UTC)


def _chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    prev = genesis(ORGANIZATION)
    for seq in range(1, length + 1):
        bare = Entry(
            id=UUID(int=seq),
            organization_id=ORGANIZATION,
            consent_id=ConsentId(UUID(int=1000 + seq)),
            bond=Bond(PatientId(UUID(int=1)), TherapistId(UUID(int=2)), Purpose.RECORDING),
            status=Status.GRANTED,
            at=START + timedelta(microseconds=seq),
            actor="key:abc",
            witness_id=None,
            document_sha256=bytes(32),
            evidence_sha256=bytes(32),
            seal=Seal(seq, prev, b"", b""),
        )
        leaf = leaf_of(bare)
        entries.append(replace(bare, seal=Seal(seq, prev, leaf, link(prev, leaf))))
        prev = entries[-1].seal.hash
    return entries


def test_an_untouched_chain_has_no_break() -> None:
    assert first_break(ORGANIZATION, _chain(5)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.REVOKED},
        {"at": START},
        {"actor": "key:abd"},
        {"document_sha256": None},
        {"evidence_sha256": b"\x01" * 32},
        {"witness_id": TherapistId(UUID(int=2))},
        {"consent_id": ConsentId(UUID(int=1))},
        {"organization_id": OrganizationId(UUID(int=8))},
    ],
)
def test_any_changed_field_breaks_the_chain_at_its_entry(change: dict[str, object]) -> None:
    entries = _chain(5)
    entries[2] = replace(entries[2], **change)  # type: ignore[arg-type]  # every field in turn

    assert first_break(ORGANIZATION, entries) == 3


def test_a_removed_or_reordered_entry_breaks_the_chain() -> None:
    entries = _chain(5)

    assert first_break(ORGANIZATION, entries[:1] + entries[2:]) == 2
    assert first_break(ORGANIZATION, [entries[1], entries[0], *entries[2:]]) == 1


def test_a_chain_recomputed_for_another_organization_does_not_fit() -> None:
    assert first_break(OrganizationId(uuid4()), _chain(3)) == 1


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=6, max_size=6), st.data())
def test_no_two_circumstances_share_a_digest(parts: list[str | None], data: st.DataObject) -> None:
    others = data.draw(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=6, max_size=6))

    one, other = _evidence(parts), _evidence(others)

    assert (one.digest() == other.digest()) == (one == other)


def _evidence(parts: list[str | None]) -> Evidence:
    return Evidence(bytes(16), Origin(*parts[:2]), Origin(*parts[2:4]), parts[4] or "", parts[5])
