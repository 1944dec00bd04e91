"""What a therapist has not released is in no answer, whatever is asked and however."""

import pytest

from tests.e2e.client import FIRST, World

QUESTIONS = (
    "What homework did we agree on?",
    "What should I write down in the evening?",
    "What did we talk about in our last session?",
    "Please summarize our sessions.",
    "And what else?",
)


async def _quoted(world: World, conversation: str | None = None) -> set[str]:
    """Ask everything; return which sessions the answers quoted."""
    found: set[str] = set()
    for question in QUESTIONS:
        answer = await world.gateway.ask(world.patient_id, question, conversation)
        found |= {source.session_id for source in answer.sources}
        conversation = answer.conversation_id
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_session_is_in_no_answer_until_its_therapist_releases_it_nor_after_it_is_taken_back(
    world: World,
) -> None:
    await world.consents()
    async with world.http() as http:
        await http.patch("/api/v1/organization", json={"release": "therapist"})
        session_id = await world.uploads(FIRST)
        ready = await world.settled(session_id, "ready")
        before = await _quoted(world)
        therapist = await http.get(f"/api/v1/sessions/{session_id}/digest")
        await world.gateway.release(session_id)
        answer = await world.gateway.ask(world.patient_id, QUESTIONS[0])
        kept = f"/api/v1/conversations/{answer.conversation_id}/messages"
        shown = (await http.get(kept)).json()["data"][-1]
        await world.gateway.hold_back(session_id)
        after = await _quoted(world, answer.conversation_id)
        hidden = (await http.get(kept)).json()["data"][1]

    assert (ready.released, before, therapist.status_code) == (False, set(), 200)
    assert {source.session_id for source in answer.sources} == {session_id}
    assert (shown["redacted"], len(shown["sources"]) > 0) == (False, True)
    assert (after, hidden["redacted"], hidden["sources"]) == (set(), True, [])


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_chat_that_is_off_answers_a_crisis_and_nothing_else(world: World) -> None:
    await world.consents()
    async with world.http() as http:
        await http.patch("/api/v1/organization", json={"chat_mode": "off"})
        asked = {"patient_id": world.patient_id}
        refused = await http.post("/api/v1/chat", json=asked | {"message": QUESTIONS[0]})
        crisis = await http.post("/api/v1/chat", json=asked | {"message": "I want to kill myself"})
        await http.patch("/api/v1/organization", json={"chat_mode": "quotes"})
        quotes = await http.post("/api/v1/chat", json=asked | {"message": "Hello, who are you?"})

    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "chat-off")
    assert (crisis.status_code, crisis.json()["answered_by"]) == (200, "safety")
    assert (quotes.status_code, "not a therapist" in quotes.json()["notice"]) == (200, True)
