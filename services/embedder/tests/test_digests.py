"""What a session was about: topics by similarity, names, verbatim sentences; read under the guards of words."""

from dataclasses import replace
from itertools import pairwise

import psycopg
import pytest

from libs.common.ids import new_id
from libs.contracts.ids import SessionId
from libs.tenancy.erased_rows import erase
from services.embedder.digests.domain import digest_of
from services.embedder.digests.store import DigestStore
from services.embedder.digests.topics import TOPIC_TURNS_MIN, boundaries
from services.embedder.domain import Index, Speaker, Turn
from services.embedder.tests.archive import MODEL, Archive, vector_of
from services.embedder.tests.world import dialogue, index_of, source

GARDEN, WORK = [1.0, 0.0], [0.0, 1.0]


def turns(*said: str) -> list[Turn]:
    """Return turns of a second each, of both in turn."""
    speakers = (Speaker.PATIENT, Speaker.THERAPIST)
    return [Turn(speakers[second % 2], text, float(second), second + 0.9) for second, text in enumerate(said)]


def index(said: list[Turn], vectors: list[list[float]]) -> Index:
    return replace(index_of(source(), said), turn_vectors=tuple(vectors))


def test_a_topic_ends_where_what_is_said_changes() -> None:
    assert boundaries([GARDEN] * 10 + [WORK] * 12, topics_max=8) == [10]


@pytest.mark.parametrize("vectors", [[], [GARDEN], [GARDEN] * 20])
def test_what_does_not_change_is_one_topic(vectors: list[list[float]]) -> None:
    assert boundaries(vectors, topics_max=8) == []


def test_a_digression_of_few_turns_is_no_topic_of_its_own() -> None:
    edges = [0, *boundaries([GARDEN] * 10 + [WORK] * 2 + [GARDEN] * 10, topics_max=8), 22]

    assert all(after - before >= TOPIC_TURNS_MIN for before, after in pairwise(edges))


def test_there_are_no_more_topics_than_allowed() -> None:
    changing = [vector for _ in range(10) for vector in [GARDEN] * 8 + [WORK] * 8]

    assert len(boundaries(changing, topics_max=4)) == 3


def test_a_topic_is_named_by_the_words_that_are_its_own() -> None:
    garden = ["The roses in the garden are out.", "I dug the garden bed again, and the roses."] * 4
    work = ["My manager moved the deadline.", "The manager wants it before the deadline."] * 4

    digest = digest_of(index(turns(*garden, *work), [GARDEN] * 8 + [WORK] * 8))

    assert digest is not None
    assert [set(topic.words[:2]) for topic in digest.topics] == [{"garden", "roses"}, {"manager", "deadline"}]
    assert [topic.start_s for topic in digest.topics] == [0.0, 8.0]
    assert sum(topic.share for topic in digest.topics) == pytest.approx(1.0, abs=0.01)


def test_names_are_told_with_the_second_of_their_first_mention() -> None:
    said = turns(
        "Well, I rang Anna on Monday.", "And then Mill Street was closed, so Anna walked.", "Will you? I will."
    )

    digest = digest_of(index(said, [GARDEN] * 3))

    assert digest is not None
    assert [(name.name, name.mentions, name.start_s) for name in digest.names] == [
        ("Anna", 2, 0.0),
        ("Mill Street", 1, 1.0),
    ]


def test_every_sentence_is_a_turn_of_the_session_word_for_word() -> None:
    long = "I went to the lake house with my sister and her children on Sunday. " * 9
    said = [*dialogue(repeats=3), Turn(Speaker.PATIENT, long.strip(), 900.0, 960.0)]

    digest = digest_of(index(said, [GARDEN] * len(said)))

    assert digest is not None
    assert digest.sentences
    for sentence in digest.sentences:
        [turn] = [one for one in said if one.start_s == sentence.turn.start_s]
        assert sentence.turn.text in turn.text


def test_questions_and_acknowledgements_stand_for_no_topic() -> None:
    digest = digest_of(index(turns("Mm-hm.", "And how was that for you last week?", "Okay."), [GARDEN] * 3))

    assert digest is not None
    assert digest.sentences == ()


def test_without_vectors_there_is_no_digest() -> None:
    assert digest_of(index_of(source(), dialogue())) is None


# The same whenever a digest is made: other vectors may choose other sentences.
VECTORS = tuple(vector_of(MODEL) for _ in dialogue())


async def _digested(archive: Archive, version: int = 1) -> DigestStore:
    store = DigestStore(archive.database)
    plain = index_of(replace(archive.source, transcript_version=version), dialogue())
    whole = replace(plain, turn_vectors=VECTORS[: len(plain.turns)])
    with archive.acting_under():
        async with archive.database.transaction() as tx:
            assert await archive.store.replace(tx, whole)
            await store.add(tx, whole)
    return store


async def test_a_digest_is_read_as_it_was_made(archive: Archive) -> None:
    store = await _digested(archive)

    with archive.acting_under():
        [digest] = await store.of_sessions([archive.source.session_id, SessionId(new_id())])

    plain = index_of(archive.source, dialogue())

    assert digest == digest_of(replace(plain, turn_vectors=VECTORS[: len(plain.turns)]))


async def test_a_new_version_replaces_the_digest(archive: Archive) -> None:
    store = await _digested(archive)
    await _digested(archive, version=2)

    with archive.acting_under():
        [digest] = await store.of_sessions([archive.source.session_id])

    assert digest.transcript_version == 2


async def test_without_consent_no_digest_is_told(archive: Archive) -> None:
    store = await _digested(archive)
    await archive.change_consent("revoked")

    with archive.acting_under():
        assert await store.of_sessions([archive.source.session_id]) == []


async def test_a_capability_that_names_no_patient_sees_no_digest(archive: Archive) -> None:
    store = await _digested(archive)

    with archive.acting_under(patient=False):
        assert await store.of_sessions([archive.source.session_id]) == []


async def test_an_erased_session_takes_its_digest_along(archive: Archive) -> None:
    await _digested(archive)

    with archive.acting_under("erasure:write"):
        async with archive.database.transaction() as tx:
            await erase(tx, new_id(), archive.tenant.patient_id, archive.source.session_id)

    with psycopg.connect(archive.infra.admin_url) as connection:
        left = connection.execute(
            "select count(*) from embedder.digest where organization_id = %s", (archive.tenant.organization_id,)
        )

        assert left.fetchone() == (0,)
