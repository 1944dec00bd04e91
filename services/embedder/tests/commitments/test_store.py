"""Mentions and corrections on real PostgreSQL: read under consent, kept over a new version, gone with the session."""

from dataclasses import replace

import psycopg

from libs.common.ids import new_id
from libs.contracts.ids import PatientId, SessionId
from libs.contracts.index import CommitmentStatus, Correction
from libs.tenancy.erased_rows import erase
from services.embedder.commitments.ports import Corrected
from services.embedder.commitments.store import CommitmentStore
from services.embedder.domain import FoundAct
from services.embedder.tests.archive import MODEL, Archive, vector_of
from services.embedder.tests.world import dialogue, index_of
from services.embedder.turn_acts import Act

QUIET = {Act.NONE.value: 1.0}
SETS = {Act.NONE.value: 0.1, Act.ASSIGN.value: 0.9}


async def _commitment(archive: Archive) -> CommitmentStore:
    """Index a session whose last turn sets something."""
    store = CommitmentStore(archive.database)
    index = index_of(archive.source, dialogue())
    acts = (QUIET,) * (len(index.turns) - 1) + (SETS,)
    whole = replace(index, turn_vectors=tuple(vector_of(MODEL) for _ in index.turns), turn_acts=acts)
    with archive.acting_under():
        async with archive.database.transaction() as tx:
            assert await archive.store.replace(tx, whole)
            await store.add(tx, whole)
    return store


async def test_what_a_session_set_is_read_with_its_seconds(archive: Archive) -> None:
    store = await _commitment(archive)

    with archive.acting_under():
        [found] = await store.of_patient(PatientId(archive.tenant.patient_id))

    assert found.assigned.turn.text == dialogue()[-1].text
    assert found.assigned.turn.start_s == dialogue()[-1].start_s
    assert found.status is CommitmentStatus.OPEN


async def test_the_words_for_when_that_a_model_found_are_kept_with_what_was_set(archive: Archive) -> None:
    store = CommitmentStore(archive.database)
    index = index_of(archive.source, dialogue())
    said = dialogue()[4].text
    found = (FoundAct(4, Act.ASSIGN, (said.index("before"), len(said) - 1)),)
    whole = replace(index, turn_vectors=tuple(vector_of(MODEL) for _ in index.turns), found_acts=found)

    with archive.acting_under():
        async with archive.database.transaction() as tx:
            await archive.store.replace(tx, whole)
            await store.add(tx, whole)
        [told] = await store.of_patient(PatientId(archive.tenant.patient_id))

    assert (told.due, told.assigned.turn.text) == ("before you go to bed", said)


async def test_what_other_sessions_set_is_not_told_of_those_that_are_asked_about(archive: Archive) -> None:
    store, patient = await _commitment(archive), PatientId(archive.tenant.patient_id)

    with archive.acting_under():
        told = [await store.of_patient(patient, [one]) for one in (archive.source.session_id, SessionId(new_id()))]

    assert [len(commitments) for commitments in told] == [1, 0]


async def test_a_correction_outlives_a_new_version_of_the_session(archive: Archive) -> None:
    store, patient = await _commitment(archive), PatientId(archive.tenant.patient_id)
    with archive.acting_under():
        [found] = await store.of_patient(patient)
        assert await store.correct(patient, found.id, Corrected(Correction.DROPPED, "key:test"))

    await _commitment(archive)

    with archive.acting_under():
        [again] = await store.of_patient(patient)

    assert (again.status, again.corrected) == (CommitmentStatus.DROPPED, True)


async def test_what_is_no_commitment_cannot_be_corrected(archive: Archive) -> None:
    store = await _commitment(archive)

    with archive.acting_under():
        corrected = await store.correct(
            PatientId(archive.tenant.patient_id), archive.source.session_id, Corrected(Correction.DONE, "key:test")
        )

    assert not corrected


async def test_without_consent_nothing_is_told(archive: Archive) -> None:
    store = await _commitment(archive)
    await archive.change_consent("revoked")

    with archive.acting_under():
        assert await store.of_patient(PatientId(archive.tenant.patient_id)) == []


async def test_a_capability_that_names_no_patient_sees_nothing(archive: Archive) -> None:
    store = await _commitment(archive)

    with archive.acting_under(patient=False):
        assert await store.of_patient(PatientId(archive.tenant.patient_id)) == []


async def test_a_version_that_sets_nothing_leaves_no_commitment(archive: Archive) -> None:
    store = await _commitment(archive)

    await archive.add(replace(archive.source, transcript_version=2), dialogue())

    with archive.acting_under():
        assert await store.of_patient(PatientId(archive.tenant.patient_id)) == []


async def test_an_erased_session_takes_its_commitments_and_their_corrections_along(archive: Archive) -> None:
    store, patient = await _commitment(archive), PatientId(archive.tenant.patient_id)
    with archive.acting_under():
        [found] = await store.of_patient(patient)
        await store.correct(patient, found.id, Corrected(Correction.DONE, "key:test"))

    with archive.acting_under("erasure:write"):
        async with archive.database.transaction() as tx:
            await erase(tx, new_id(), archive.tenant.patient_id, archive.source.session_id)

    with psycopg.connect(archive.infra.admin_url) as connection:
        left = connection.execute(
            "select (select count(*) from embedder.commitment_mention where organization_id = %(id)s)"
            " + (select count(*) from embedder.commitment_correction where organization_id = %(id)s)",
            {"id": archive.tenant.organization_id},
        ).fetchone()

    assert left == (0,)
