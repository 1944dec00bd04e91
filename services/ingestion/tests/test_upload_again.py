"""An upload whose answer was lost on the wire is sent again under the same Idempotency-Key, and is the same session."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.common.database.transaction import Database, Transaction
from libs.common.errors import UNAVAILABLE, AppError
from libs.contracts.ids import ApiKeyId
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.ingestion.tests.ingestion_world import SCOPES, World, problem_of, wav, world

KEY = {"Idempotency-Key": "upload-of-tuesday"}


class LosesAnswers(Database):
    """A database whose first commit of facts happens, while its answer is lost on the wire."""

    lost = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with super().transaction() as tx:
            yield tx
        if tx.emitted and not self.lost:
            self.lost = True
            raise AppError(UNAVAILABLE, "The database is not answering.")


async def test_sent_again_under_its_key_it_is_the_same_session_and_is_said_and_stored_once(at: World) -> None:
    await at.grants("recording")

    first = await at.sends(headers=KEY)
    again = await at.sends(headers=KEY)

    assert (first.status_code, again.status_code) == (202, 202)
    assert [answer.headers.get("idempotent-replayed") for answer in (first, again)] == [None, "true"]
    assert again.json()["session_id"] == first.json()["session_id"]
    assert [trigger for trigger, _ in at.events()].count("recording.uploaded") == 1
    assert len(at.objects_left()) == 1


async def test_another_api_key_under_the_same_word_uploads_another_session(at: World) -> None:
    await at.grants("recording")
    keys = (ApiKeyId("key-of-one-00"), ApiKeyId("key-of-other0"))
    tokens = [at.tenant.capability(*SCOPES, "consent:write", key=key) for key in keys]

    answers = [await at.sends(headers=KEY | {"Authorization": f"Bearer {token}"}) for token in tokens]

    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, None]
    assert len({answer.json()["session_id"] for answer in answers}) == 2


async def test_sent_twice_at_once_it_is_one_session(at: World) -> None:
    await at.grants("recording")

    answers = await asyncio.gather(*(at.sends(headers=KEY) for _ in range(4)))

    accepted = {answer.json()["session_id"] for answer in answers if answer.status_code == 202}

    assert len(accepted) == 1
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len(at.objects_left()) == 1


async def test_another_file_or_another_date_under_the_same_key_is_refused(at: World) -> None:
    await at.grants("recording")
    await at.sends(headers=KEY)

    other_file = await at.sends(at.form(data=wav(2.0)), headers=KEY)
    other_date = await at.sends(at.form(fields={"session_date": "2026-10-06T09:30:00Z"}), headers=KEY)

    assert [problem_of(answer) for answer in (other_file, other_date)] == ["idempotency-changed"] * 2
    assert len(at.objects_left()) == 1


async def test_without_a_key_each_upload_is_a_session(at: World) -> None:
    await at.grants("recording")

    answers = [await at.sends() for _ in range(2)]

    assert len({answer.json()["session_id"] for answer in answers}) == 2


async def test_a_commit_whose_answer_was_lost_keeps_its_recording(
    infra: Infra, tenant: Tenant, consent_url: str
) -> None:
    async with world(infra, tenant, consent_url, kind_of_database=LosesAnswers) as at:
        await at.grants("recording", "transcription")

        lost = await at.sends(headers=KEY)
        again = await at.sends(headers=KEY)

        path = f"/sessions/{again.json()['session_id']}/recording-key"

        assert (lost.status_code, again.status_code) == (503, 202)
        assert [(await at.reads(path)).json()["object_name"]] == at.objects_left()
