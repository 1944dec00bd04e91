"""Accepts one upload: requires consent, then counts, inspects, hashes and encrypts the bytes as they stream.

Checks in this order, stopping at the first failure: declared size, a free slot, the form, erasure of the patient,
consent, the object store, what the first bytes are; then size and digest while streaming, and what the last bytes are.
A refused upload leaves nothing in the store. Whether the recording plays is found later, by the transcriber.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo

from libs.common import capability
from libs.common.clock import Clock
from libs.common.database.transaction import Database
from libs.common.derived_ids import derived_id
from libs.common.errors import INVALID_REQUEST, PAYLOAD_TOO_LARGE, UNAVAILABLE, UPSTREAM_FAILED, AppError, FieldError
from libs.common.ids import Identify
from libs.common.log import get_logger
from libs.common.objects.sealed_stream import new_keyset, seal
from libs.contracts.capability import parse
from libs.contracts.ids import ConsentId, RecordingId, SessionId
from libs.contracts.problems import DIGEST_MISMATCH, ERASED, REPLAY_CHANGED, REPLAY_RUNNING
from libs.contracts.purposes import Purpose
from libs.contracts.recording import RecordingUploaded
from libs.contracts.session import SessionStatusChanged
from services.ingestion.domain import (
    FILE_BYTES_MAX,
    Recording,
    Session,
    SessionParties,
    Status,
    UploadClaim,
    may_repeat,
    object_name,
    repeats,
    sealing_context,
)
from services.ingestion.erasure.ports import ErasedSubjects
from services.ingestion.keys.chain import KeyChain, recording_context
from services.ingestion.ports import Consents, Objects, Sessions
from services.ingestion.upload.form import Upload, read_form
from services.ingestion.upload.multipart import FieldRead, FileBegins, FileBytes, MultipartReader, Piece
from services.ingestion.upload.sniff import HEAD_BYTES, Tail, sniff

FORM_BYTES_MAX = 64 * 1024
"""Maximum size of the body without the file: fields, headers, boundaries."""
CONCURRENT_UPLOADS_MAX = 16
"""Each upload takes about 40 MB of memory and a thread."""
SLOT_TIMEOUT_S = 5.0
"""How long an upload waits for a free slot; a client that is told to retry would wait longer."""
IDLE_TIMEOUT_S = 60.0
"""An upload that sends no data for this long is cancelled."""
UPLOAD_MAX_S = 2 * 3600.0
"""Maximum duration of an upload: the largest file at 0.6 Mbit/s. The sweep of orphans waits much longer."""
RETRY_AFTER_S = 10.0
DUPLICATE_RETRY_AFTER_S = 1.0
SAMPLE_BYTES = 4096


@dataclass(frozen=True)
class UploadHead:
    """The headers of an upload. `digest` is the SHA-256 of the file from Repr-Digest (RFC 9530).

    Repeating an upload with the same `idempotency_key` returns the same session. A bare date is a day in `zone`.
    """

    content_type: str
    content_length: int | None = None
    digest: bytes | None = None
    idempotency_key: str | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True)
class Accepted:
    """The session of an upload; `already_existed`: an earlier request with the same key created it."""

    session: Session
    already_existed: bool = False


@dataclass(frozen=True)
class Dependencies:
    """Dependencies of AcceptRecording."""

    database: Database
    sessions: Sessions
    keys: KeyChain
    objects: Objects
    consents: Consents
    clock: Clock
    new_id: Identify
    erased_subjects: ErasedSubjects


@dataclass(frozen=True)
class _Plan:
    """An upload that passed all checks before streaming."""

    parties: SessionParties
    consent_id: ConsentId
    upload: Upload
    session_id: SessionId
    recording_id: RecordingId

    @property
    def name(self) -> str:
        return object_name(self.parties, self.session_id, self.recording_id)

    @property
    def claim(self) -> UploadClaim:
        sent = self.upload
        return UploadClaim(self.parties, sent.session_day or sent.session_date, sent.language)


class AcceptRecording:
    """Stores a recording and creates its session, or leaves nothing behind."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._upload_slots = asyncio.Semaphore(CONCURRENT_UPLOADS_MAX)

    async def __call__(self, head: UploadHead, body: AsyncIterator[bytes]) -> Accepted:
        """Read the body while it is acceptable; return the session. Raises AppError at the first failed check."""
        if head.content_length is not None and head.content_length > FILE_BYTES_MAX + FORM_BYTES_MAX:
            raise _too_large()
        # The slot first: nothing is read of a body that there is no room for.
        async with self._upload_slot(), aclosing(_pieces(MultipartReader(head.content_type), body)) as pieces:
            upload = read_form(await _until_file(pieces), self._dependencies.clock(), head.zone)
            plan = await self._plan(upload, head.idempotency_key)
            stream = _RecordingStream(head.digest, pieces)
            if head.idempotency_key is not None and (before := await self._previous_upload(plan)) is not None:
                return Accepted(await _require_same_upload(plan, *before, stream), already_existed=True)
            # Before the body: a store that is down must not cost the sender half a gigabyte first.
            await self._dependencies.objects.ready()
            return Accepted(await self._store(plan, stream))

    @asynccontextmanager
    async def _upload_slot(self) -> AsyncIterator[None]:
        """Hold an upload slot. Raises AppError(UNAVAILABLE) if none is free within SLOT_TIMEOUT_S."""
        try:
            async with asyncio.timeout(SLOT_TIMEOUT_S):
                await self._upload_slots.acquire()
        except TimeoutError as error:
            detail = f"All {CONCURRENT_UPLOADS_MAX} upload slots are in use. Retry later."
            raise AppError(UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S) from error
        try:
            yield
        finally:
            self._upload_slots.release()

    async def _plan(self, upload: Upload, idempotency_key: str | None) -> _Plan:
        # Not verified here: the database verifies the capability; these claims only name the rows to write.
        claims = parse(capability.current())
        parties = SessionParties(claims.organization_id, upload.patient_id, upload.therapist_id)
        await self._refuse_erased(parties)
        held = await self._dependencies.consents.hold(parties, [Purpose.RECORDING])
        # The id is derived from the key, so the primary key rules out duplicates, even after a crash.
        # Idempotency keys are scoped to the API key: another API key with the same value creates another session.
        session_id = (
            self._dependencies.new_id()
            if idempotency_key is None
            else derived_id(claims.organization_id, "upload", str(claims.api_key_id), idempotency_key)
        )
        return _Plan(
            parties,
            held[Purpose.RECORDING],
            upload,
            SessionId(session_id),
            RecordingId(self._dependencies.new_id()),
        )

    async def _refuse_erased(self, parties: SessionParties) -> None:
        async with self._dependencies.database.transaction() as tx:
            if await self._dependencies.erased_subjects.is_erased(tx, parties.patient_id, None):
                raise AppError(ERASED, "This patient was erased. No recordings are accepted for them.")

    async def _previous_upload(self, plan: _Plan) -> tuple[Session, Recording] | None:
        """Return the session and recording that an earlier request with the same idempotency key created."""
        async with self._dependencies.database.transaction() as tx:
            session = await self._dependencies.sessions.find(tx, plan.session_id)
            recording = await self._dependencies.sessions.recording(tx, plan.session_id)
        return None if session is None or recording is None else (session, recording)

    async def _store(self, plan: _Plan, stream: "_RecordingStream") -> Session:
        # Its kind first: the encryption is bound to it, and what is no recording opens no object.
        media_type = await stream.begin()
        key = await self._dependencies.keys.patient_key(plan.parties)
        # One for each recording, so that destroying a single key erases a single recording.
        keyset = new_keyset()
        context = sealing_context(plan.parties, plan.session_id, plan.name, media_type)
        try:
            await self._dependencies.objects.put_stream(
                plan.name, stream.sampled(seal(keyset, context, stream.plain()))
            )
            await self._require_ciphertext(plan.name, stream)
            wrapped = await key.wrap(keyset, recording_context(plan.parties, plan.recording_id))
        except BaseException:
            await asyncio.shield(self._remove(plan.name))
            raise
        try:
            return await self._record(plan, stream, wrapped)
        except AppError as error:
            # If the connection was lost at commit, the row may exist: then the object belongs to a recording.
            if error.problem is not UNAVAILABLE:
                await asyncio.shield(self._remove(plan.name))
            raise

    async def _require_ciphertext(self, name: str, stream: "_RecordingStream") -> None:
        """Read the object's first bytes back and check that they are the ciphertext that was written."""
        async with self._dependencies.objects.get_stream(name) as stored:
            first = await anext(stored, b"")
        if not first.startswith(stream.sealed_sample) or stream.plain_sample in first:
            raise AppError(UPSTREAM_FAILED, "The object store did not store the upload.")

    async def _remove(self, name: str) -> None:
        # If the store is down too, the remaining object is harmless: its key was never stored.
        with suppress(AppError):
            await self._dependencies.objects.remove(name)

    async def _record(self, plan: _Plan, stream: "_RecordingStream", wrapped: bytes) -> Session:
        now = self._dependencies.clock()
        session = Session(
            id=plan.session_id,
            parties=plan.parties,
            consent_id=plan.consent_id,
            session_date=plan.upload.session_date,
            session_day=plan.upload.session_day,
            language=plan.upload.language,
            status=Status.UPLOADED,
            created_at=now,
            updated_at=now,
            stage_times={Status.UPLOADED.value: now},
            metadata=plan.upload.metadata,
        )
        recording = Recording(
            plan.recording_id, plan.name, stream.kind, stream.size, stream.digest.hexdigest(), wrapped
        )
        async with self._dependencies.database.transaction() as tx:
            if not await self._dependencies.sessions.add(tx, session, recording):
                # A concurrent duplicate won the race; a retry returns its session.
                raise AppError(REPLAY_RUNNING, REPLAY_RUNNING.doc, retry_after_s=DUPLICATE_RETRY_AFTER_S)
            await tx.emit(uploaded(session, recording), status_changed(session))
        get_logger().info("recording.accepted", session_id=str(session.id), size_bytes=stream.size)
        return session


