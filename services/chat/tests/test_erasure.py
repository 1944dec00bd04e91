"""The chat's share of an erasure: answers that stood on a session lose their words, a patient's conversations go."""

from typing import Any

import pytest

from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.contracts.erasure import AnswersErased, Erasure, PatientErased, SessionErased, Table
from libs.contracts.ids import PatientId
from libs.contracts.problems import ERASED
from libs.tenancy.erase_own_rows import EraseOwnRows
from services.chat.domain.composing import fixed
from services.chat.domain.conversation import AnsweredBy
from services.chat.tests.room import SLEEP
from services.chat.tests.store_world import StoreWorld


async def _erases(world: StoreWorld, *, patient: bool = False, session: Any = None) -> AnswersErased:
    ids = {"organization_id": world.tenant.organization_id, "patient_id": world.patient_id, "erasure_id": new_id()}
    event: Erasure = PatientErased(**ids) if patient else SessionErased(**ids, session_id=session or SLEEP.session_id)
    with world.acting_under("erasure:write"):
        async with world.database.transaction() as tx:
            (fact,) = await EraseOwnRows(AnswersErased).record(event, None, tx)
            await tx.emit(fact)
    assert isinstance(fact, AnswersErased)
    return fact


async def test_an_answer_that_stood_on_the_session_and_what_was_said_after_it_lose_their_words(
    world: StoreWorld,
) -> None:
    before = await world.writes("Hello?")
    await world.is_answered(before, fixed("Ask me.", AnsweredBy.LOCAL))
    stood = await world.writes(to=before.conversation_id)
    await world.is_answered(stood)
    after = await world.writes("And then?", to=before.conversation_id)
    await world.is_answered(after, fixed("As I said.", AnsweredBy.LOCAL))

    fact = await _erases(world)

    said = [(message.author, message.text is not None) for message in await world.reads(before.conversation_id)]

    assert fact.counts == {"message": 2, "message_source": 1}
    assert said == [
        ("patient", True),
        ("assistant", True),
        ("patient", True),
        ("assistant", False),
        ("patient", True),
        ("assistant", False),
    ]
    assert await world.rows("select 1 from message_source") == []


async def test_answers_that_stood_on_other_sessions_stay(world: StoreWorld) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted)

    fact = await _erases(world, session=new_id())

    assert fact.counts == {"message": 0, "message_source": 0}
    assert all(message.text for message in await world.reads(accepted.conversation_id))


async def test_a_patients_erasure_leaves_no_conversation_and_takes_no_message_in(world: StoreWorld) -> None:
    await world.is_answered(await world.writes())
    await world.is_in_crisis("I do not want to live any more")

    fact = await _erases(world, patient=True)

    assert (fact.counts[Table.CONVERSATION], fact.counts[Table.MESSAGE]) == (2, 4)
    for table in ("conversation", "message", "message_source", "sent", "turnstile"):
        assert await world.rows(f"select 1 from {table}") == []
    with pytest.raises(AppError) as caught:
        await world.writes()
    assert caught.value.problem is ERASED


async def test_an_answer_under_way_cannot_quote_the_session_any_more(world: StoreWorld) -> None:
    accepted = await world.writes()
    await _erases(world)

    with pytest.raises(AppError) as caught:
        await world.is_answered(accepted)

    assert caught.value.problem is ERASED
    assert await world.rows("select 1 from message_source") == []


async def test_another_patients_capability_erases_nothing(world: StoreWorld) -> None:
    await world.is_answered(await world.writes())
    event = PatientErased(
        organization_id=world.tenant.organization_id, patient_id=world.patient_id, erasure_id=new_id()
    )

    with world.acting_under("erasure:write", patient=PatientId(new_id())), pytest.raises(AppError) as caught:
        async with world.database.transaction() as tx:
            await EraseOwnRows(AnswersErased).record(event, None, tx)

    assert caught.value.problem.status == 401
    assert len(await world.rows("select 1 from message")) == 2
