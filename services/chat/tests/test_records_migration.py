"""Answers from before there were records of consent on them: the migration finds what they stand on."""

from importlib import import_module

import psycopg

from libs.common.ids import new_id
from libs.contracts.ids import TherapistId
from libs.devstack.infra import Infra
from services.chat.tests.store_world import StoreWorld

MIGRATION = import_module("services.chat.migrations.versions.0007_records")


def _migrates(world: StoreWorld, infra: Infra, *before: str) -> None:
    """Put the rows back to how the version before wrote them, and migrate them as the schema's owner."""
    with psycopg.connect(infra.admin_url) as connection:
        connection.execute("set local session_replication_role = replica")
        for statement in before:
            connection.execute(statement.encode(), {"patient": world.patient_id})
        connection.execute("set local role owner_chat")
        connection.execute(MIGRATION.STANDS_ON.encode())
        connection.execute(MIGRATION.REPEATS_REDACTED.encode())


_AS_BEFORE = """
    update chat.message m set consent_ids = '{}', therapist_ids = array(
      select distinct s.therapist_id from chat.message_source s where s.message_id = m.id)
    where m.patient_id = %(patient)s"""


async def test_an_answer_from_before_stands_on_what_was_said_before_it(world: StoreWorld, infra: Infra) -> None:
    other = TherapistId(new_id())
    await world.change_consent("granted", therapist_id=other)
    first = await world.writes()
    await world.is_answered(first)
    second = await world.writes("And the other one?", first.conversation_id)
    await world.is_answered(second, therapist_id=other)

    _migrates(world, infra, _AS_BEFORE)
    await world.change_consent("revoked")

    shown = [message.text for message in await world.reads(first.conversation_id) if message.author == "assistant"]
    stands = await world.rows("select cardinality(consent_ids), cardinality(therapist_ids) from message order by id")

    assert shown == [None, None]
    assert [tuple(row) for row in stands] == [(0, 0), (1, 1), (0, 0), (2, 2)]


async def test_an_answer_that_repeats_one_that_was_redacted_since_is_redacted(world: StoreWorld, infra: Infra) -> None:
    first = await world.writes()
    message_id = await world.is_answered(first)
    await world.is_answered(await world.writes("And then?", first.conversation_id))
    await world.is_answered(await world.writes("In another conversation?"))

    redacted = f"update chat.message set text = null, redacted_at = clock_timestamp() where id = '{message_id}'"
    _migrates(world, infra, redacted)

    left = await world.rows("select 1 from message where author = 'assistant' and text is not null")

    assert len(left) == 1
