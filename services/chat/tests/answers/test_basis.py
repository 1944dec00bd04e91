"""What an answer rests on, and how many messages a patient has left."""

from datetime import UTC, datetime

import pytest

from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.contracts.ids import ChunkId, ConsentId, SessionId, TherapistId
from libs.contracts.problems import PATIENT_QUOTA
from services.chat.domain.basis import Attribution, Basis, Held, basis_of
from services.chat.domain.composing import fixed
from services.chat.domain.conversation import MESSAGES_PER_HOUR, Answer, AnsweredBy, Quota, Source, Speaker, quota_after

SESSION, ANNA, BEN = SessionId(new_id()), TherapistId(new_id()), TherapistId(new_id())
HELD = Held(ConsentId(new_id()), ConsentId(new_id()))
QUOTED = Attribution({SESSION: ANNA}, {ANNA: HELD, BEN: Held(ConsentId(new_id()), ConsentId(new_id()))})
EARLIER = Basis(frozenset({BEN}), frozenset({ConsentId(new_id())}))


def answer() -> Answer:
    source = Source(ChunkId(new_id()), SESSION, datetime(2026, 3, 2, tzinfo=UTC), 0.7, "Yes.", 0, 1, Speaker.PATIENT)
    return Answer("Yes.", (source,), grounded=True, answered_by=AnsweredBy.LOCAL, model="quotes")


def test_an_answer_rests_on_both_consents_of_whom_it_quotes_and_on_those_of_its_history() -> None:
    basis = basis_of(answer(), QUOTED, EARLIER)

    assert basis == Basis(frozenset({ANNA, BEN}), HELD.both | EARLIER.consents)


def test_a_safety_answer_rests_on_nothing_that_was_said_before() -> None:
    basis = basis_of(fixed("Call 988.", AnsweredBy.SAFETY), QUOTED, EARLIER)

    assert basis == Basis()


def test_the_last_message_of_an_hour_leaves_none() -> None:
    quota = quota_after(MESSAGES_PER_HOUR - 1, 40.0)

    assert quota == Quota(0, 40.0)


def test_one_message_more_is_refused_until_the_oldest_leaves_the_hour() -> None:
    with pytest.raises(AppError) as caught:
        quota_after(MESSAGES_PER_HOUR, 40.0)

    assert (caught.value.problem, caught.value.retry_after_s) == (PATIENT_QUOTA, 40.0)
