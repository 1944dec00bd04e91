"""Nobody sees words they may not see, and nothing is kept that consent does not cover: the database is the guard."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from libs.common.capability import acting_under
from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.contracts.ids import PatientId
from libs.contracts.purposes import Purpose
from services.embedder.tests.archive import MODEL, Archive, about, hits_of, vector_of, vectors_of
from services.embedder.tests.world import dialogue, index_of, revoked


@pytest.mark.parametrize("purpose", [Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS])
async def test_revoked_consent_hides_everything_in_the_next_statement(archive: Archive, purpose: Purpose) -> None:
    await archive.add(archive.source, dialogue())
    before = await archive.search()

    await archive.change_consent("revoked", purpose)

    assert before
    assert await archive.search() == []


@pytest.mark.parametrize("purpose", [Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS])
async def test_nothing_can_be_stored_after_a_revocation(archive: Archive, purpose: Purpose) -> None:
    index = index_of(archive.source, dialogue(), MODEL)
    await archive.change_consent("revoked", purpose)

    with archive.acting_under():
        with pytest.raises(AppError) as not_stored:
            await archive.store.add_vectors(archive.source, MODEL, vectors_of(index))
        with pytest.raises(AppError) as replaced:
            async with archive.database.transaction() as tx:
                await archive.store.replace(tx, index)

    assert not_stored.value.problem.slug == replaced.value.problem.slug == "consent-required"


async def test_consent_granted_again_shows_what_is_still_there(archive: Archive) -> None:
    await archive.add(archive.source, dialogue())
    await archive.change_consent("revoked")

    await archive.change_consent("granted")

    assert await archive.search()


async def test_another_patient_of_the_same_organization_sees_nothing(archive: Archive) -> None:
    await archive.add(archive.source, dialogue())
    capability = archive.tenant.capability("embedder:read", patient=PatientId(new_id()))

    with acting_under(capability):
        hits = await hits_of(archive.store, about(archive), vector_of(MODEL))

    assert hits == []


async def test_a_capability_that_names_no_patient_sees_nobodys_words(archive: Archive) -> None:
    await archive.add(archive.source, dialogue())

    with archive.acting_under(patient=False):
        hits = await hits_of(archive.store, about(archive), vector_of(MODEL))

    assert hits == []


async def test_a_capability_without_the_scope_sees_nothing(archive: Archive) -> None:
    await archive.add(archive.source, dialogue())

    with archive.acting_under("chat:write"):
        hits = await hits_of(archive.store, about(archive), vector_of(MODEL))

    assert hits == []


async def test_another_organization_sees_nothing(archive: Archive) -> None:
    await archive.add(archive.source, dialogue())
    stranger = archive.tenant.capability("embedder:read", patient=archive.tenant.patient_id)
    foreign = stranger.replace(str(archive.tenant.organization_id), str(new_id()), 1)

    with acting_under(foreign), pytest.raises(AppError) as caught:
        await hits_of(archive.store, about(archive), vector_of(MODEL))

    assert foreign != stranger
    assert caught.value.problem.slug == "unauthenticated"


async def test_every_table_with_words_shows_a_stranger_no_row(archive: Archive) -> None:
    await archive.add(archive.source, dialogue())

    with acting_under(archive.tenant.capability("embedder:read", patient=PatientId(new_id()))):
        async with archive.database.transaction() as tx:
            counts = [
                (
                    await tx.execute(
                        text(f"select count(*) from {table} where patient_id = :p or true"), {"p": new_id()}
                    )
                ).scalar_one()
                for table in ("chunk", "passage", "embedding", "indexed")
            ]

    assert counts == [0, 0, 0, 0]


async def test_a_row_for_another_patient_cannot_be_written(archive: Archive) -> None:
    foreign = replace(archive.source, patient_id=PatientId(new_id()))

    with archive.acting_under(), pytest.raises(Exception, match=r"consent-required|row-level security") as caught:
        await archive.store.add_vectors(foreign, MODEL, vectors_of(index_of(foreign, dialogue(), MODEL)))

    assert caught.value is not None


async def test_a_revocation_is_noted_for_deletion_once(archive: Archive) -> None:
    event = revoked(archive.source)
    with archive.acting_under():
        for _ in range(2):
            async with archive.database.transaction() as tx:
                await archive.store.withdraw(tx, event, archive.source.session_date)
        async with archive.database.transaction() as tx:
            rows = (await tx.execute(text("select consent_id, delete_after from withdrawn"))).all()

    assert [tuple(row) for row in rows] == [(event.consent_id, archive.source.session_date)]


async def test_a_session_bound_capability_reaches_only_its_session(archive: Archive) -> None:
    other = archive.new_session()
    await archive.add(archive.source, dialogue())
    await archive.add(other, dialogue())
    bound = archive.tenant.capability(
        "embedder:read", patient=archive.tenant.patient_id, session=archive.source.session_id
    )

    with acting_under(bound):
        hits = await hits_of(archive.store, about(archive), vector_of(MODEL))

    assert {hit.session_id for hit in hits} == {archive.source.session_id}


async def test_a_forged_setting_inside_a_transaction_shows_no_row(archive: Archive) -> None:
    await archive.add(archive.source, dialogue())
    genuine = archive.tenant.capability("embedder:read", patient=archive.tenant.patient_id)
    forged = genuine.replace("embedder:read", "embedder:write")

    with acting_under(archive.tenant.capability("embedder:read", patient=PatientId(new_id()))):
        async with archive.database.transaction() as tx:
            await tx.execute(text("select set_config('ctx.token', :token, true)"), {"token": forged})
            rows = (await tx.execute(text("select id from passage"))).all()

    assert rows == []
