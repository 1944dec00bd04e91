"""A message is answered by its kind: fixed replies without a search, boundaries, and what a follow-up leans on."""

import pytest

from libs.common.errors import AppError
from libs.contracts.ids import SessionId
from services.chat.domain.conversation import Cited, Exchange, Session
from services.chat.domain.homework import Said, TakenOn, Wanted, wanted
from services.chat.domain.inquiry import Moment, understand
from services.chat.domain.message_kind import BOUNDED, FIXED, MessageKind, Reading
from services.chat.domain.overview import SENTENCES_MAX, Digest, overview
from services.chat.domain.replies import BOUNDARIES, FIXED_REPLIES
from services.chat.tests.room import FIRST, NOW, SECOND, Room, passage, session

LATER = session(11, 3)
MOMENT = Moment(NOW, NOW.tzinfo)  # type: ignore[arg-type]  # NOW is aware
BEFORE = Exchange("What did I say about the garden wall?", "...", (Cited(SessionId(SECOND.id), 10.0, 18.0),))


@pytest.mark.parametrize("kind", sorted(FIXED))
async def test_a_kind_with_a_fixed_reply_is_answered_without_a_search(kind: MessageKind) -> None:
    room = Room()
    room.reader.kind = kind

    reply = await room.says("Whatever it says, the kind decides.")

    assert (reply.answer.text, reply.answer.kind) == (FIXED_REPLIES[kind], kind)
    assert room.search.asked == []


@pytest.mark.parametrize("kind", sorted(BOUNDED))
async def test_a_boundary_comes_before_what_was_said(kind: MessageKind) -> None:
    room = Room()
    room.reader.kind = kind

    reply = await room.says("How much should I write into the notebook every evening?")

    assert reply.answer.text.startswith(BOUNDARIES[kind])
    assert "notebook" in reply.answer.text


async def test_a_boundary_stands_alone_where_nothing_was_said() -> None:
    room = Room()
    room.reader.kind, room.search.passages = MessageKind.MEDICATION, ()

    reply = await room.says("How many tablets should I take?")

    assert reply.answer.text == BOUNDARIES[MessageKind.MEDICATION]


def test_an_unsure_reading_searches_rather_than_brushing_off() -> None:
    unsure = Reading({"thanks": 0.45, "homework": 0.3, "follow_up": 0.25})

    assert unsure.decide(has_history=False) is MessageKind.HOMEWORK


def test_a_message_without_a_subject_of_its_own_leans_on_the_one_before() -> None:
    inquiry = understand("And why?", [FIRST, SECOND], MOMENT, (BEFORE,))

    assert inquiry.leans_on == BEFORE
    assert inquiry.understood_as == "And why? (about: What did I say about the garden wall?)"


def test_the_one_before_is_the_session_before_the_one_that_was_quoted() -> None:
    inquiry = understand("And the one before that?", [FIRST, SECOND, LATER], MOMENT, (BEFORE,))

    assert inquiry.window is not None
    assert inquiry.window.session_ids == (FIRST.id,)


def test_a_new_subject_leans_on_nothing() -> None:
    inquiry = understand("What did Daniel tell me about his swimming lessons?", [FIRST, SECOND], MOMENT, (BEFORE,))

    assert inquiry.leans_on is None


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("What was my homework last time?", Wanted.SET),
        ("Did I manage the phone call?", Wanted.REPORT),
        ("What is still open?", Wanted.OPEN),
        ("Which exercise did we drop?", Wanted.OVER),
    ],
)
def test_a_question_about_homework_is_after_a_part_of_its_life(asked: str, part: Wanted) -> None:
    assert wanted(asked) is part


def taken(of: Session, act: str, text: str, *, chance: float = 0.9, is_open: bool = True) -> TakenOn:
    """Return a commitment of one turn."""
    return TakenOn(is_open, (Said(act, passage(of, f"T: {text}"), chance),))


WALK = taken(FIRST, "assign", "Walk to the lake every morning.", is_open=False)
CALL = taken(SECOND, "assign", "Ring your sister before Friday.")
DROPPED = TakenOn(is_open=False, said=(*WALK.said, Said("drop", passage(SECOND, "T: Then we leave the walks."), 0.8)))


@pytest.mark.parametrize(
    ("asked", "quoted"),
    [
        ("What was my homework?", "Ring your sister before Friday."),
        ("What was my homework in the first session?", "Walk to the lake every morning."),
        ("Which exercises did we drop?", "Then we leave the walks."),
        ("What is still open?", "Ring your sister before Friday."),
    ],
)
async def test_homework_in_general_is_looked_up_in_what_was_taken_on(asked: str, quoted: str) -> None:
    room = Room()
    room.reader.kind, room.commitments.taken = MessageKind.HOMEWORK, (CALL, DROPPED)

    reply = await room.says(asked)

    assert [source.quote for source in reply.answer.sources] == [quoted]
    assert room.search.asked == []


SUMMED_UP = (
    Digest(FIRST.id, (passage(FIRST, "P: I moved to the lake house."), passage(FIRST, "P: I sleep in the attic."))),
    Digest(SECOND.id, (passage(SECOND, "P: My sister rang on Sunday."),)),
)


@pytest.mark.parametrize(
    ("asked", "quoted"),
    [
        (
            "Give me a quick rundown of everything we worked on.",
            ["I moved to the lake house.", "I sleep in the attic.", "My sister rang on Sunday."],
        ),
        ("What were the main topics of the last session?", ["My sister rang on Sunday."]),
    ],
)
async def test_whole_sessions_are_summed_up_from_their_digests(asked: str, quoted: list[str]) -> None:
    room = Room()
    room.reader.kind, room.digests.made = MessageKind.OVERVIEW, SUMMED_UP

    reply = await room.says(asked)

    assert [source.quote for source in reply.answer.sources] == quoted
    assert room.search.asked == []


@pytest.mark.parametrize("asked", ["Sum up how my sleep went.", "Give me an overview of the attic."])
async def test_an_overview_of_something_is_searched(asked: str) -> None:
    room = Room()
    room.reader.kind, room.digests.made = MessageKind.OVERVIEW, SUMMED_UP

    await room.says(asked)

    assert room.search.asked


async def test_many_sessions_are_summed_up_from_the_first_to_the_last() -> None:
    digests = [Digest(FIRST.id, (passage(FIRST, f"P: This was week {week}."),)) for week in range(20)]

    shown = [one.turns[0].text for one in overview(digests)]

    assert (shown[0], shown[-1], len(shown)) == ("This was week 0.", "This was week 19.", SENTENCES_MAX)


async def test_homework_about_something_is_searched() -> None:
    room = Room()
    room.reader.kind, room.commitments.taken = MessageKind.HOMEWORK, (CALL,)

    await room.says("What was I told to write into the notebook?")

    assert room.search.asked


async def test_homework_is_searched_where_nothing_was_taken_on() -> None:
    room = Room()
    room.reader.kind = MessageKind.HOMEWORK

    await room.says("What was my homework?")

    assert room.search.asked


async def test_a_commitment_of_a_therapist_without_consent_is_not_quoted() -> None:
    room = Room()
    room.reader.kind, room.commitments.taken = MessageKind.HOMEWORK, (CALL,)
    room.holds.therapists = set()

    with pytest.raises(AppError):
        await room.says("What was my homework?")
