"""PROOF shred: once its key is destroyed, a recording is nowhere to be read, and what was not shredded still is.

    .venv/bin/python -m proofs.recordings.shred             # SIZE=soak for many more, SEED=n to repeat

Recordings with a canary in their sound go through the real gateway, ingestion, database and store. One organization's
patient is shredded, of another's recordings only one; then every object, row and file is searched, and every key that
is left is tried on the ciphertext that is left.
"""

import asyncio
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import httpx
import psycopg

from benchmarks.upload import Uploader, running, through_gateway
from libs.common.capability import acting_under
from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.common.keys.key_wrapping import read_root_key
from libs.common.objects.sealed_stream import TamperedError, unseal
from libs.common.objects.store import ObjectStore, StoreAddress
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from proofs.kit.line import proof, seed, sized
from proofs.recordings.bad_files import body_of
from proofs.recordings.mutations import Sent
from services.ingestion.domain import Recording, SessionParties, sealing_context
from services.ingestion.keys.chain import KeyChain
from services.ingestion.keys.shredding import shred_patient, shred_recording
from services.ingestion.keys.store import KeyStore
from services.ingestion.store import SessionStore
from services.ingestion.tests.ingestion_world import BOUNDARY

RECORDINGS = 4
RECORDINGS_TINY, RECORDINGS_SOAK = 2, 200
_SCOPES = frozenset({"ingestion:write"})


@dataclass(frozen=True)
class Kept:
    """A recording in the system, read from the database before anything is destroyed."""

    session_id: SessionId
    parties: SessionParties
    canary: bytes
    recording: Recording
    keyset: bytes

    @property
    def context(self) -> bytes:
        """Return what its ciphertext is bound to."""
        return sealing_context(self.parties, self.session_id, self.recording.object_name, self.recording.media_type)


def main() -> int:
    """Run the proof and return the exit code."""
    with infrastructure.throwaway() as infra:
        return run(infra, sized(RECORDINGS_TINY, RECORDINGS, RECORDINGS_SOAK), seed())


def run(infra: Infra, each: int, number: int) -> int:
    """Prove it over running servers, with so many recordings in each organization."""
    dice = Random(number)
    with running(infra) as stack:
        canaries = [[dice.randbytes(24) for _ in range(each)] for _ in range(2)]
        sessions = [
            [_uploaded(uploader, canary) for canary in some]
            for uploader, some in zip((through_gateway(stack), through_gateway(stack)), canaries, strict=True)
        ]
        return asyncio.run(_Shredding(infra).run(sessions, canaries, number))


