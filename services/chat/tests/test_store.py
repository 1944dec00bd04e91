"""Conversations on a real PostgreSQL: counted exactly, bound to consent, invisible to others."""

import asyncio

import pytest

from libs.common.database.paging import Window
from libs.common.errors import NOT_FOUND, AppError
from libs.common.events import Envelope
from libs.common.ids import new_id
from libs.common.messaging.outbox import Outbox
from libs.contracts.ids import ConversationId, PatientId, TherapistId
from libs.contracts.problems import CONSENT_REQUIRED, PATIENT_QUOTA
from libs.contracts.purposes import Purpose
from libs.devstack.infra import Infra
from services.chat.domain.conversation import MESSAGES_PER_HOUR, AnsweredBy
from services.chat.tests.room import SLEEP
from services.chat.tests.store_world import StoreWorld, quoting


async def test_a_conversation_is_read_back_with_the_sources_of_its_answers(world: StoreWorld) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted)

    question, answer = await world.reads(accepted.conversation_id)

    assert (question.author, question.text) == ("patient", "When do I wake up?")
    assert (answer.author, answer.text) == ("assistant", quoting().text)
    assert answer.sources == quoting().sources


async def test_the_audit_row_is_there_with_the_answer_and_holds_no_words(world: StoreWorld) -> None:
    message_id = await world.is_answered(await world.writes())

    rows = await world.audit("select * from answer_audit where message_id = :id", id=message_id)

    kept = [(row.source_count, row.grounded, row.input_tokens, len(row.consent_ids)) for row in rows]

    assert kept == [(1, True, 3, 2)]
    assert "three" not in str(rows)


async def test_a_conversation_that_is_read_again_leaves_a_row_with_who_and_how_much_and_no_words(
    world: StoreWorld,
) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted)

    await world.reads(accepted.conversation_id)

    rows = await world.audit("select * from read_audit where conversation_id = :id", id=accepted.conversation_id)

    assert [(row.message_count, bool(row.actor)) for row in rows] == [(2, True)]
    assert "three" not in str(rows)


async def test_an_answer_that_is_told_while_it_is_written_leaves_a_row_before_it_is_stored(world: StoreWorld) -> None:
    accepted = await world.writes()

    with world.acting_under():
        await world.store.note_telling(world.patient_id, accepted)

    rows = await world.audit("select * from read_audit where conversation_id = :id", id=accepted.conversation_id)

    assert [(row.message_count, bool(row.actor)) for row in rows] == [(1, True)]


async def test_answers_and_readings_are_one_list_in_the_order_of_time(world: StoreWorld) -> None:
    accepted = await world.writes()
    for _ in range(2):
        await world.is_answered(accepted)
        await world.reads(accepted.conversation_id)

    kinds = [row.kind for row in await world.audited(by=100)]
    by_ones = [row.kind for row in await world.audited(by=1)]

    assert kinds == ["conversation.read", "answer.given"] * 2
    assert by_ones == kinds


async def test_the_twenty_first_message_in_an_hour_is_refused_and_told_when_to_come_back(world: StoreWorld) -> None:
    for _ in range(MESSAGES_PER_HOUR):
        await world.writes()

    with pytest.raises(AppError) as caught:
        await world.writes()

    assert caught.value.problem is PATIENT_QUOTA
    assert 3500 < (caught.value.retry_after_s or 0) <= 3600


async def test_each_message_says_how_many_are_left_and_when_the_first_one_counts_no_more(world: StoreWorld) -> None:
    quotas = [(await world.writes()).quota for _ in range(MESSAGES_PER_HOUR)]

    assert [quota.left for quota in quotas if quota] == list(reversed(range(MESSAGES_PER_HOUR)))
    assert all(quota is not None and 3500 < quota.reset_s <= 3600 for quota in quotas)


async def test_of_thirty_messages_at_once_exactly_twenty_get_through(world: StoreWorld) -> None:
    found = await asyncio.gather(*(world.writes() for _ in range(30)), return_exceptions=True)

    refused = [one.problem for one in found if isinstance(one, AppError)]

    assert refused == [PATIENT_QUOTA] * 10
    assert len(await world.rows("select 1 from message where author = 'patient'")) == MESSAGES_PER_HOUR


