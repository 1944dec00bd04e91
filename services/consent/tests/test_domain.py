"""The ledger's rules, without any database."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import INVALID_REQUEST, AppError
from libs.contracts.ids import ConsentId, OrganizationId
from libs.contracts.purposes import Purpose
from services.consent.domain import Document, Evidence, Origin, document_digest, missing

TEXT = "I agree that my sessions are recorded."
DOCUMENT = Document(
    id=UUID(int=1),
    organization_id=OrganizationId(UUID(int=2)),
    purpose=Purpose.RECORDING,
    language="en",
    version=1,
    text=TEXT,
    sha256=document_digest(TEXT),
    published_at=datetime(2026, 1, 1, tzinfo=UTC),
    actor="admin",
)


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=6, max_size=6), st.data())
def test_no_two_circumstances_share_a_digest(parts: list[str | None], data: st.DataObject) -> None:
    others = data.draw(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=6, max_size=6))

    one, other = _evidence(parts), _evidence(others)

    assert (one.digest() == other.digest()) == (one == other)


@pytest.mark.parametrize("reported", [None, DOCUMENT.sha256])
def test_a_consent_to_a_published_text_stores_the_digest_of_that_text(reported: bytes | None) -> None:
    assert DOCUMENT.digest_shown_for(Purpose.RECORDING, reported) == DOCUMENT.sha256


@pytest.mark.parametrize(
    ("document", "purpose", "reported"),
    [
        pytest.param(DOCUMENT, Purpose.AI_ANALYSIS, None, id="text for another purpose"),
        pytest.param(DOCUMENT, Purpose.RECORDING, document_digest("Another text."), id="digest of another text"),
        pytest.param(replace(DOCUMENT, text=" \u200b"), Purpose.RECORDING, None, id="no letter and no digit"),
    ],
)
def test_nobody_consents_to_a_text_they_cannot_have_read(
    document: Document, purpose: Purpose, reported: bytes | None
) -> None:
    with pytest.raises(AppError) as refusal:
        document.digest_shown_for(purpose, reported)

    assert refusal.value.problem is INVALID_REQUEST


def test_work_lacks_each_purpose_without_a_consent_in_force_and_no_other() -> None:
    in_force = {Purpose.RECORDING: ConsentId(UUID(int=3))}

    assert missing([Purpose.AI_ANALYSIS, Purpose.RECORDING, Purpose.TRANSCRIPTION], in_force) == [
        Purpose.AI_ANALYSIS,
        Purpose.TRANSCRIPTION,
    ]
    assert missing([Purpose.RECORDING], in_force) == []


def _evidence(parts: list[str | None]) -> Evidence:
    return Evidence(bytes(16), Origin(*parts[:2]), Origin(*parts[2:4]), parts[4] or "", parts[5])
