"""What an organization lets the chat do, what it may know of, and that it says what it is."""

from typing import Any

import httpx
import pytest

from libs.common.errors import UNAVAILABLE, AppError
from libs.common.http.app import AppSpec, build_app
from libs.common.ids import new_id
from libs.contracts.ids import ConversationId
from libs.contracts.problems import CHAT_OFF
from libs.contracts.safety import MODE_HEADER, ChatMode, mode_of_caller
from services.chat.answering import ChatMessage
from services.chat.api import build_router
from services.chat.domain.conversation import AnsweredBy, Citation, Cited, Claim, Draft, Exchange
from services.chat.domain.crisis.caring import CRISIS_TEXT
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.phrasing import QUOTES_ONLY
from services.chat.domain.replies import NOTICE
from services.chat.tests.room import FIRST, PATIENT, SECOND, SLEEP, FakeAnswerer, Room
from services.chat.tests.test_api import FakeConversations

QUESTION = "When do I wake up?"
POSSIBLE = "I don't see the point of anything any more."
WRITTEN = Draft(AnsweredBy.CLAUDE, "fake", (Claim("You wake up around three.", (Citation(SLEEP, 1),)),))


def room_in(mode: ChatMode) -> tuple[Room, FakeAnswerer]:
    """A room with a vendor's model, whose organization has this mode."""
    model = FakeAnswerer(WRITTEN)
    room = Room(model)
    room.mode = mode
    return room, model


async def test_recall_is_answered_in_the_words_of_the_model() -> None:
    room, model = room_in(ChatMode.RECALL)

    reply = await room.says(QUESTION)

    assert (reply.answer.text, reply.answer.answered_by) == ("You wake up around three.", AnsweredBy.CLAUDE)
    assert len(model.questions) == 1


async def test_quotes_are_given_where_a_model_is_configured_and_no_word_leaves_to_it() -> None:
    room, model = room_in(ChatMode.QUOTES)

    reply = await room.says(QUESTION)

    assert model.questions == []
    assert reply.answer.answered_by is AnsweredBy.LOCAL
    assert reply.answer.sources[0].session_id == FIRST.id
    assert QUOTES_ONLY.strip() not in reply.answer.text


async def test_a_message_to_a_chat_that_is_off_is_refused_and_neither_stored_nor_searched() -> None:
    room, model = room_in(ChatMode.OFF)

    with pytest.raises(AppError) as caught:
        await room.says(QUESTION)

    assert caught.value.problem is CHAT_OFF
    assert (room.messages.asked, room.search.asked, model.questions) == ([], [], [])


@pytest.mark.parametrize("message", ["I want to kill myself", POSSIBLE])
async def test_a_crisis_is_answered_where_the_chat_is_off_also_a_possible_one(message: str) -> None:
    room, _ = room_in(ChatMode.OFF)
    room.holds.therapists = set()

    reply = await room.says(message)

    assert (reply.answer.text, reply.answer.answered_by) == (CRISIS_TEXT, AnsweredBy.SAFETY)
    assert reply.crisis_resources
    assert len(room.messages.crises) == 1


async def test_a_crisis_is_answered_where_the_chat_is_off_and_everything_else_is_down() -> None:
    room, _ = room_in(ChatMode.OFF)
    room.holds.down = room.messages.refusal = AppError(UNAVAILABLE, "Down.")

    assert (await room.says("I want to kill myself")).answer.text == CRISIS_TEXT


async def test_a_crisis_is_answered_over_http_where_the_chat_is_off() -> None:
    answer = await _posted(Room(), {MODE_HEADER: "off"}, message="I want to kill myself")

    assert (answer.status_code, answer.json().get("answered_by")) == (200, "safety")


