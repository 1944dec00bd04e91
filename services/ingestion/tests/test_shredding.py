"""Crypto-shredding: what was destroyed opens for nobody, for good, and nothing else is lost with it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.common.errors import NOT_FOUND, AppError
from libs.common.ids import new_id
from libs.common.keys.key_wrapping import LocalKey, new_key
from libs.common.objects.sealed_stream import TamperedError, new_keyset, unseal
from libs.contracts.ids import OrganizationId, SessionId
from services.ingestion.keys.shredding import Shredded, shred_patient, shred_recording
from services.ingestion.keys.store import KeyStore
from services.ingestion.tests.ingestion_world import World, problem_of
from services.ingestion.tests.key_world import KeyWorld, key_world


@pytest.fixture
async def world(at: World) -> AsyncIterator[KeyWorld]:
    async with key_world(at, LocalKey(new_key())) as made:
        yield made


async def _shreds_recording(at: World, session_id: str) -> Shredded:
    with at.acting_under():
        async with at.database.transaction() as tx:
            return await shred_recording(KeyStore(), tx, SessionId(UUID(session_id)))


async def _shreds_patient(at: World, organization_id: OrganizationId | None = None) -> Shredded:
    with at.acting_under():
        async with at.database.transaction() as tx:
            whose = organization_id or at.tenant.organization_id
            return await shred_patient(KeyStore(), tx, whose, at.tenant.patient_id)


async def _key_is_gone(at: World, session_id: str) -> bool:
    with at.acting_under():
        try:
            await at.parts.queries.open_recording(SessionId(UUID(session_id)))
        except AppError as error:
            return error.problem is NOT_FOUND
    return False


async def test_a_shredded_recording_opens_for_nobody_and_its_ciphertext_is_named_for_removal(at: World) -> None:
    first, second = await at.uploads(), await at.uploads()

    shredded = await _shreds_recording(at, first)

    assert shredded.keys == 1
    assert set(shredded.object_names) < set(at.objects_left())
    assert await _key_is_gone(at, first)
    assert not await _key_is_gone(at, second)


async def test_shredding_a_patient_ends_every_recording_and_no_second_key_is_made(at: World) -> None:
    sessions = [await at.uploads() for _ in range(3)]

    shredded = await _shreds_patient(at)

    assert shredded.keys == 4
    assert set(shredded.object_names) == set(at.objects_left())
    assert [await _key_is_gone(at, one) for one in sessions] == [True] * 3
    assert problem_of(await at.sends()) == "not-found"
    assert len(at.objects_left()) == 3


async def test_shredding_twice_destroys_nothing_more(at: World) -> None:
    session_id = await at.uploads()
    await _shreds_recording(at, session_id)
    await _shreds_patient(at)

    assert await _shreds_recording(at, session_id) == Shredded(0, [])
    assert await _shreds_patient(at) == Shredded(0, [])


async def test_another_organization_can_shred_nothing_here(at: World) -> None:
    session_id = await at.uploads()
    own, at.tenant = (
        at.tenant,
        at.tenant.__class__(OrganizationId(new_id()), at.tenant.patient_id, at.tenant.therapist_id, at.tenant.minter),
    )

    found = await _shreds_recording(at, session_id), await _shreds_patient(at, own.organization_id)

    at.tenant = own

    assert found == (Shredded(0, []), Shredded(0, []))
    assert not await _key_is_gone(at, session_id)


async def test_no_other_key_opens_the_ciphertext_that_is_left(at: World) -> None:
    session_id = await at.uploads()
    (name,) = at.objects_left()
    with at.acting_under():
        opened = await at.parts.queries.open_recording(SessionId(UUID(session_id)))
    await _shreds_recording(at, session_id)

    async with at.objects.get_stream(name) as raw:
        with pytest.raises(TamperedError):
            await anext(unseal(new_keyset(), opened.context, raw))


async def test_a_rotation_does_not_bring_a_destroyed_key_back(world: KeyWorld) -> None:
    recording = await world.records()
    await _shreds_patient(world.at)

    assert await world.rotation().rotate(world.parties().organization_id) == 0

    with pytest.raises(AppError) as caught:
        await world.opens(recording)
    assert caught.value.problem is NOT_FOUND
    assert world.patients_by_version() == {None: 1}


async def test_a_destroyed_key_holds_no_old_version_back(world: KeyWorld) -> None:
    await world.records()
    await _shreds_patient(world.at)
    await world.rotation().rotate(world.parties().organization_id)
    world.retire_long_ago()

    await world.rotation().destroy(world.parties().organization_id, 1)

    assert world.versions() == [2]


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("update patient_key set wrapped = :key", {"key": b"mine"}),
        ("update patient_key set wrapped = :key, destroyed_at = null", {"key": b"mine"}),
        ("update recording set wrapped_keyset = :key", {"key": b"mine"}),
        ("update recording set object_name = 'elsewhere'", {}),
        ("update organization_key set wrapped = :key", {"key": b"mine"}),
        ("delete from patient_key", {}),
        ("delete from organization_key", {}),
    ],
)
async def test_the_service_itself_may_destroy_keys_and_not_replace_them(
    at: World, statement: str, parameters: dict[str, Any]
) -> None:
    session_id = await at.uploads()

    with at.acting_under(), pytest.raises(Exception, match=r"permission denied|may destroy|TR405"):
        async with at.database.transaction() as tx:
            await tx.execute(text(statement), parameters)

    assert not await _key_is_gone(at, session_id)


async def test_even_the_owner_cannot_put_a_destroyed_key_back(world: KeyWorld) -> None:
    await world.records()
    await _shreds_patient(world.at)

    with pytest.raises(Exception, match="stays destroyed"):
        world.rows(
            "update ingestion.patient_key set wrapped = 'x', destroyed_at = null, organization_key_version = 1"
            " where organization_id = %s",
            world.at.tenant.organization_id,
        )
