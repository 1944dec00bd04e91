"""Answers, windows and what a model is told speak of days as the patient's own calendar showed them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.chat.domain.conversation import AnsweredBy, Draft, Session
from services.chat.domain.instructions import asked, title
from services.chat.tests.room import FIRST, NOW, SLEEP, FakeAnswerer, Room

NEW_YORK, TOKYO, KIRITIMATI = (ZoneInfo(name) for name in ("America/New_York", "Asia/Tokyo", "Pacific/Kiritimati"))
# The eighth at half past eight in the evening in New York; the ninth in London and further east.
EVENING = datetime(2026, 9, 9, 0, 30, tzinfo=UTC)


def room_of(session: Session, answerer: FakeAnswerer | None = None) -> Room:
    """A room with one session, found by its own time as the index keeps it."""
    room = Room(answerer)
    room.sessions.sessions = (session,)
    room.search.passages = (replace(SLEEP, session_date=session.date),)
    return room


@pytest.mark.parametrize(("zone", "day"), [(NEW_YORK, "8 September"), (UTC, "9 September"), (TOKYO, "9 September")])
async def test_a_session_is_quoted_with_the_date_the_patients_calendar_showed(zone: ZoneInfo, day: str) -> None:
    reply = await room_of(replace(FIRST, date=EVENING)).says("What homework did I get?", zone=zone)

    assert f"On {day} 2026" in reply.answer.text
    assert {source.session_day for source in reply.answer.sources} == {date(2026, 9, int(day[0]))}
    assert reply.answer.sources[0].session_date == EVENING


@pytest.mark.parametrize("zone", [NEW_YORK, UTC, TOKYO, KIRITIMATI])
async def test_a_day_that_was_given_as_a_day_is_that_day_in_every_zone(zone: ZoneInfo) -> None:
    session = replace(FIRST, date=datetime(2026, 9, 8, 4, tzinfo=UTC), day=date(2026, 9, 8))

    reply = await room_of(session).says("What homework did I get on 8 September 2026?", zone=zone)

    assert reply.answer.time_window is not None
    assert reply.answer.time_window.applied
    assert "On 8 September 2026" in reply.answer.text


async def test_a_time_that_is_named_is_a_time_of_the_patients_zone() -> None:
    session = replace(FIRST, date=EVENING)

    here = await room_of(session).says("What homework did I get on 8 September?", zone=NEW_YORK)
    there = await room_of(session).says("What homework did I get on 8 September?", zone=TOKYO)

    assert here.answer.time_window is not None
    assert there.answer.time_window is not None
    assert (here.answer.time_window.applied, there.answer.time_window.applied) == (True, False)


async def test_a_session_of_this_evening_is_from_earlier_today() -> None:
    late = NOW.replace(hour=3)  # ten in the evening of the day before in New York
    room = room_of(replace(FIRST, date=late))

    reply = await room.says("What homework did I get?", zone=NEW_YORK)

    assert "On 23 November 2026" in reply.answer.text


async def test_a_model_is_told_the_patients_dates() -> None:
    answerer = FakeAnswerer(draft=Draft(AnsweredBy.CLAUDE, "fake"))

    await room_of(replace(FIRST, date=EVENING), answerer).says("What homework did I get?", zone=KIRITIMATI)

    [question] = answerer.questions

    assert title(question.passages[0]) == "Session of 9 September 2026"
    assert "Today is Wednesday, 25 November 2026" in asked(question)


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
async def test_a_session_at_the_end_of_time_breaks_no_answer(at: datetime) -> None:
    for zone in (NEW_YORK, TOKYO):
        reply = await room_of(replace(FIRST, date=at)).says("What homework did I get?", zone=zone)
        assert reply.answer.grounded
