"""Commitments told from the acts of turns: what sets them, what becomes of them, and when that was known."""

from datetime import UTC, datetime
from uuid import uuid4

from libs.contracts.ids import ChunkId, SessionId
from libs.contracts.index import CommitmentStatus
from services.embedder.commitments.domain import Commitment, Mention, as_of, joined
from services.embedder.domain import Speaker, Turn
from services.embedder.turn_acts import Act

WALKS, DIARY = (1.0, 0.0), (0.0, 1.0)
SESSIONS = tuple(SessionId(uuid4()) for _ in range(3))


def said(session: int, at_s: float, act: Act, about: tuple[float, float], text: str = "") -> Mention:
    """Return a turn of the month's session that surely bears an act."""
    date = datetime(2026, session + 1, 1, tzinfo=UTC)
    turn = Turn(Speaker.THERAPIST, text or f"{act.value} at {at_s}", at_s, at_s + 5)
    return Mention(uuid4(), SESSIONS[session], date, ChunkId(uuid4()), turn, {act.value: 0.9}, about)


def statuses(commitments: list[Commitment]) -> list[CommitmentStatus]:
    return [commitment.status for commitment in commitments]


def test_what_was_set_and_agreed_to_is_one_open_commitment() -> None:
    [commitment] = joined([said(0, 100, Act.ASSIGN, WALKS), said(0, 108, Act.AGREE, WALKS)])

    assert commitment.status is CommitmentStatus.OPEN
    assert [change.act for change in commitment.changes] == [Act.ASSIGN, Act.AGREE]


def test_a_report_in_a_later_session_is_about_what_it_is_like() -> None:
    found = joined([said(0, 100, Act.ASSIGN, WALKS), said(0, 400, Act.ASSIGN, DIARY), said(1, 20, Act.DONE, DIARY)])

    assert statuses(found) == [CommitmentStatus.OPEN, CommitmentStatus.DONE]


def test_a_report_about_nothing_that_was_set_is_left_out() -> None:
    found = joined([said(0, 100, Act.ASSIGN, WALKS), said(1, 20, Act.DONE, (0.0, 1.0))])

    assert statuses(found) == [CommitmentStatus.OPEN]


def test_the_like_set_anew_replaces_what_was_set_before() -> None:
    found = joined([said(0, 100, Act.ASSIGN, WALKS), said(1, 500, Act.ASSIGN, WALKS)])

    assert statuses(found) == [CommitmentStatus.REPLACED, CommitmentStatus.OPEN]


def test_what_was_dropped_is_not_done_by_a_later_report() -> None:
    found = joined([said(0, 100, Act.ASSIGN, WALKS), said(1, 20, Act.DROP, WALKS), said(2, 20, Act.DONE, WALKS)])

    assert statuses(found) == [CommitmentStatus.DROPPED]


def test_sessions_that_are_indexed_late_tell_the_same() -> None:
    mentions = [said(0, 100, Act.ASSIGN, WALKS), said(1, 20, Act.NOT_DONE, WALKS), said(2, 20, Act.DONE, WALKS)]

    assert joined(mentions) == joined(mentions[::-1])


def test_as_of_a_day_nothing_is_known_that_was_said_later() -> None:
    found = joined([said(0, 100, Act.ASSIGN, WALKS), said(2, 20, Act.DONE, WALKS), said(2, 400, Act.ASSIGN, DIARY)])

    assert statuses(as_of(found, datetime(2026, 2, 15, tzinfo=UTC))) == [CommitmentStatus.OPEN]


def test_a_correction_stands_and_none_says_that_there_was_no_commitment() -> None:
    mentions = [said(0, 100, Act.ASSIGN, WALKS), said(0, 400, Act.ASSIGN, DIARY)]

    [left] = joined(mentions, {mentions[0].id: "none", mentions[1].id: "done"})

    assert (left.status, left.corrected) == (CommitmentStatus.DONE, True)


def test_the_words_that_say_for_when_are_read_out() -> None:
    [commitment] = joined([said(0, 100, Act.ASSIGN, WALKS, "Could you ring her by Friday, and tell me how it went?")])

    assert commitment.due == "by Friday"