async def _require_same_upload(
    plan: _Plan, session: Session, recording: Recording, stream: "_RecordingStream"
) -> Session:
    """Return the earlier session. Raises AppError(REPLAY_CHANGED) if fields or content differ."""
    if not may_repeat(session, plan.claim):
        raise AppError(REPLAY_CHANGED, REPLAY_CHANGED.doc)
    async for _ in stream.plain():
        pass  # read only to compute the digest
    if not repeats(recording, stream.digest.hexdigest()):
        raise AppError(REPLAY_CHANGED, REPLAY_CHANGED.doc)
    return session


class _RecordingStream:
    """Streams the file's bytes; tells their kind, and computes size and digest on the way."""

    def __init__(self, expected: bytes | None, pieces: AsyncIterator[Piece]) -> None:
        self._expected = expected
        self._pieces = pieces
        self._tail = Tail()
        self._head: list[bytes] = []
        self.kind = ""
        """The media type of the content, once it was looked at."""
        self.size = 0
        self.digest = hashlib.sha256()
        self.plain_sample = b""
        self.sealed_sample = b""

    async def begin(self) -> str:
        """Read the file's first bytes; return their kind. Raises AppError for what is no recording, or is empty."""
        size = 0
        async for piece in self._pieces:
            if isinstance(piece, FileBytes):
                self._head.append(piece.data)
                size += len(piece.data)
            if size >= HEAD_BYTES:
                break
        if not size:
            raise _empty()
        self.kind = sniff(b"".join(self._head)[:HEAD_BYTES])
        return self.kind

    async def plain(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes. Raises AppError before the end if a check fails, so no bad object is completed."""
        for data in self._head:
            self._check(data)
            yield data
        async for piece in self._pieces:
            if isinstance(piece, FileBytes):
                self._check(piece.data)
                yield piece.data
        if not self.size:
            raise _empty()
        self._tail.finish()
        # Only now, and before the object is completed: what was damaged on the way is never stored.
        if self._expected not in (None, self.digest.digest()):
            raise AppError(DIGEST_MISMATCH, DIGEST_MISMATCH.doc)

    async def sampled(self, sealed: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the ciphertext and keep its first bytes."""
        async for chunk in sealed:
            self.sealed_sample = self.sealed_sample or chunk[:SAMPLE_BYTES]
            yield chunk

    def _check(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > FILE_BYTES_MAX:
            raise _too_large()
        self._tail.feed(data)
        self.digest.update(data)
        if len(self.plain_sample) < SAMPLE_BYTES:
            self.plain_sample += data[:SAMPLE_BYTES]


def uploaded(session: Session, recording: Recording) -> RecordingUploaded:
    """Return the event for a stored recording."""
    return RecordingUploaded(
        organization_id=session.parties.organization_id,
        patient_id=session.parties.patient_id,
        therapist_id=session.parties.therapist_id,
        session_id=session.id,
        recording_id=recording.id,
        session_date=session.session_date,
        media_type=recording.media_type,
        size_bytes=recording.size_bytes,
        content_sha256=recording.content_sha256,
        duration_s=session.duration_s,
        language=session.language,
    )


def status_changed(session: Session) -> SessionStatusChanged:
    """Return the event for a session's new status."""
    return SessionStatusChanged(
        organization_id=session.parties.organization_id,
        patient_id=session.parties.patient_id,
        session_id=session.id,
        status=session.status.value,
    )


async def _pieces(reader: MultipartReader, body: AsyncIterator[bytes]) -> AsyncGenerator[Piece, None]:
    ends_at = asyncio.get_running_loop().time() + UPLOAD_MAX_S
    while True:
        if asyncio.get_running_loop().time() > ends_at:
            raise AppError(
                INVALID_REQUEST, f"The upload took longer than {UPLOAD_MAX_S / 3600:.0f} hours and was cancelled."
            )
        try:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                chunk = await anext(body, None)
        except TimeoutError as error:
            raise AppError(
                INVALID_REQUEST, f"No data was received for {IDLE_TIMEOUT_S:.0f} seconds; the upload was cancelled."
            ) from error
        if chunk is None:
            break
        for piece in reader.feed(chunk):
            yield piece
    reader.finish()


async def _until_file(pieces: AsyncIterator[Piece]) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    async for piece in pieces:
        if isinstance(piece, FileBegins):
            return fields
        if isinstance(piece, FieldRead):
            if piece.name in fields:
                raise AppError(INVALID_REQUEST, "A form field was sent twice.")
            fields[piece.name] = piece.value
    raise AppError(INVALID_REQUEST, "The form has no part named `file`.")


def _empty() -> AppError:
    return AppError(INVALID_REQUEST, "The file is empty.", errors=[FieldError("/body/file", "Must not be empty.")])


def _too_large() -> AppError:
    return AppError(PAYLOAD_TOO_LARGE, f"The recording exceeds the 500 MiB limit ({FILE_BYTES_MAX} bytes).")
