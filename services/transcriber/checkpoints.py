"""What was already heard of a long recording, sealed with the recording's own key and kept by fingerprint."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from libs.common.objects.sealed_stream import seal, unseal
from services.transcriber.domain import About
from services.transcriber.ports import RecordingKey, Transactions, Transcripts


class Unkept:
    """Keeps nothing: a transcription that is not repeated."""

    async def load(self, number: int) -> bytes | None:  # noqa: ARG002
        """Return None."""
        return None

    async def save(self, number: int, content: bytes) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class SealedCheckpoints:
    """Checkpoints of one request. Words and vectors of voices are worth as much as the recording, and go with its key.

    They are rows beside the vendor's answers: under the same consent, and deleted with them.
    """

    transactions: Transactions
    transcripts: Transcripts
    about: About
    fingerprint: bytes
    key: RecordingKey

    async def load(self, number: int) -> bytes | None:
        """Return what was saved under a number. Raises AppError if it was altered."""
        name = self._name(number)
        async with self.transactions.transaction() as tx:
            sealed = await self.transcripts.checkpoint(tx, self.about.session_id, name)
        return None if sealed is None else await _joined(unseal(self.key.keyset, self._context(number), _once(sealed)))

    async def save(self, number: int, content: bytes) -> None:
        """Keep content under a number. Raises AppError(CONSENT_REQUIRED) if consent ended meanwhile."""
        sealed = await _joined(seal(self.key.keyset, self._context(number), _once(content)))
        async with self.transactions.transaction() as tx:
            await self.transcripts.store_checkpoint(tx, self.about, self._name(number), sealed)

    def _name(self, number: int) -> bytes:
        return hashlib.sha256(self.fingerprint + b"/checkpoint/%d" % number).digest()

    def _context(self, number: int) -> bytes:
        return self.key.associated_data + b"/checkpoint/%d" % number


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])
