"""The chain of keys: made once, the same for everybody who asks, useless without the key above."""

import asyncio

import psycopg
import pytest

from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.common.keys.key_wrapping import LocalKey, new_key
from libs.contracts.ids import RecordingId
from libs.contracts.settings import WithRecordings
from services.ingestion.domain import Recording, SessionParties
from services.ingestion.keys.chain import KeyChain, recording_context
from services.ingestion.keys.settings import KeySettings
from services.ingestion.keys.store import KeyStore
from services.ingestion.tests.ingestion_world import World


def _parties(at: World) -> SessionParties:
    return SessionParties(at.tenant.organization_id, at.tenant.patient_id, at.tenant.therapist_id)


async def _recording(chain: KeyChain, parties: SessionParties) -> Recording:
    recording_id = RecordingId(new_id())
    key = await chain.patient_key(parties)
    wrapped = await key.wrap(b"keyset", recording_context(parties, recording_id))
    return Recording(recording_id, "name", "audio/wav", 1, "0" * 64, wrapped)


def test_what_was_stored_before_the_names_were_settings_is_still_found_and_opened() -> None:
    assert KeySettings.model_fields["aws_kms_context_name"].default == "therapyrag"
    assert WithRecordings.model_fields["minio_bucket"].default == "recordings"


async def test_a_key_wrapped_now_opens_later(at: World) -> None:
    chain = KeyChain(LocalKey(new_key()), at.database, KeyStore())

    with at.acting_under():
        recording = await _recording(chain, _parties(at))

        assert await chain.open(_parties(at), recording) == b"keyset"


async def test_two_first_uploads_at_once_agree_on_the_keys(at: World) -> None:
    chain = KeyChain(LocalKey(new_key()), at.database, KeyStore())

    with at.acting_under():
        recordings = await asyncio.gather(*(_recording(chain, _parties(at)) for _ in range(6)))

        assert [await chain.open(_parties(at), one) for one in recordings] == [b"keyset"] * 6


async def test_another_root_key_opens_nothing(at: World) -> None:
    with at.acting_under():
        recording = await _recording(KeyChain(LocalKey(new_key()), at.database, KeyStore()), _parties(at))

        with pytest.raises(AppError) as caught:
            await KeyChain(LocalKey(new_key()), at.database, KeyStore()).open(_parties(at), recording)

    assert caught.value.problem.slug == "upstream-refused"


async def test_destroying_the_patients_key_erases_the_recording(at: World) -> None:
    chain = KeyChain(LocalKey(new_key()), at.database, KeyStore())
    with at.acting_under():
        recording = await _recording(chain, _parties(at))
        with psycopg.connect(at.infra.admin_url) as connection:
            connection.execute("delete from ingestion.patient_key where patient_id = %s", [at.tenant.patient_id])

        with pytest.raises(AppError) as caught:
            await chain.open(_parties(at), recording)

    assert caught.value.problem.slug == "not-found"
