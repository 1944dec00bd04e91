"""What the embedder does about what happens, with fakes of everything outside."""

from dataclasses import replace
from datetime import timedelta

import pytest

from libs.common.errors import NOT_FOUND, RATE_LIMITED, UPSTREAM_FAILED, AppError
from libs.contracts.ids import PatientId
from libs.contracts.index import IndexFailed, IndexReady, IndexWithheld
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.purposes import Purpose
from services.embedder.domain import Index, Question, Source, Speaker, Turn, Withheld
from services.embedder.handlers import Dependencies, IndexTranscript, ScheduleIndexDeletion, Search
from services.embedder.tests.world import (
    NO_TRANSACTION,
    SESSION_DATE,
    FakeConsents,
    FakeDerived,
    FakeIndexRepository,
    FakeTranscripts,
    FakeTurnEncoder,
    LetterEmbedder,
    dialogue,
    no_acts,
    ready,
    revoked,
    source,
    transcript_of,
    updated,
    words,
)


class World:
    """One session on its way into the index."""

    def __init__(self) -> None:
        self.source = source()
        self.turns = dialogue(repeats=30)
        self.consents = FakeConsents()
        self.transcripts = FakeTranscripts(transcript_of(self.source, self.turns))
        self.embedder = LetterEmbedder()
        self.turn_encoder = FakeTurnEncoder()
        self.index_repository = FakeIndexRepository()
        self.step = IndexTranscript(
            Dependencies(
                self.consents,
                self.transcripts,
                self.embedder,
                self.turn_encoder,
                no_acts(),
                self.index_repository,
                (FakeDerived(),),
                words,
            )
        )

    async def index(self) -> Index | Withheld:
        """Do the slow half."""
        return await self.step.work(ready(self.source))

    def correct(self, turns: tuple[Turn, ...]) -> Source:
        """Let the therapist correct the transcript; return its new version."""
        self.source = replace(self.source, transcript_version=self.source.transcript_version + 1)
        self.transcripts.transcript = transcript_of(self.source, turns)
        return self.source


async def test_a_transcript_becomes_an_index_and_a_fact() -> None:
    world = World()

    result = await world.index()
    facts = await world.step.record(ready(world.source), result, NO_TRANSACTION)

    assert world.index_repository.index is not None
    assert [type(fact) for fact in facts] == [IndexReady]
    assert facts[0].payload()["chunk_count"] == len(world.index_repository.index.chunks)


@pytest.mark.parametrize("purpose", [Purpose.RECORDING, Purpose.TRANSCRIPTION])
async def test_words_that_are_hidden_because_consent_to_make_them_ended_are_withheld(purpose: Purpose) -> None:
    world = World()
    world.transcripts.is_hidden = True
    world.consents.revoked.add(purpose)

    assert await world.index() == Withheld("consent-revoked")


async def test_words_that_are_missing_for_no_such_reason_are_an_error() -> None:
    world = World()
    world.transcripts.is_hidden = True

    with pytest.raises(AppError) as caught:
        await world.index()
    assert caught.value.problem is NOT_FOUND


async def test_a_second_try_after_a_crash_buys_nothing_again() -> None:
    world = World()
    await world.index()
    bought = len(world.embedder.bought)

    await world.index()

    assert bought > 0
    assert len(world.embedder.bought) == bought


async def test_a_correction_buys_only_the_passages_whose_words_changed() -> None:
    world = World()
    await world.index()
    whole = len(world.embedder.bought)
    turns = (*world.turns[:-1], replace(world.turns[-1], text="Let us stop the walks, and write down worries early."))

    await world.step.work(updated(world.correct(turns)))

    assert 1 <= len(world.embedder.bought) - whole <= 2


async def test_swapped_speakers_are_indexed_again_without_buying_anything() -> None:
    world = World()
    await world.index()
    bought = len(world.embedder.bought)
    other = {Speaker.THERAPIST: Speaker.PATIENT, Speaker.PATIENT: Speaker.THERAPIST}
    turns = tuple(replace(turn, speaker=other[turn.speaker]) for turn in world.turns)

    await world.step.work(updated(world.correct(turns)))

    assert len(world.embedder.bought) == bought


