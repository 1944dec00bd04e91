"""The status of a session: the table, late facts, and what a therapist reads."""

import itertools
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from libs.common.ids import new_id
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, RecordingId, SessionId, TherapistId
from libs.contracts.purposes import Purpose
from services.ingestion.domain import (
    FINAL,
    TRANSITIONS,
    UPLOAD_STATUS,
    Recording,
    Session,
    SessionEvent,
    SessionParties,
    Status,
    Trigger,
    UploadClaim,
    after,
    may_repeat,
    repeats,
    revocation_of,
    sealing_context,
    sentence_for,
)

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
PARTIES = SessionParties(OrganizationId(new_id()), PatientId(new_id()), TherapistId(new_id()))


def session(status: Status = Status.UPLOADED) -> Session:
    return Session(
        id=SessionId(new_id()),
        parties=PARTIES,
        consent_id=ConsentId(new_id()),
        session_date=NOW,
        language="en",
        status=status,
        created_at=NOW,
        updated_at=NOW,
        stage_times={status.value: NOW},
    )


def follow(one: Session, *facts: Trigger, reason: str | None = None) -> Session:
    for minute, trigger in enumerate(facts, 1):
        one = after(one, SessionEvent(trigger, NOW + timedelta(minutes=minute), reason)) or one
    return one


def test_the_usual_way_goes_from_uploaded_to_ready() -> None:
    facts = (Trigger.TRANSCRIPTION_STARTED, Trigger.TRANSCRIPT_READY, Trigger.INDEX_READY)

    seen = [follow(session(), *facts[:count]).status for count in range(4)]

    assert seen == [Status.UPLOADED, Status.TRANSCRIBING, Status.EMBEDDING, Status.READY]


def test_facts_of_two_topics_in_any_order_end_ready() -> None:
    facts = (Trigger.TRANSCRIPTION_STARTED, Trigger.TRANSCRIPT_READY, Trigger.INDEX_READY)

    ends = {follow(session(), *order).status for order in itertools.permutations(facts)}

    assert ends == {Status.READY}


def test_a_fact_heard_twice_changes_nothing() -> None:
    once = follow(session(), Trigger.TRANSCRIPTION_STARTED)

    assert after(once, SessionEvent(Trigger.TRANSCRIPTION_STARTED, NOW + timedelta(hours=1))) == once


def test_no_sequence_of_facts_makes_an_impossible_session() -> None:
    dice = random.Random(20261124)

    for _ in range(2000):
        one = follow(session(), *dice.choices(list(Trigger), k=12), reason="upstream-failed")
        assert (one.error_message is not None) == (one.status in (Status.FAILED, Status.WITHHELD))
        assert one.status.value in one.stage_times
        assert 0 <= one.percent <= 100


def test_a_session_that_is_ready_is_not_failed_by_a_late_failure() -> None:
    ready = session(Status.READY)

    assert after(ready, SessionEvent(Trigger.TRANSCRIPTION_FAILED, NOW, "internal")) is None
    assert after(ready, SessionEvent(Trigger.INDEX_FAILED, NOW, "internal")) is None


@pytest.mark.parametrize(
    ("late", "failure"),
    [
        (Trigger.TRANSCRIPTION_STARTED, Trigger.TRANSCRIPTION_FAILED),
        (Trigger.TRANSCRIPT_READY, Trigger.INDEX_FAILED),
    ],
)
def test_a_failed_session_is_set_going_by_what_was_said_after_its_failure_and_not_by_what_comes_late(
    late: Trigger, failure: Trigger
) -> None:
    published_at = NOW + timedelta(seconds=3)
    failed = after(session(), SessionEvent(failure, NOW, "internal", published_at=published_at)) or session()

    moves = [
        after(failed, SessionEvent(late, NOW, published_at=published_at + timedelta(milliseconds=step)))
        for step in (-1, 0, 1)
    ]

    assert [move is not None and move.status in FINAL for move in moves] == [True, True, False]


def test_a_withheld_session_moves_only_by_a_retry() -> None:
    withheld = session(Status.WITHHELD)

    moved = {trigger for trigger in Trigger if follow(withheld, trigger).status is not Status.WITHHELD}

    assert moved == {Trigger.RETRIED}


