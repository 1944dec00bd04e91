"""The same job on the vendors, through their own SDKs against servers that speak their wire format, on bad days too."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from libs.devstack.vendor_stack import Vendors, running_on_vendors
from libs.devstack.vendors import anthropic
from libs.devstack.vendors.faults import Fault
from tests.e2e.client import FIRST, World, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
QUESTION = "What did I say about my sleep?"


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with running_on_vendors() as made:
        yield made


@pytest.fixture
async def patient(vendors: Vendors) -> AsyncIterator[World]:
    """A consenting patient of a new organization."""
    world = await World.open(vendors.stack.gateway_url, vendors.stack.operator_token)
    await world.consents()
    yield world
    await world.close()
    vendors.recover()


async def test_with_the_vendors_keys_a_session_becomes_an_answer_of_claude_that_cites_a_turn(patient: World) -> None:
    session_id = await patient.uploads(FIRST)
    await patient.settled(session_id, "ready")

    answer = await patient.gateway.ask(patient.patient_id, QUESTION)

    transcript = await patient.gateway.transcript(session_id)

    assert transcript.source.vendor == "deepgram"
    assert (answer.answered_by, answer.grounded) == ("anthropic", True)
    assert [source.session_id for source in answer.sources] == [session_id]
    assert answer.sources[0].quote.strip() in {segment.text for segment in transcript.segments}


async def test_a_patients_own_token_streams_answers_about_that_patient_and_opens_nothing_else(patient: World) -> None:
    session_id = await patient.uploads(FIRST)
    await patient.settled(session_id, "ready")
    async with patient.http() as http:
        token = (await http.post(f"/api/v1/patients/{patient.patient_id}/tokens", json={})).json()["token"]
    question = {"patient_id": patient.patient_id, "message": QUESTION}

    async with patient.http(token) as own:
        streamed = await own.post("/api/v1/chat", json=question, headers={"Accept": "text/event-stream"})
        other = await own.post("/api/v1/chat", json=question | {"patient_id": patient.therapist_id})
        transcript = await own.get(f"/api/v1/sessions/{session_id}/transcript")

    events = [line.removeprefix("event: ") for line in streamed.text.splitlines() if line.startswith("event: ")]

    assert (streamed.status_code, events[-1]) == (200, "done")
    assert session_id in streamed.text
    assert (other.status_code, transcript.status_code) == (404, 403)


async def test_while_claude_is_down_the_patient_gets_quotes_and_while_openai_is_down_words_alone_are_searched(
    vendors: Vendors, patient: World
) -> None:
    session_id = await patient.uploads(FIRST)
    await patient.settled(session_id, "ready")
    vendors.writing.always(Fault(status=529, body=anthropic.error_body("overloaded_error")))
    vendors.embedding.always(Fault(status=500))

    answer = await patient.gateway.ask(patient.patient_id, QUESTION)

    assert answer.answered_by == "quotes_only"


async def test_a_busy_deepgram_is_asked_again_and_a_refusing_one_fails_the_session_until_it_is_sent_again(
    vendors: Vendors, patient: World
) -> None:
    vendors.recognition.order(Fault(status=429, retry_after_s=1))
    session_id = await patient.uploads(FIRST)
    await patient.settled(session_id, "ready")

    vendors.recognition.always(Fault(status=400))
    refused = await patient.uploads(FIRST)
    failed = await patient.settled(refused, "failed")
    vendors.recognition.clear()
    async with patient.http() as http:
        again = await http.post(f"/api/v1/sessions/{refused}/retry")

    assert failed.error_message
    assert again.status_code == 202
    await patient.settled(refused, "ready")


async def test_killed_while_the_vendor_listens_the_transcriber_finishes_after_its_return_and_once(
    vendors: Vendors, patient: World
) -> None:
    vendors.recognition.order(Fault(latency_s=4.0))
    session_id = await patient.uploads(FIRST)
    await patient.settled(session_id, "transcribing")

    vendors.stack.process("transcriber-work").kill()
    vendors.stack.process("transcriber-work").start()

    await patient.settled(session_id, "ready")

    assert (await patient.gateway.transcript(session_id)).version == 1


async def test_a_wiped_redis_loses_nothing_of_what_is_under_way(vendors: Vendors, patient: World) -> None:
    vendors.recognition.order(Fault(latency_s=2.0))
    redis = Redis.from_url(vendors.stack.infra.redis_url)
    session_id = await patient.uploads(FIRST)
    await patient.settled(session_id, "transcribing")

    await redis.flushall()
    await redis.aclose()

    await patient.settled(session_id, "ready")

    assert len(vendors.recognition.requests) == 1


async def test_consent_revoked_while_the_vendor_listens_leaves_no_words(vendors: Vendors, patient: World) -> None:
    vendors.recognition.order(Fault(latency_s=3.0))
    session_id = await patient.uploads(FIRST)
    await patient.settled(session_id, "transcribing")

    for consent in await patient.gateway.consents(patient.patient_id, status="granted"):
        await patient.gateway.revoke(consent.id)

    await patient.settled(session_id, "withheld")
    async with patient.http() as http:
        transcript = await eventually(
            lambda: http.get(f"/api/v1/sessions/{session_id}/transcript"), lambda answer: answer.status_code != 200
        )

    assert transcript.status_code in (403, 404)
