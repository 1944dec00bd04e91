"""The chat over HTTP: JSON, a stream, conversations, and problems."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from libs.common.database.paging import Page, Window
from libs.common.errors import NOT_FOUND, AppError
from libs.common.http.app import AppSpec, build_app
from libs.common.ids import new_id
from libs.contracts.ids import ConversationId, MessageId, PatientId
from libs.contracts.safety import MODE_HEADER, ChatMode
from libs.devstack.conditions import let_pass
from services.chat.api import build_router
from services.chat.domain.conversation import AnsweredBy, Conversation, Draft, Message, Question
from services.chat.ports import Hear
from services.chat.tests.room import NOW, PATIENT, SLEEP, FakeAnswerer, Room

PING_EVERY_S = 0.01


@dataclass
class FakeConversations:
    """Two conversations, one of which has an answer that was redacted."""

    deleted: list[ConversationId] = field(default_factory=list)

    async def list(self, patient_id: PatientId, window: Window) -> Page[Conversation]:
        rows = [Conversation(ConversationId(new_id()), patient_id, NOW) for _ in range(window.limit)]
        return Page(rows, None)

    async def messages(self, conversation_id: ConversationId, window: Window) -> Page[Message]:
        row = Message(MessageId(new_id()), "assistant", None, NOW, AnsweredBy.LOCAL, True, None, ())
        return Page([row], None)

    async def message(self, message_id: MessageId) -> tuple[ConversationId, Message]:
        return ConversationId(new_id()), Message(message_id, "assistant", None, NOW, AnsweredBy.LOCAL, True, None, ())

    async def delete(self, conversation_id: ConversationId) -> None:
        if self.deleted:
            raise AppError(NOT_FOUND, "There is no such conversation.")
        self.deleted.append(conversation_id)


class SlowAnswerer(FakeAnswerer):
    """Lets some pings pass."""

    async def answer(self, question: Question, hear: Hear | None = None) -> Draft:
        await let_pass(5 * PING_EVERY_S, "pings are sent by the clock while nobody answers")
        return await super().answer(question, hear)


class BrokenAnswerer(FakeAnswerer):
    """Has a bug."""

    async def answer(self, question: Question, hear: Hear | None = None) -> Draft:
        raise KeyError("a bug with words in it")


def client(room: Room | None = None) -> httpx.AsyncClient:
    router = build_router((room or Room()).ask, FakeConversations(), ping_every_s=PING_EVERY_S)
    app = build_app(AppSpec("chat", "1", (router,)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://chat", headers=RECALL)


# As the gateway asks for an organization that has left its chat as it was.
RECALL = {MODE_HEADER: ChatMode.RECALL.value}


def body(**parts: Any) -> dict[str, Any]:
    return {"patient_id": str(PATIENT), "message": "What homework did I get?", **parts}


async def test_an_answer_has_the_published_shape() -> None:
    async with client() as http:
        response = await http.post("/chat", json=body())

    answer = response.json()

    assert response.status_code == 200
    assert set(answer) == {
        "response", "sources", "conversation_id", "message_id", "grounded", "answered_by", "search", "time_window",
        "kind", "understood_as", "notice",
    }  # fmt: skip
    assert answer["sources"][0] == {
        "session_id": str(SLEEP.session_id),
        "session_date": "2026-09-08T15:00:00.000Z",
        "session_day": "2026-09-08",
        "relevance": 0.5,
        "quote": SLEEP.turns[2].text,
        "start_time": 20.0,
        "end_time": 28.0,
        "speaker": "therapist",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": ""},
        {"message": "  "},
        {"message": "x" * 4001},
        {"patient_id": "me"},
        {"temperature": 1},
        {"conversation_id": 5},
    ],
)
async def test_a_request_that_is_not_valid_is_refused_without_repeating_it(wrong: dict[str, Any]) -> None:
    async with client() as http:
        response = await http.post("/chat", json=body(**wrong))

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert "xxxx" not in response.text


async def test_a_stream_sends_pings_words_sources_and_done() -> None:
    room = Room(SlowAnswerer(failure=None))
    async with client(room) as http:
        response = await http.post("/chat", json=body(), headers={"accept": "text/event-stream"})

    assert response.headers["content-type"].startswith("text/event-stream")
    assert ": ping" in response.text
    assert _events(response.text)[-1][0] == "done"


async def test_the_words_of_a_stream_are_those_of_the_answer() -> None:
    async with client() as http:
        response = await http.post("/chat", json=body(), headers={"accept": "text/event-stream"})

    events = _events(response.text)
    said = "".join(data["text"] for name, data in events if name == "token")

    assert [name for name, _ in events][-2:] == ["sources", "done"]
    assert said == events[-1][1]["response"]
    assert events[-2][1]["sources"][0]["quote"] == SLEEP.turns[2].text


async def test_a_failure_inside_a_stream_is_an_error_event() -> None:
    room = Room(BrokenAnswerer())
    async with client(room) as http:
        response = await http.post("/chat", json=body(), headers={"accept": "text/event-stream"})

    [(name, problem)] = _events(response.text)

    assert (name, problem["status"], problem["type"]) == ("error", 500, "/problems/internal")


async def test_a_refusal_comes_as_a_problem_before_a_stream_is_opened() -> None:
    room = Room()
    room.holds.therapists = set()
    async with client(room) as http:
        response = await http.post("/chat", json=body(), headers={"accept": "text/event-stream"})

    assert response.status_code == 403
    assert response.json()["type"].endswith("consent-required")


async def test_a_crisis_answer_carries_the_resources() -> None:
    async with client() as http:
        response = await http.post("/chat", json=body(message="I want to kill myself"))

    assert response.json()["crisis_resources"]["call_or_text"] == "988"


async def test_conversations_are_listed_read_and_deleted() -> None:
    async with client() as http:
        listed = await http.get("/conversations", params={"patient_id": str(PATIENT), "limit": 2})
        read = await http.get(f"/conversations/{new_id()}/messages")
        deleted = await http.delete(f"/conversations/{new_id()}")
        again = await http.delete(f"/conversations/{new_id()}")

    assert (len(listed.json()["data"]), listed.json()["has_more"]) == (2, False)
    assert read.json()["data"][0]["redacted"] is True
    assert (deleted.status_code, again.status_code) == (204, 404)


def _events(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


@pytest.mark.parametrize(("message", "status"), [("I want to kill myself", 200), ("What homework did I get?", 204)])
async def test_the_crisis_route_answers_a_crisis_and_nothing_else(message: str, status: int) -> None:
    async with client() as http:
        answer = await http.post("/crisis", json=body(message=message))

    assert answer.status_code == status
    assert status == 204 or answer.json()["answered_by"] == "safety"
