"""An answer that is told while the model writes it: what leaves stands, and what is stored is what left."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from starlette.types import Message

from libs.common.errors import UNAVAILABLE, AppError
from libs.common.http.app import AppSpec, build_app
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.safety import MODE_HEADER, ChatMode
from libs.devstack.conditions import until
from libs.devstack.vendors.anthropic import KEY, MODEL, AnthropicFake, Said
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Faults
from services.chat.answering import AcceptedMessage, ChatMessage
from services.chat.api import build_router
from services.chat.domain.conversation import AnsweredBy
from services.chat.domain.crisis.assessing import Concern, Kind, Level
from services.chat.domain.drafting import Span, claims_of, final_claims_of
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.phrasing import CUT_OFF
from services.chat.domain.replies import BOUNDARIES
from services.chat.handlers import Reply
from services.chat.telling import Listener
from services.chat.tests.room import PATIENT, Room
from services.chat.tests.test_api import FakeConversations
from services.chat.vendors.claude import ClaudeAnswerer, ClaudeSettings

WAKING, NOTEBOOK = (0, 1, 2), (0, 2, 3)
FIRST = Said("You wake up around three in the morning and cannot get back to sleep. ", [WAKING])
FALSE = Said("You wake up around five in the morning. ", [WAKING])
LAST = Said("Your therapist said to write your worries into a notebook every evening at seven. ", [NOTEBOOK])
QUESTION = "How do I sleep, and what can I do?"
HEADERS = {MODE_HEADER: ChatMode.RECALL.value, "accept": "text/event-stream", "content-type": "application/json"}
EVENTS_MAX = 100
BODY = {"patient_id": str(PATIENT), "message": QUESTION}


@dataclass
class Writer:
    """Claude, which writes these blocks and waits before one of them until it is let go."""

    room: Room
    fake: AnthropicFake
    faults: Faults
    go_on: threading.Event = field(default_factory=threading.Event)
    listener: Listener = field(default_factory=Listener)

    def waits_before(self, block: int) -> None:
        """Stop before a block."""
        self.fake.held = {block: self.go_on}

    async def answers(self, concern: Concern | None = None) -> Reply:
        """Answer the question from beginning to end, while somebody listens."""
        pending = await self.room.ask.begin(ChatMessage(PATIENT, QUESTION, mode=self.room.mode))
        assert isinstance(pending, AcceptedMessage)
        return await self.room.ask.finish(replace(pending, concern=concern, listener=self.listener))


@asynccontextmanager
async def writing(*blocks: Said) -> AsyncIterator[Writer]:
    """Serve a Claude that writes these blocks, and a room that asks it."""
    fake = AnthropicFake(reply=lambda _body: blocks)
    faults = Faults(fake.app())
    with serve(faults) as url:
        answerer = ClaudeAnswerer(ClaudeSettings(KEY, MODEL, deadline_s=60.0, base_url=url))
        writer = Writer(Room(answerer), fake, faults)
        yield writer
        # A stream that still waits would hold the server up.
        writer.go_on.set()
        await answerer.close()


class Connection:
    """A request for events as a server passes it on: a client of this process reads no event before the last."""

    def __init__(self, room: Room) -> None:
        self._app = build_app(AppSpec("chat", "1", (build_router(room.ask, FakeConversations()),)))
        self._sent = [{"type": "http.request", "body": json.dumps(BODY).encode()}]
        self._read: asyncio.Queue[Message] = asyncio.Queue(EVENTS_MAX)
        self._gone = asyncio.Event()
        headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
        scope = {"type": "http", "method": "POST", "path": "/chat", "query_string": b"", "headers": headers}
        self.served = asyncio.create_task(self._app(scope, self._receive, self._read.put))

    async def events(self) -> AsyncIterator[tuple[str, dict[str, str]]]:
        """Yield the events as they are sent."""
        while (message := await self._read.get())["type"] != "http.response.body" or message.get("more_body"):
            for block in message.get("body", b"").decode().split("\n\n"):
                fields = dict(line.split(": ", 1) for line in block.split("\n") if line and line[0] != ":")
                if fields:
                    yield fields["event"], json.loads(fields["data"])

    async def leaves(self) -> None:
        """Break the connection off."""
        self._gone.set()
        await self.served

    async def _receive(self) -> Message:
        if self._sent:
            return self._sent.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}


async def test_the_first_sentence_leaves_while_the_model_still_writes() -> None:
    async with writing(FIRST, LAST) as writer:
        writer.waits_before(1)
        connection = Connection(writer.room)
        coming = connection.events()
        begun = await anext(coming)
        writer.go_on.set()
        rest = [event async for event in coming]
        await connection.served

    assert begun == ("token", {"text": FIRST.text.strip()})
    assert [name for name, _ in rest] == ["token", "sources", "done"]
    assert begun[1]["text"] + rest[0][1]["text"] == rest[-1][1]["response"]
    assert rest[-1][1]["response"] == writer.room.messages.answers[0].answer.text


async def test_a_false_sentence_in_the_middle_never_leaves() -> None:
    async with writing(FIRST, FALSE, LAST) as writer:
        reply = await writer.answers()

    assert reply.answer.text == f"{FIRST.text}{LAST.text}".strip()
    assert writer.listener.text == reply.answer.text


async def test_what_is_told_instead_of_a_false_sentence_is_its_quote() -> None:
    async with writing(FALSE, LAST) as writer:
        reply = await writer.answers()

    assert "five" not in writer.listener.text
    assert writer.listener.text == reply.answer.text
    assert "you said: “I wake up around three in the morning" in reply.answer.text


async def test_a_stream_that_breaks_off_keeps_what_was_told_and_says_that_it_is_not_all() -> None:
    async with writing(FIRST, LAST) as writer:
        writer.fake.error_in_stream = "overloaded_error"
        reply = await writer.answers()

    assert reply.answer.text == f"{FIRST.text.strip()}\n{CUT_OFF}"
    assert (reply.answer.answered_by, len(reply.answer.sources)) == (AnsweredBy.CLAUDE, 1)
    assert (len(writer.faults.requests), writer.room.messages.answers[0].answer) == (1, reply.answer)


async def test_a_stream_that_breaks_off_before_anything_stood_leaves_quotes() -> None:
    async with writing(Said("You like the sea. ")) as writer:
        writer.fake.error_in_stream = "overloaded_error"
        reply = await writer.answers()

    assert (reply.answer.answered_by, writer.listener.text) == (AnsweredBy.QUOTES_ONLY, "")


async def test_consent_that_is_revoked_meanwhile_stops_the_answer_and_nothing_is_stored() -> None:
    async with writing(FIRST, LAST) as writer:
        writer.waits_before(1)
        answering = asyncio.create_task(writer.answers())
        await writer.listener.more.wait()
        writer.room.holds.therapists.clear()
        writer.go_on.set()
        with pytest.raises(AppError) as caught:
            await answering

    assert caught.value.problem is CONSENT_REQUIRED
    assert (writer.listener.text, writer.room.messages.answers) == (FIRST.text.strip(), [])
    assert len(writer.faults.requests) == 1


async def test_no_words_are_told_that_cannot_be_put_on_record() -> None:
    async with writing(FIRST, LAST) as writer:
        writer.room.messages.telling_fails = AppError(UNAVAILABLE, "Down.")
        with pytest.raises(AppError) as caught:
            await writer.answers()

    assert (caught.value.problem, writer.listener.text) == (UNAVAILABLE, "")


async def test_a_telling_is_on_record_once_and_an_answer_that_nobody_listens_to_is_none() -> None:
    async with writing(FIRST, LAST) as writer:
        await writer.answers()
        await writer.room.says(QUESTION)

    assert (writer.room.messages.tellings, len(writer.room.messages.answers)) == (1, 2)


async def test_an_answer_that_has_begun_is_recorded_though_its_reader_has_gone() -> None:
    async with writing(FIRST, LAST) as writer:
        writer.waits_before(1)
        connection = Connection(writer.room)
        await anext(connection.events())
        await connection.leaves()
        writer.go_on.set()
        await until(lambda: bool(writer.room.messages.answers))

    assert writer.room.messages.answers[0].answer.text == f"{FIRST.text}{LAST.text}".strip()


@pytest.mark.parametrize("kind", [MessageKind.DETAIL, MessageKind.ADVICE])
async def test_what_stands_before_an_answer_is_told_before_it_and_a_line_of_care_after_it(kind: MessageKind) -> None:
    async with writing(FIRST, LAST) as writer:
        writer.room.reader.kind = kind
        reply = await writer.answers(Concern(Level.POSSIBLE, Kind.SELF_HARM))

    assert writer.listener.text.startswith(BOUNDARIES.get(kind, FIRST.text.strip()))
    assert reply.answer.text.startswith(f"{writer.listener.text}\n")


@pytest.mark.parametrize(
    "said",
    [
        ["You slept 3", ".5 hours. Then ", "Dr. Lee called.\n\nYou", " wrote it down", "!"],
        ["- You swim.", " **Daniel** swims too.) ", "", "Is it so? No… maybe."],
        ["One.\n", "\nTwo. ", "Three"],
    ],
)
def test_a_sentence_that_is_called_final_is_the_one_of_the_whole_text(said: Sequence[str]) -> None:
    whole = claims_of([Span(text, ()) for text in said])
    texts = [[*said[:place], said[place][:cut]] for place in range(len(said)) for cut in range(len(said[place]) + 1)]

    for parts in texts:
        for is_open in (True, False):
            found = final_claims_of([Span(text, ()) for text in parts], is_open=is_open)
            assert found == whole[: len(found)]
