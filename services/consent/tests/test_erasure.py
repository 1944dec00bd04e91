"""The circumstances of consents are erased, and the chain, the records and later revocations stand as before."""

from collections.abc import AsyncIterator

import pytest

from libs.common.ids import new_id
from libs.contracts.erasure import EvidenceErased, PatientErased, SessionErased
from libs.contracts.purposes import Purpose
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from libs.tenancy.erase_own_rows import EraseOwnRows
from services.consent.tests.ledger_world import Ledger, count


@pytest.fixture
async def ledger(infra: Infra, tenant: Tenant) -> AsyncIterator[Ledger]:
    made = Ledger(infra, tenant)
    yield made
    await made.database.close()


async def _erases(ledger: Ledger, *, session: bool = False) -> EvidenceErased:
    ids = {"organization_id": ledger.tenant.organization_id, "patient_id": ledger.tenant.patient_id}
    ids |= {"erasure_id": new_id()}
    event = SessionErased(**ids, session_id=new_id()) if session else PatientErased(**ids)
    async with ledger.transaction("erasure:write") as tx:
        (fact,) = await EraseOwnRows(EvidenceErased).record(event, None, tx)
    assert isinstance(fact, EvidenceErased)
    return fact


async def test_circumstances_go_and_the_chain_and_the_records_stay(ledger: Ledger) -> None:
    consent = await ledger.grants()
    await ledger.grants(Purpose.TRANSCRIPTION)
    before = await ledger.chain()

    fact = await _erases(ledger)

    assert fact.counts == {"evidence": 2}
    assert await ledger.chain() == before
    assert before[1].position.prev_hash == before[0].position.hash
    async with ledger.transaction("consent:read") as tx:
        assert await count(tx, "evidence") == 0
        assert (await ledger.store.find(tx, consent.granted.consent_id)) is not None


async def test_a_revocation_after_the_erasure_is_written_down_without_its_circumstances(ledger: Ledger) -> None:
    consent = await ledger.grants()
    await _erases(ledger)

    await ledger.revokes(consent)

    entries = len(await ledger.chain())
    async with ledger.transaction("consent:read") as tx:
        assert await count(tx, "evidence") == 0

    assert entries == 2


async def test_the_erasure_of_one_session_takes_no_circumstances(ledger: Ledger) -> None:
    await ledger.grants()

    assert (await _erases(ledger, session=True)).counts == {"evidence": 0}