async def test_an_hour_later_there_is_room_again_for_what_is_older_and_no_more(world: StoreWorld) -> None:
    for _ in range(MESSAGES_PER_HOUR):
        await world.writes()
    await world.rows(
        "delete from sent_deletable where message_id = (select message_id from sent order by at limit 1) returning 1"
    )
    await world.rows(
        "insert into sent select organization_id, patient_id, :id, now() - interval '61 minutes' from sent limit 1"
        " returning 1",
        id=new_id(),
    )

    await world.writes()

    with pytest.raises(AppError):
        await world.writes()


async def test_deleting_a_conversation_gives_no_messages_back(world: StoreWorld) -> None:
    accepted = [await world.writes() for _ in range(MESSAGES_PER_HOUR)]
    with world.acting_under():
        for one in accepted:
            await world.store.delete(one.conversation_id)

    with pytest.raises(AppError) as caught:
        await world.writes()

    assert caught.value.problem is PATIENT_QUOTA
    assert await world.rows("select 1 from message") == []


async def test_a_source_cannot_be_written_once_consent_has_ended(world: StoreWorld) -> None:
    accepted = await world.writes()
    await world.change_consent("revoked")

    with pytest.raises(AppError) as caught:
        await world.is_answered(accepted)

    assert caught.value.problem is CONSENT_REQUIRED
    assert await world.audit("select 1 from answer_audit") == []


async def test_revocation_hides_old_answers_at_once_and_keeps_them_from_the_model(world: StoreWorld) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted)
    followed = await world.writes("And then?", accepted.conversation_id)
    await world.change_consent("revoked")

    _, answer, _ = await world.reads(accepted.conversation_id)
    after = await world.writes("And now?", accepted.conversation_id)

    assert [exchange.question for exchange in followed.history] == ["When do I wake up?"]
    assert (answer.text, answer.sources) == (None, ())
    assert after.history == ()


async def test_the_record_of_a_revocation_takes_the_words_away_for_good(world: StoreWorld) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted)
    await world.change_consent("revoked")
    await world.redacts()
    await world.change_consent("granted")

    _, answer = await world.reads(accepted.conversation_id)

    assert (answer.text, answer.sources) == (None, ())
    assert await world.rows("select 1 from message_source") == []
    assert await world.rows("select 1 from message where text like '%three%' and author = 'assistant'") == []


async def test_a_revocation_that_is_heard_late_takes_nothing_from_answers_under_the_new_consent(
    world: StoreWorld,
) -> None:
    before = await world.writes()
    await world.is_answered(before)
    await world.change_consent("revoked")
    await world.change_consent("granted")
    after = await world.writes()
    await world.is_answered(after)

    await world.redacts()

    assert [(await world.reads(one.conversation_id))[1].text for one in (before, after)] == [None, quoting().text]


async def test_an_answer_under_a_consent_that_ended_stays_hidden_while_its_event_is_late(world: StoreWorld) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted)
    await world.change_consent("revoked")
    await world.change_consent("granted")

    _, answer = await world.reads(accepted.conversation_id)

    assert (answer.text, answer.sources) == (None, ())
    assert (await world.writes("And then?", accepted.conversation_id)).history == ()


@pytest.mark.parametrize("purpose", [Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS])
async def test_quotes_need_consent_to_the_words_and_to_their_analysis(world: StoreWorld, purpose: Purpose) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted)
    await world.change_consent("revoked", purpose)

    _, answer = await world.reads(accepted.conversation_id)
    hidden = await world.rows("select quote from message_source")
    with pytest.raises(AppError) as written:
        await world.is_answered(await world.writes())
    await world.redacts(purpose)
    await world.change_consent("granted", purpose)

    assert (answer.text, hidden, written.value.problem) == (None, [], CONSENT_REQUIRED)
    assert [message.text for message in (await world.reads(accepted.conversation_id))[1:2]] == [None]


async def test_an_answer_that_had_a_revoked_one_as_its_history_is_not_shown_sent_or_kept(world: StoreWorld) -> None:
    other = TherapistId(new_id())
    await world.change_consent("granted", therapist_id=other)
    first = await world.writes()
    await world.is_answered(first)
    second = await world.writes("And what did I say to the other one?", first.conversation_id)
    await world.is_answered(second, therapist_id=other)
    await world.change_consent("revoked")

    shown = await world.reads(first.conversation_id)
    sent = await world.writes("And now?", first.conversation_id)
    await world.redacts()
    await world.change_consent("granted")

    assert [message.text for message in shown if message.author == "assistant"] == [None, None]
    assert sent.history == ()
    assert await world.rows("select 1 from message where text is not null and author = 'assistant'") == []


