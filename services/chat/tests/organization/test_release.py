"""A session that is held back, on real PostgreSQL: in no new answer, and in no old one that is read again."""

from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.contracts.ids import SessionId
from libs.contracts.problems import NOT_RELEASED
from libs.devstack.infra import Infra
from services.chat.domain.conversation import Answer
from services.chat.tests.store_world import StoreWorld, quoting

_SESSION = (
    "insert into ingestion.session (organization_id, patient_id, session_id, therapist_id, consent_id,"
    " session_date, language, status, stage_times, metadata, created_at, updated_at, released_at)"
    " values (%s, %s, %s, %s, %s, now(), 'en', 'ready', '{}', '{}', now(), now(), now())"
)
_RELEASE = "update ingestion.session set released_at = now() where session_id = %s"
_HOLD_BACK = "update ingestion.session set released_at = null where session_id = %s"


class Therapist:
    """Has one session of the patient, released to begin with."""

    def __init__(self, infra: Infra, world: StoreWorld) -> None:
        self.url = infra.admin_url
        self.session_id = SessionId(new_id())
        tenant = world.tenant
        with psycopg.connect(self.url) as admin:
            # How it became ready is not what this is about.
            admin.execute("set local session_replication_role = replica")
            admin.execute(
                _SESSION,
                (tenant.organization_id, tenant.patient_id, self.session_id, tenant.therapist_id, new_id()),
            )

    def takes_back(self) -> None:
        """Hold the session back."""
        with psycopg.connect(self.url) as admin:
            admin.execute(_HOLD_BACK, (self.session_id,))

    def releases(self) -> None:
        """Release the session again."""
        with psycopg.connect(self.url) as admin:
            admin.execute(_RELEASE, (self.session_id,))

    @property
    def quoted(self) -> Answer:
        """An answer that quotes the session."""
        answer = quoting()
        return replace(answer, sources=tuple(replace(one, session_id=self.session_id) for one in answer.sources))


@pytest.fixture
def therapist(infra: Infra, world: StoreWorld) -> Therapist:
    return Therapist(infra, world)


async def test_an_answer_that_quotes_a_session_held_back_is_not_recorded(
    world: StoreWorld, therapist: Therapist
) -> None:
    accepted = await world.writes()
    therapist.takes_back()

    with pytest.raises(AppError) as caught:
        await world.is_answered(accepted, therapist.quoted)

    assert caught.value.problem is NOT_RELEASED
    assert await world.rows("select 1 from message where author = 'assistant'") == []
    assert await world.audit("select 1 from answer_audit") == []


async def test_an_answer_is_shown_while_the_session_that_it_quotes_is_released(
    world: StoreWorld, therapist: Therapist
) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted, therapist.quoted)
    shown = [(await world.reads(accepted.conversation_id))[1]]
    for change in (therapist.takes_back, therapist.releases):
        change()
        shown.append((await world.reads(accepted.conversation_id))[1])

    assert [message.text for message in shown] == [quoting().text, None, quoting().text]
    assert [len(message.sources) for message in shown] == [1, 0, 1]


async def test_a_repeated_request_finds_no_answer_of_a_session_held_back(
    world: StoreWorld, therapist: Therapist
) -> None:
    message_id = await world.is_answered(await world.writes(), therapist.quoted)
    therapist.takes_back()

    with world.acting_under():
        _, message = await world.store.message(message_id)

    assert (message.text, message.sources) == (None, ())


async def test_who_may_only_read_conversations_exports_them_whole(world: StoreWorld, therapist: Therapist) -> None:
    accepted = await world.writes()
    message_id = await world.is_answered(accepted, therapist.quoted)
    therapist.takes_back()

    with world.acting_under("chat:read"):
        _, message = await world.store.message(message_id)

    assert message.text == quoting().text


async def test_what_the_patient_wrote_is_shown_whatever_is_held_back(world: StoreWorld, therapist: Therapist) -> None:
    accepted = await world.writes("What did I say about my sister?")
    await world.is_answered(accepted, therapist.quoted)
    therapist.takes_back()

    assert (await world.reads(accepted.conversation_id))[0].text == "What did I say about my sister?"


async def test_whoever_takes_a_session_back_waits_for_the_answer_that_is_being_stored(
    world: StoreWorld, therapist: Therapist
) -> None:
    accepted = await world.writes()
    await world.is_answered(accepted, therapist.quoted)
    copied = (
        "insert into message_source select organization_id, patient_id, message_id, position + 1, chunk_id,"
        " session_id, session_date, therapist_id, consent_id, quote, speaker, start_s, end_s, relevance, session_day"
        " from message_source"
    )

    with psycopg.connect(therapist.url) as admin, world.acting_under():
        admin.execute("set lock_timeout = '200ms'")
        async with world.database.transaction() as tx:
            await tx.execute(text(copied))

            with pytest.raises(psycopg.errors.LockNotAvailable):
                admin.execute(_HOLD_BACK, (therapist.session_id,))


async def test_the_first_answer_of_a_conversation_is_known_as_such_when_it_is_read_again(world: StoreWorld) -> None:
    first = await world.writes()
    made = [await world.is_answered(first)]
    made.append(await world.is_answered(await world.writes("And then?", first.conversation_id)))

    with world.acting_under():
        found = [(await world.store.message(message_id))[1] for message_id in made]

    assert [message.opens for message in found] == [True, False]