async def test_an_older_version_that_comes_late_changes_nothing_and_says_nothing() -> None:
    world = World()
    old = await world.index()
    new = await world.step.work(updated(world.correct(world.turns)))
    await world.step.record(updated(world.source), new, NO_TRANSACTION)

    facts = await world.step.record(ready(world.source), old, NO_TRANSACTION)

    assert facts == ()
    assert world.index_repository.index == new


async def test_without_consent_nothing_is_fetched_or_bought_and_a_fact_says_so() -> None:
    world = World()
    world.consents.granted = False

    result = await world.index()
    facts = await world.step.record(ready(world.source), result, NO_TRANSACTION)

    assert world.embedder.bought == []
    assert facts == (
        IndexWithheld(
            organization_id=world.source.organization_id,
            patient_id=world.source.patient_id,
            session_id=world.source.session_id,
            reason="consent-revoked",
        ),
    )


async def test_consent_that_ends_between_the_halves_is_a_fact_and_not_a_failure() -> None:
    world = World()

    facts = await world.step.on_failure(ready(world.source), AppError(CONSENT_REQUIRED, "no"), NO_TRANSACTION)

    assert [type(fact) for fact in facts] == [IndexWithheld]


async def test_a_session_in_another_language_is_held_back_with_a_reason() -> None:
    world = World()

    result = await world.step.work(ready(world.source, language="de-AT"))

    assert result == Withheld("language-unsupported")
    assert world.embedder.bought == []


async def test_every_turn_has_a_vector_that_was_read_with_the_turn_before() -> None:
    world = World()

    index = await world.index()

    assert isinstance(index, Index)
    assert len(index.turn_vectors) == len(index.turns)
    assert world.turn_encoder.read[1] == f"{index.turns[0].text} {index.turns[1].text}"


async def test_a_busy_vendor_is_passed_on_to_be_tried_again() -> None:
    world = World()
    world.embedder.fails_with = AppError(RATE_LIMITED, "busy", retry_after_s=7)

    with pytest.raises(AppError) as caught:
        await world.index()

    assert caught.value.problem.retryable
    assert caught.value.retry_after_s == 7


async def test_a_failure_says_why_in_one_word() -> None:
    world = World()

    facts = await world.step.on_failure(ready(world.source), AppError(UPSTREAM_FAILED, "down"), NO_TRANSACTION)

    assert isinstance(facts[0], IndexFailed)
    assert facts[0].reason == "upstream-failed"


@pytest.mark.parametrize("purpose", [Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS])
async def test_a_revocation_marks_what_came_from_it_for_deletion_after_the_grace(purpose: Purpose) -> None:
    index_repository = FakeIndexRepository()
    step = ScheduleIndexDeletion(index_repository, lambda: SESSION_DATE, timedelta(days=7))

    await step.record(revoked(source(), purpose), None, NO_TRANSACTION)

    assert index_repository.delete_after == SESSION_DATE + timedelta(days=7)


async def test_a_revocation_of_another_purpose_leaves_the_index_alone() -> None:
    index_repository = FakeIndexRepository()
    step = ScheduleIndexDeletion(index_repository, lambda: SESSION_DATE, timedelta(days=7))

    await step.record(revoked(source(), Purpose.RECORDING), None, NO_TRANSACTION)

    assert index_repository.delete_after is None


async def test_a_question_is_searched_by_vectors_and_words() -> None:
    index_repository, embedder = FakeIndexRepository(), LetterEmbedder()

    found = await Search(index_repository, embedder, FakeTurnEncoder()).find(_question())

    assert found.by_vectors
    assert index_repository.asked[0][1] is not None


async def test_a_question_is_searched_by_words_alone_while_the_vendor_is_down() -> None:
    index_repository, embedder = FakeIndexRepository(), LetterEmbedder()
    embedder.fails_with = AppError(UPSTREAM_FAILED, "down")

    found = await Search(index_repository, embedder, FakeTurnEncoder()).find(_question())

    assert not found.by_vectors
    assert index_repository.asked[0][1] is None


def _question() -> Question:
    return Question(PatientId(source().patient_id), "What helps me talk?", 5)