class _Shredding:
    def __init__(self, infra: Infra) -> None:
        one = infra.object_store
        self._infra = infra
        self._database = Database(infra.database_url("ingestion"))
        self._objects = ObjectStore(
            StoreAddress(one.endpoint, one.access_key, one.secret_key, one.bucket, secure=one.secure)
        )
        self._keys = KeyChain(read_root_key(infra.folder.path / "root.key"), self._database, KeyStore())

    async def run(self, sessions: Sequence[Sequence[UUID]], canaries: Sequence[Sequence[bytes]], number: int) -> int:
        try:
            first, second = [
                [await self._kept(session_id, canary) for session_id, canary in zip(ids, some, strict=True)]
                for ids, some in zip(sessions, canaries, strict=True)
            ]
            readable = sum([await self._reads(one) for one in (*first, *second)])
            keys = await self._shred(first[0], second[0])
            gone, left = [*first, second[0]], second[1:]
            return await self._judged(gone, left, (readable, keys, number))
        finally:
            await self._database.close()

    async def _judged(self, gone: Sequence[Kept], left: Sequence[Kept], known: tuple[int, int, int]) -> int:
        readable, keys, number = known
        wrapped = [one.recording.wrapped_keyset or b"" for one in gone]
        needles = [one.canary for one in (*gone, *left)]
        in_objects = sum(
            needle in data for data in [await self._raw(one) for one in (*gone, *left)] for needle in needles
        )
        in_rows = self._hits_in_rows([*needles, *wrapped, *(one.keyset for one in (*gone, *left))])
        in_files = _hits_in_files(self._infra.folder.path, needles)
        control = self._hits_in_rows([one.recording.wrapped_keyset or b"" for one in left])
        still_open = sum([await self._reads(one) for one in gone])
        by_others = sum([await self._opened_by(one, other.keyset) for one in gone for other in left])
        others_read = sum([await self._reads(one) for one in left])
        good = not (in_objects or in_rows or in_files or still_open or by_others)
        good = good and others_read == len(left) == control and readable == len(gone) + len(left)
        return proof(
            "shred",
            good,
            recordings=len(gone) + len(left),
            keys_destroyed=keys,
            hits_in_objects=in_objects,
            hits_in_rows=in_rows,
            hits_in_files=in_files,
            shredded_that_open=still_open,
            opened_by_other_keys=by_others,
            others_still_read=f"{others_read}/{len(left)}",
            control=f"{control}/{len(left)}",
            seed=number,
        )

    async def _shred(self, patients: Kept, recordings: Kept) -> int:
        with acting_under(self._token(patients.parties.organization_id)):
            async with self._database.transaction() as tx:
                parties = patients.parties
                all_of_one = await shred_patient(KeyStore(), tx, parties.organization_id, parties.patient_id)
        with acting_under(self._token(recordings.parties.organization_id)):
            async with self._database.transaction() as tx:
                one = await shred_recording(KeyStore(), tx, recordings.session_id)
        return all_of_one.keys + one.keys

    async def _kept(self, session_id: UUID, canary: bytes) -> Kept:
        query = "select organization_id, patient_id, therapist_id from ingestion.session where session_id = %s"
        with psycopg.connect(self._infra.admin_url) as connection:
            (row,) = connection.execute(query, [session_id]).fetchall()
        parties = SessionParties(OrganizationId(row[0]), PatientId(row[1]), TherapistId(row[2]))
        with acting_under(self._token(parties.organization_id)):
            async with self._database.transaction() as tx:
                recording = await SessionStore().recording(tx, SessionId(session_id))
            if recording is None:
                raise ValueError("a recording that was accepted is not there")
            return Kept(SessionId(session_id), parties, canary, recording, await self._keys.open(parties, recording))

    async def _reads(self, one: Kept) -> bool:
        """Tell whether its sound can be read now, as the transcriber does it, with what the database says now."""
        with acting_under(self._token(one.parties.organization_id)):
            async with self._database.transaction() as tx:
                recording = await SessionStore().recording(tx, one.session_id)
            try:
                keyset = await self._keys.open(one.parties, recording) if recording else b""
            except AppError:
                return False
        return await self._opened_by(one, keyset)

    async def _opened_by(self, one: Kept, keyset: bytes) -> bool:
        try:
            plain = b"".join([piece async for piece in unseal(keyset, one.context, _once(await self._raw(one)))])
        except TamperedError:
            return False
        return one.canary in plain

    async def _raw(self, one: Kept) -> bytes:
        async with self._objects.get_stream(one.recording.object_name) as body:
            return b"".join([chunk async for chunk in body])

    def _hits_in_rows(self, needles: Sequence[bytes]) -> int:
        """Search every row of every table of ours, as text and as the hex that bytes are shown in."""
        forms = [form for needle in needles for form in (needle.hex(), needle.decode("latin-1"))]
        hits = 0
        with psycopg.connect(self._infra.admin_url) as connection:
            for schema, table in connection.execute(_TABLES).fetchall():
                query = f'select t::text from "{schema}"."{table}" t'
                for (row,) in connection.execute(query.encode()).fetchall():
                    hits += sum(form in row for form in forms)
        return hits

    def _token(self, organization_id: OrganizationId) -> str:
        expires_at = utc_now() + timedelta(minutes=10)
        claims = Claims(organization_id, "user:proof", _SCOPES, expires_at, new_id())
        return Minter(self._infra.capability_key_id, self._infra.capability_key).mint(claims)


_TABLES = (
    "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r'"
    " and n.nspname in ('gateway', 'consent', 'ingestion', 'transcriber', 'embedder', 'chat', 'ctx')"
)


def _uploaded(uploader: Uploader, canary: bytes) -> UUID:
    """Upload a WAV that has the canary in its samples and in its name; return the session's id."""
    samples = canary * 400
    head = struct.pack("<4sI4s4sIHHIIHH4sI", *_riff(len(samples)))
    fields = {
        "patient_id": uploader.patient_id,
        "therapist_id": uploader.therapist_id,
        "session_date": "2026-11-24T10:00:00Z",
    }
    sent = Sent(f"{canary.hex()}.wav", "audio/wav", head + samples)
    answer = httpx.post(
        f"{uploader.base_url}{uploader.path}/sessions",
        content=body_of(fields, sent),
        headers={**uploader.headers, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
        timeout=60,
        trust_env=False,
    )
    return UUID(answer.raise_for_status().json()["session_id"])


def _riff(size: int) -> tuple[object, ...]:
    return (b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", size)


def _hits_in_files(folder: Path, needles: Sequence[bytes]) -> int:
    hits = 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            hits += sum(needle in data or needle.hex().encode() in data for needle in needles)
    return hits


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


if __name__ == "__main__":
    sys.exit(main())
