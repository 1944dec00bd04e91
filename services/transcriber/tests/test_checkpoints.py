"""Checkpoints: sealed with the recording's key, one session's only, and gone with what a vendor answered."""

from dataclasses import replace

import pytest

from libs.common.errors import AppError
from libs.common.objects.sealed_stream import TamperedError, new_keyset
from libs.contracts.ids import SessionId
from libs.contracts.problems import CONSENT_REQUIRED
from services.transcriber.checkpoints import SealedCheckpoints
from services.transcriber.domain import About
from services.transcriber.ports import RecordingKey
from services.transcriber.tests.archive import Archive

WORDS = b"what was said in the second block"
FINGERPRINT = bytes(32)


def _of(archive: Archive, key: RecordingKey, fingerprint: bytes = FINGERPRINT) -> SealedCheckpoints:
    return SealedCheckpoints(archive.database, archive.store, archive.first.about, fingerprint, key)


@pytest.fixture
def key() -> RecordingKey:
    return RecordingKey("object", "audio/mpeg", 5, "ab" * 32, new_keyset(), b"context")


async def test_what_was_saved_is_loaded_by_its_number(archive: Archive, key: RecordingKey) -> None:
    with archive.acting_under():
        await _of(archive, key).save(1, WORDS)

        loaded = [await _of(archive, key).load(number) for number in (0, 1)]

    assert loaded == [None, WORDS]


async def test_another_request_finds_nothing(archive: Archive, key: RecordingKey) -> None:
    with archive.acting_under():
        await _of(archive, key).save(0, WORDS)

        loaded = await _of(archive, key, fingerprint=bytes([1] * 32)).load(0)

    assert loaded is None


async def test_no_word_of_a_checkpoint_can_be_read_without_the_recordings_key(
    archive: Archive, key: RecordingKey
) -> None:
    with archive.acting_under():
        await _of(archive, key).save(0, WORDS)

        with pytest.raises(TamperedError):
            await _of(archive, replace(key, keyset=new_keyset())).load(0)


async def test_without_consent_nothing_is_kept(archive: Archive, key: RecordingKey) -> None:
    await archive.consent_is("revoked", "transcription")

    with archive.acting_under(), pytest.raises(AppError) as caught:
        await _of(archive, key).save(0, WORDS)

    assert caught.value.problem is CONSENT_REQUIRED


async def test_checkpoints_go_with_what_a_vendor_answered(archive: Archive, key: RecordingKey) -> None:
    with archive.acting_under():
        await _of(archive, key).save(0, WORDS)
    async with archive.transaction() as tx:
        await archive.store.delete_speech(tx, archive.session_id)

    with archive.acting_under():
        loaded = await _of(archive, key).load(0)

    assert loaded is None


async def test_another_session_finds_nothing(archive: Archive, key: RecordingKey) -> None:
    other: About = replace(archive.first.about, session_id=SessionId(archive.tenant.patient_id))
    with archive.acting_under():
        await _of(archive, key).save(0, WORDS)

        loaded = await replace(_of(archive, key), about=other).load(0)

    assert loaded is None
