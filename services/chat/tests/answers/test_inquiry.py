"""What an inquiry is answered from is decided without a look at any session."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from libs.common.ids import new_id
from libs.contracts.ids import SessionId
from services.chat.domain.conversation import Exchange
from services.chat.domain.inquiry import Inquiry, Lookup, beyond_window, fixed_reply, lookup_of
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.phrasing import ASK_ME, NO_SESSIONS
from services.chat.domain.replies import FIXED_REPLIES
from services.chat.domain.time.window import TimeWindow

MAY = TimeWindow(
    "in May", datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC), (SessionId(new_id()),), True, None
)
DETAIL = Inquiry("how my sister felt", None, overview=False, empty=False)
BEFORE = Exchange("And my sister?", "She was glad.", ())


@pytest.mark.parametrize("has_sessions", [True, False])
def test_a_greeting_is_answered_alike_with_and_without_sessions(has_sessions: bool) -> None:
    greeting = replace(DETAIL, kind=MessageKind.GREETING)

    assert fixed_reply(greeting, has_sessions=has_sessions) == FIXED_REPLIES[MessageKind.GREETING]


def test_whoever_has_no_session_is_told_so_before_being_asked_to_say_more() -> None:
    empty = replace(DETAIL, empty=True)

    replies = [fixed_reply(empty, has_sessions=has_sessions) for has_sessions in (False, True)]

    assert replies == [NO_SESSIONS, ASK_ME]


def test_a_question_about_sessions_that_are_there_has_no_fixed_reply() -> None:
    assert fixed_reply(DETAIL, has_sessions=True) is None


@pytest.mark.parametrize(
    ("kind", "subject", "lookup"),
    [
        (MessageKind.OVERVIEW, "a summary", Lookup.DIGESTS),
        (MessageKind.OVERVIEW, "a summary of what we said on my sister", Lookup.SEARCH),
        (MessageKind.HOMEWORK, "my homework", Lookup.COMMITMENTS),
        (MessageKind.HOMEWORK, "the homework on walking in the forest", Lookup.SEARCH),
        (MessageKind.DETAIL, "my homework", Lookup.SEARCH),
    ],
)
def test_only_a_question_that_names_nothing_is_answered_from_what_was_made_of_whole_sessions(
    kind: MessageKind, subject: str, lookup: Lookup
) -> None:
    assert lookup_of(replace(DETAIL, kind=kind, subject=subject)) is lookup


@pytest.mark.parametrize("kind", [MessageKind.OVERVIEW, MessageKind.HOMEWORK])
def test_what_leans_on_an_answer_is_always_searched(kind: MessageKind) -> None:
    leaning = replace(DETAIL, kind=kind, subject="", leans_on=BEFORE)

    assert lookup_of(leaning) is Lookup.SEARCH


def test_a_window_in_which_nothing_answers_is_left_and_the_answer_says_so() -> None:
    asked = replace(DETAIL, window=MAY, overview=True)

    elsewhere = beyond_window(asked, grounded=False)

    assert elsewhere is not None
    assert (elsewhere.window, elsewhere.window_sessions, elsewhere.overview) == (MAY.lifted(), None, False)


@pytest.mark.parametrize(
    ("window", "grounded"),
    [(MAY, True), (None, False), (replace(MAY, applied=False), False)],
    ids=["it answers", "there is none", "it did not hold"],
)
def test_no_other_window_is_left(window: TimeWindow | None, grounded: bool) -> None:
    assert beyond_window(replace(DETAIL, window=window), grounded=grounded) is None
