"""Patients in a crisis are told the lines of their own organization, wherever they are told any."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from libs.common.errors import UNAVAILABLE, AppError
from libs.common.http.app import AppSpec, build_app
from libs.common.ids import new_id
from libs.contracts.organization.own_help_lines import HEADER, CrisisSettings, OwnLine
from libs.contracts.safety import HELP_LINES, MODE_HEADER, help_lines, help_lines_for
from services.chat.api import build_router
from services.chat.domain.crisis.assessing import Kind
from services.chat.domain.crisis.caring import caring_line, fixed_text
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.replies import BOUNDARIES, FIXED_REPLIES, NOTICE
from services.chat.tests.room import PATIENT, Room
from services.chat.tests.test_api import FakeConversations

OURS = CrisisSettings(country="GB", lines=(OwnLine(name="Dr. Ash on call", contact="020 7946 0142"),))
THEIRS = CrisisSettings(country="DE", lines=(OwnLine(name="Praxis am See", contact="030 901820"),))
EXPLICIT, POSSIBLE = "I want to kill myself", "I don't see the point of anything any more."


@pytest.mark.parametrize("message", [EXPLICIT, POSSIBLE])
@pytest.mark.parametrize("path", ["/chat", "/crisis"])
async def test_an_answer_and_its_resources_tell_the_organizations_lines_first(message: str, path: str) -> None:
    answer = (await _posted(Room(), OURS.headers(), path, message)).json()

    assert _all_in_order(answer["response"], "Dr. Ash on call (020 7946 0142)", "116 123", "999")
    assert answer["crisis_resources"] == help_lines_for(OURS, help_lines("US")).to_json()


async def test_each_message_is_told_the_lines_of_its_own_organization() -> None:
    room = Room()

    answers = [(await _posted(room, one.headers(), "/chat", EXPLICIT)).json() for one in (OURS, THEIRS, OURS)]

    told = [[line["contact"] for line in answer["crisis_resources"]["own"]] for answer in answers]

    assert told == [["020 7946 0142"], ["030 901820"], ["020 7946 0142"]]
    assert ["Praxis am See" in answer["response"] for answer in answers] == [False, True, False]


@pytest.mark.parametrize("headers", [{}, {HEADER: "unreadable"}])
async def test_without_a_word_of_the_organization_the_services_country_is_told(headers: dict[str, str]) -> None:
    answer = (await _posted(Room(), headers, "/chat", EXPLICIT)).json()

    assert answer["crisis_resources"] == help_lines("US").to_json()


async def test_a_crisis_is_told_the_organizations_lines_with_everything_down_and_the_chat_off() -> None:
    room = Room()
    room.holds.down = room.messages.refusal = AppError(UNAVAILABLE, "Down.")

    answer = await _posted(room, OURS.headers() | {MODE_HEADER: "off"}, "/chat", EXPLICIT)

    assert (answer.status_code, "020 7946 0142" in answer.json()["response"]) == (200, True)


async def test_a_refusal_tells_the_organizations_lines() -> None:
    room = Room()
    room.holds.down = AppError(UNAVAILABLE, "Down.")

    refused = await _posted(room, OURS.headers(), "/chat", "What homework did I get?")

    assert refused.status_code == 503
    assert refused.json()["crisis_resources"] == help_lines_for(OURS, help_lines("US")).to_json()


@pytest.mark.parametrize("country", [*HELP_LINES, "MT"])
@pytest.mark.parametrize("kind", list(Kind))
def test_own_lines_stand_first_in_every_text_but_after_the_ambulance(kind: Kind, country: str) -> None:
    lines = help_lines_for(CrisisSettings(country=country, lines=OURS.lines), help_lines("US"))
    own = OURS.lines[0].spoken
    order = (lines.emergency, own) if kind is Kind.MEDICAL_EMERGENCY else (own, lines.emergency)

    for text in (fixed_text(kind, lines), caring_line(kind, lines)):
        assert _all_in_order(text, *order)
        assert text.index(own) < text.rindex(lines.crisis.number)


def test_no_other_reply_names_the_number_of_a_country() -> None:
    replies = [*FIXED_REPLIES.values(), *BOUNDARIES.values(), NOTICE]

    assert not any(character.isdigit() for reply in replies for character in reply)
    assert "findahelpline.com" in FIXED_REPLIES[MessageKind.FEELING]


async def _posted(room: Room, headers: Mapping[str, str], path: str, message: str) -> httpx.Response:
    app = build_app(AppSpec("chat", "1", (build_router(room.ask, FakeConversations()),)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://chat") as http:
        body: dict[str, Any] = {"patient_id": str(PATIENT), "message": message, "conversation_id": str(new_id())}
        return await http.post(path, json=body, headers=dict(headers))


def _all_in_order(text: str, *parts: str) -> bool:
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)