def test_a_retry_starts_over_and_forgets_why_it_failed() -> None:
    failed = follow(
        session(),
        Trigger.TRANSCRIPTION_STARTED,
        Trigger.TRANSCRIPTION_FAILED,
        reason="upstream-failed",
    )

    retried = follow(failed, Trigger.RETRIED)

    assert failed.error_message is not None
    assert retried.status is Status.UPLOADED
    assert retried.error_message is None
    assert set(retried.stage_times) == {"uploaded"}


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.FAILED, Status.WITHHELD)])
def test_only_what_ended_badly_can_be_retried(status: Status) -> None:
    assert after(session(status), SessionEvent(Trigger.RETRIED, NOW)) is None


@pytest.mark.parametrize(
    ("purpose", "stopped"),
    [
        (Purpose.RECORDING, {Status.PENDING, Status.UPLOADED, Status.TRANSCRIBING}),
        (Purpose.TRANSCRIPTION, {Status.PENDING, Status.UPLOADED, Status.TRANSCRIBING}),
        (Purpose.AI_ANALYSIS, {Status.EMBEDDING}),
    ],
)
def test_a_revocation_stops_the_stages_that_need_the_consent(purpose: Purpose, stopped: set[Status]) -> None:
    trigger = revocation_of(purpose)

    withheld = {s for s in Status if s is not Status.WITHHELD and follow(session(s), trigger).status is Status.WITHHELD}

    assert withheld == stopped


def test_a_failed_session_says_how_far_it_came() -> None:
    failed = follow(
        session(),
        Trigger.TRANSCRIPTION_STARTED,
        Trigger.TRANSCRIPT_READY,
        Trigger.INDEX_FAILED,
        reason="internal",
    )

    assert failed.percent == 80


def test_the_duration_of_the_container_wins_over_the_transcript() -> None:
    known = replace(session(), duration_s=60.0)

    assert (after(known, SessionEvent(Trigger.TRANSCRIPT_READY, NOW, duration_s=59.0)) or known).duration_s == 60.0
    assert (after(session(), SessionEvent(Trigger.TRANSCRIPT_READY, NOW, duration_s=59.0)) or known).duration_s == 59.0


def test_every_fact_is_in_the_table_and_every_status_has_an_upload_status() -> None:
    assert set(TRANSITIONS) == set(Trigger)
    assert set(UPLOAD_STATUS) == set(Status)


def test_a_reason_nobody_foresaw_is_still_a_sentence() -> None:
    assert sentence_for("quantum-flux").endswith(".")


def test_the_sealing_context_differs_for_every_part() -> None:
    one = SessionId(new_id())
    contexts = {
        sealing_context(PARTIES, one, "name", "audio/wav"),
        sealing_context(PARTIES, one, "name", "audio/mpeg"),
        sealing_context(PARTIES, one, "other", "audio/wav"),
        sealing_context(PARTIES, SessionId(new_id()), "name", "audio/wav"),
        sealing_context(replace(PARTIES, patient_id=PatientId(new_id())), one, "name", "audio/wav"),
        sealing_context(replace(PARTIES, organization_id=OrganizationId(new_id())), one, "name", "audio/wav"),
    }

    assert len(contexts) == 6


@pytest.mark.parametrize("on", [NOW, NOW.date()])
def test_an_upload_that_says_the_same_may_be_the_same_one(on: datetime | date) -> None:
    stored = replace(session(), session_day=None if isinstance(on, datetime) else on)

    claim = UploadClaim(stored.parties, on, stored.language)

    assert may_repeat(stored, claim)


@pytest.mark.parametrize(
    "changed",
    [
        {"on": NOW + timedelta(seconds=1)},
        {"on": NOW.date()},
        {"language": "de"},
        {"parties": replace(PARTIES, therapist_id=TherapistId(new_id()))},
    ],
    ids=["another time", "a day in place of its time", "another language", "another therapist"],
)
def test_an_upload_that_says_anything_else_is_another_one(changed: dict[str, Any]) -> None:
    stored = session()

    claim = replace(UploadClaim(stored.parties, stored.session_date, stored.language), **changed)

    assert not may_repeat(stored, claim)


def test_a_repeated_upload_is_the_same_one_only_with_the_same_bytes() -> None:
    stored = Recording(RecordingId(new_id()), "a/b/c/d", "audio/wav", 5, "ab" * 32, b"wrapped")

    assert (repeats(stored, "ab" * 32), repeats(stored, "cd" * 32)) == (True, False)