@pytest.mark.parametrize(
    ("named", "mode"),
    [
        (None, ChatMode.QUOTES),
        ("", ChatMode.QUOTES),
        ("summaries", ChatMode.QUOTES),
        ("RECALL", ChatMode.QUOTES),
        ("recall", ChatMode.RECALL),
        ("quotes", ChatMode.QUOTES),
        ("off", ChatMode.OFF),
    ],
)
def test_a_mode_that_is_missing_or_unknown_means_no_more_than_quotes(named: str | None, mode: ChatMode) -> None:
    assert mode_of_caller({} if named is None else {MODE_HEADER: named}) is mode
    assert ChatMessage(PATIENT, "Hello").mode is ChatMode.QUOTES


@pytest.mark.parametrize(("named", "answered_by"), [("recall", "anthropic"), ("quotes", "local"), (None, "local")])
async def test_the_mode_comes_in_a_header(named: str | None, answered_by: str) -> None:
    room, _ = room_in(ChatMode.RECALL)

    answer = await _posted(room, {MODE_HEADER: named} if named else {})

    assert answer.json()["answered_by"] == answered_by


async def test_off_is_a_problem_of_its_own_before_a_stream_is_opened() -> None:
    room, _ = room_in(ChatMode.RECALL)

    refused = await _posted(room, {MODE_HEADER: "off", "accept": "text/event-stream"})

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/chat-off")


async def test_the_first_answer_of_a_conversation_says_what_this_is_and_later_ones_do_not() -> None:
    room = Room()

    first, later = await _posted(room), await _posted(room, conversation_id=str(new_id()))

    assert (first.json()["notice"], later.json()["notice"]) == (NOTICE, None)
    assert NOTICE not in first.json()["response"]
    assert "an AI" in NOTICE
    assert "not a therapist" in NOTICE


async def test_the_last_event_of_a_stream_has_the_notice() -> None:
    answer = await _posted(Room(), {"accept": "text/event-stream"})

    assert NOTICE in answer.text.rpartition("event: done")[2]


async def test_nothing_stands_beside_the_text_for_a_crisis() -> None:
    assert (await Room().says("I want to kill myself")).notice is None


@pytest.mark.parametrize("kind", [MessageKind.GREETING, MessageKind.ABOUT_YOU])
async def test_a_first_message_of_any_kind_is_told_what_this_is(kind: MessageKind) -> None:
    room = Room()
    room.reader.kind = kind

    assert (await room.says("Hello, who are you?")).notice == NOTICE


async def test_a_search_without_a_time_names_the_sessions_that_may_be_told_of() -> None:
    room = Room()
    room.sessions.sessions = (FIRST,)

    reply = await room.says("Who goes swimming with me?")

    assert room.search.asked[0][1] == [FIRST.id]
    assert SECOND.id not in {source.session_id for source in reply.answer.sources}


async def test_homework_is_looked_up_in_the_sessions_that_may_be_told_of() -> None:
    room = Room()
    room.sessions.sessions = (FIRST,)
    room.reader.kind = MessageKind.HOMEWORK

    await room.says("What is my homework?")

    assert room.commitments.asked == [[FIRST.id]]


async def test_an_answer_from_a_session_that_was_taken_back_is_no_history_any_more() -> None:
    room, model = room_in(ChatMode.RECALL)
    kept = Exchange("When do I wake up?", "Around three.", (Cited(FIRST.id, 10.0, 18.0),))
    taken_back = Exchange("Who goes swimming?", "Daniel, on Thursdays.", (Cited(SECOND.id, 10.0, 18.0),))
    room.messages.history = (kept, taken_back)
    room.sessions.sessions = (FIRST,)

    await room.says("And when?", ConversationId(new_id()))

    assert model.questions[0].history == (kept,)
    assert "swimming" not in model.questions[0].subject
    assert [sessions for _, sessions in room.search.asked] == [[FIRST.id], (FIRST.id,)]


async def _posted(room: Room, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    app = build_app(AppSpec("chat", "1", (build_router(room.ask, FakeConversations()),)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://chat") as http:
        body = {"patient_id": str(PATIENT), "message": QUESTION, **more}
        return await http.post("/chat", json=body, headers=headers or {})
