"""HTTP clients of consent and ingestion, and recordings from the object store."""

import base64
import binascii
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.http.client import ServiceClient
from libs.common.objects.sealed_stream import unseal
from libs.common.objects.store import ObjectStore
from libs.contracts.ids import PatientId, SessionId, TherapistId
from libs.contracts.purposes import Purpose
from libs.tenancy.consent_hold import hold
from services.transcriber.ports import ByteSource, RecordingKey


class ConsentClient:
    """Implements ports.Consents over the consent service."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId, purposes: Sequence[Purpose]) -> None:
        """Require consent to all purposes. Raises AppError(CONSENT_REQUIRED)."""
        await hold(self._client, patient_id, therapist_id, purposes)


class StoredRecordings:
    """Implements ports.Recordings: keys from ingestion, bytes from the object store."""

    def __init__(self, ingestion: ServiceClient, store: ObjectStore) -> None:
        self._ingestion = ingestion
        self._store = store

    async def key_of(self, session_id: SessionId) -> RecordingKey:
        """Return the key of a session's recording. Raises AppError(CONSENT_REQUIRED) if ingestion refuses."""
        response = await self._ingestion.request("GET", f"/sessions/{session_id}/recording-key")
        try:
            wire = _Key.model_validate_json(response.content)
            return RecordingKey(
                wire.object_name,
                wire.media_type,
                wire.size_bytes,
                wire.content_sha256,
                keyset=base64.b64decode(wire.keyset, validate=True),
                associated_data=base64.b64decode(wire.associated_data, validate=True),
            )
        except (ValidationError, binascii.Error):
            # `from None`, because the validator's message contains the key.
            raise AppError(UPSTREAM_FAILED, "Ingestion sent an invalid recording key.") from None

    def open(self, key: RecordingKey) -> ByteSource:
        """Return the decrypted content; reading it raises AppError if the ciphertext was altered."""
        return _Decrypted(self._store, key)


@dataclass(frozen=True)
class _Decrypted:
    store: ObjectStore
    key: RecordingKey

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async with self.store.get_stream(self.key.object_name) as sealed:
            plain = unseal(self.key.keyset, self.key.associated_data, sealed)
            # Closed at once when the reader stops early, and with it the connection to the store.
            async with aclosing(plain) as blocks:
                async for block in blocks:
                    yield block


class _Key(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    object_name: str
    media_type: str
    size_bytes: int
    content_sha256: str
    keyset: str
    associated_data: str
