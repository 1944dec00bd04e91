"""A patient's recordings and the keys above them, with the verbs of an operator and of an erasure."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.common.keys.key_wrapping import KeyWrapping
from libs.contracts.ids import PatientId, RecordingId
from services.ingestion.domain import Recording, SessionParties
from services.ingestion.keys.chain import KeyChain, recording_context
from services.ingestion.keys.rotation import Rotation
from services.ingestion.keys.rotation_store import RotationStore
from services.ingestion.keys.store import KeyStore
from services.ingestion.tests.ingestion_world import World


@dataclass
class KeyWorld:
    """One organization's keys under one root."""

    at: World
    root: KeyWrapping
    database: Database

    @property
    def chain(self) -> KeyChain:
        return KeyChain(self.root, self.at.database, KeyStore())

    def parties(self, patient_id: PatientId | None = None) -> SessionParties:
        tenant = self.at.tenant
        return SessionParties(tenant.organization_id, patient_id or tenant.patient_id, tenant.therapist_id)

    async def records(self, parties: SessionParties | None = None) -> Recording:
        """A recording's key is made and wrapped."""
        parties = parties or self.parties()
        recording_id = RecordingId(new_id())
        with self.at.acting_under():
            key = await self.chain.patient_key(parties)
            wrapped = await key.wrap(b"keyset", recording_context(parties, recording_id))
        return Recording(recording_id, "name", "audio/wav", 1, "0" * 64, wrapped)

    async def opens(self, recording: Recording, parties: SessionParties | None = None) -> bytes:
        with self.at.acting_under():
            return await self.chain.open(parties or self.parties(), recording)

    def rotation(self, *, execute: bool = True, root: KeyWrapping | None = None) -> Rotation:
        return Rotation(root or self.root, RotationStore(self.database), execute=execute)

    def rows(self, query: str, *parameters: Any) -> Sequence[tuple[Any, ...]]:
        """What a superuser reads or does."""
        with psycopg.connect(self.at.infra.admin_url) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def patients_by_version(self) -> dict[int | None, int]:
        rows = self.rows(
            "select organization_key_version, count(*) from ingestion.patient_key"
            " where organization_id = %s group by 1",
            self.at.tenant.organization_id,
        )
        return {version: int(count) for version, count in rows}

    def versions(self) -> list[int]:
        rows = self.rows(
            "select version from ingestion.organization_key where organization_id = %s order by 1",
            self.at.tenant.organization_id,
        )
        return [int(row[0]) for row in rows]

    def retire_long_ago(self) -> None:
        self.rows(
            "update ingestion.organization_key set retired_at = retired_at - interval '2 hours'"
            " where organization_id = %s and retired_at is not null",
            self.at.tenant.organization_id,
        )


@asynccontextmanager
async def key_world(at: World, root: KeyWrapping) -> AsyncIterator[KeyWorld]:
    """Open a world; the operator logs in as migrations do."""
    database = Database(at.infra.admin_url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        yield KeyWorld(at, root, database)
    finally:
        await database.close()
