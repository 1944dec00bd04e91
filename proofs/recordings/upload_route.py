"""The real way of an upload in this process: real form, validation and sealing, around a store and rows in memory."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any, cast

from libs.common.capability import acting_under
from libs.common.clock import utc_now
from libs.common.database.transaction import Database, Transaction
from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.common.keys.key_wrapping import LocalKey, new_key
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, SessionId
from libs.contracts.purposes import Purpose
from services.ingestion.domain import Recording, Session, SessionParties
from services.ingestion.keys.chain import KeyChain
from services.ingestion.ports import Sessions
from services.ingestion.upload.accept import AcceptRecording, Dependencies, UploadHead

HANG_CPU_S = 5.0
HANG_WALL_S = 60.0
"""The processor's time counts first, because a busy machine is not a hanging parser."""
CHUNK_BYTES = 16 * 1024


class HungError(Exception):
    """A request took more of the processor than HANG_CPU_S."""


class UploadRoute:
    """Takes bodies and says what became of them; keeps nothing but ciphertext, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.rows: list[Recording] = []
        world = Dependencies(
            database=cast("Database", self),
            sessions=cast("Sessions", self),
            keys=cast("KeyChain", self),
            objects=self,
            consents=self,
            erased_subjects=self,
            clock=utc_now,
            new_id=new_id,
        )
        self._accept = AcceptRecording(world)
        self._key = LocalKey(new_key())
        claims = Claims(OrganizationId(new_id()), "user:proof", frozenset(), utc_now() + timedelta(days=1), new_id())
        self._token = Minter("proof", new_key()).mint(claims)

    async def is_erased(self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId | None) -> bool:  # noqa: ARG002
        """Nobody was erased."""
        return False

    async def tries(self, content_type: str, body: bytes) -> str:
        """Return `accepted`, `refused`, `hung`, or the class of the error that got out."""
        return await self.streams(UploadHead(content_type, len(body)), _chunks(body), HANG_CPU_S)

    async def streams(self, head: UploadHead, chunks: AsyncIterator[bytes], hang_cpu_s: float) -> str:
        """Take a body whose size need not be known; say the same of it."""
        with acting_under(self._token), _within(hang_cpu_s):
            trying = asyncio.create_task(self._accept(head, chunks))
            await asyncio.wait({trying}, timeout=HANG_WALL_S)
        if not trying.done():
            trying.cancel()
            return "hung"
        error = trying.exception()
        if isinstance(error, AppError):
            return "refused" if 400 <= error.problem.status < 500 else error.problem.slug
        if isinstance(error, HungError):
            return "hung"
        return type(error).__name__ if error else "accepted"

    async def ready(self) -> None:
        """The store is ready."""

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep how it begins once it has flowed in whole, or nothing."""
        first = b""
        async for chunk in chunks:
            first = first or chunk
        self.kept[name] = first

    @asynccontextmanager
    async def get_stream(self, name: str, offset: int = 0) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give it back."""
        yield _chunks(self.kept[name][offset:])

    async def remove(self, name: str) -> None:
        """Forget it."""
        self.kept.pop(name, None)

    async def hold(self, parties: SessionParties, purposes: Sequence[Purpose]) -> Mapping[Purpose, ConsentId]:  # noqa: ARG002
        """Everything is allowed."""
        return {purpose: ConsentId(new_id()) for purpose in purposes}

    async def patient_key(self, parties: SessionParties) -> LocalKey:  # noqa: ARG002
        """One key for all."""
        return self._key

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Stand in for a database."""
        yield cast("Transaction", self)

    async def add(self, tx: Transaction, session: Session, recording: Recording) -> bool:  # noqa: ARG002
        """Keep a row; each is new."""
        self.rows.append(recording)
        return True

    async def emit(self, *events: Any, cause: object = None) -> None:
        """Nobody listens."""


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), CHUNK_BYTES):
        yield body[at : at + CHUNK_BYTES]


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise HungError in the enclosed work when it takes more of the processor, also if the loop never gets a turn."""

    def hung(_number: int, _frame: FrameType | None) -> None:
        raise HungError

    before = signal.signal(signal.SIGPROF, hung)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