async def test_an_answer_is_not_recorded_when_consent_to_its_history_ends_while_it_is_written(
    world: StoreWorld,
) -> None:
    other = TherapistId(new_id())
    await world.change_consent("granted", therapist_id=other)
    first = await world.writes()
    await world.is_answered(first)
    second = await world.writes("And the other one?", first.conversation_id)
    await world.change_consent("revoked")

    with pytest.raises(AppError) as caught:
        await world.is_answered(second, therapist_id=other)

    assert caught.value.problem is CONSENT_REQUIRED


async def test_an_answer_is_found_again_by_its_id_while_consent_lasts(world: StoreWorld) -> None:
    accepted = await world.writes()
    message_id = await world.is_answered(accepted)

    with world.acting_under():
        conversation_id, shown = await world.store.message(message_id)
        await world.change_consent("revoked", Purpose.TRANSCRIPTION)
        _, hidden = await world.store.message(message_id)
        with pytest.raises(AppError) as asked:
            await world.store.message(accepted.message_id)

    assert (conversation_id, shown.text, shown.sources) == (accepted.conversation_id, quoting().text, quoting().sources)
    assert (hidden.text, hidden.sources, asked.value.problem) == (None, (), NOT_FOUND)
    assert len(await world.audit("select 1 from read_audit where message_count = 1")) == 2


async def test_another_patient_of_the_organization_sees_nothing(world: StoreWorld) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted)
    stranger = PatientId(new_id())

    with world.acting_under("chat:write", patient=stranger):
        listed = await world.store.list(world.patient_id, Window())
        with pytest.raises(AppError) as read:
            await world.store.messages(accepted.conversation_id, Window())
        with pytest.raises(AppError) as written:
            await world.store.accept(stranger, accepted.conversation_id, "Hello?")

    assert listed.rows == []
    assert read.value.problem is written.value.problem is NOT_FOUND


async def test_a_capability_that_may_only_read_writes_nothing(world: StoreWorld) -> None:
    accepted = await world.writes()

    with world.acting_under("chat:read"), pytest.raises(AppError) as caught:
        await world.store.delete(accepted.conversation_id)

    assert caught.value.problem is NOT_FOUND


async def test_an_unknown_conversation_is_not_continued(world: StoreWorld) -> None:
    with pytest.raises(AppError) as caught:
        await world.writes(to=ConversationId(new_id()))

    assert caught.value.problem is NOT_FOUND


async def test_a_crisis_is_kept_with_its_answer_and_is_not_counted(world: StoreWorld) -> None:
    for _ in range(MESSAGES_PER_HOUR):
        await world.writes()

    noted = await world.is_in_crisis("I want to die")

    messages = await world.reads(noted.conversation_id)

    assert [message.author for message in messages] == ["patient", "assistant"]
    assert messages[1].answered_by is AnsweredBy.SAFETY


async def test_a_crisis_signal_leaves_with_ids_only(world: StoreWorld, infra: Infra) -> None:
    noted = await world.is_in_crisis("I want to die")
    outbox = Outbox(infra.relay_database_url, "chat")

    (behind,) = await outbox.after({"safety": ""})
    await outbox.close()
    rows = [Envelope.from_json(body) for body in behind.bodies]

    [signal] = [row.payload for row in rows if row.key == str(world.patient_id)]

    assert signal["conversation_id"] == str(noted.conversation_id)
    assert (signal["level"], signal["kind"], "die" in str(signal.values())) == ("explicit", "self_harm", False)


async def test_conversations_are_listed_newest_first_page_by_page(world: StoreWorld) -> None:
    made = [(await world.writes()).conversation_id for _ in range(5)]
    with world.acting_under():
        first = await world.store.list(world.patient_id, Window(3))
        second = await world.store.list(world.patient_id, Window(3, first.next))

    assert [row.id for row in (*first.rows, *second.rows)] == made[::-1]
    assert second.next is None


def test_the_world_quotes_one_turn() -> None:
    assert [source.quote for source in quoting().sources] == [SLEEP.turns[1].text]
