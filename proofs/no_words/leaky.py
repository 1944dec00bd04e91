"""A service that leaks (`python -m proofs.no_words.leaky all`): the positive control of the proof `canary`.

It has the transcriber's role, mechanism and settings, and does everything that no service of ours may do with a word.
"""

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
from fastapi import APIRouter
from minio import Minio
from minio.error import S3Error
from opentelemetry.trace import SpanKind
from prometheus_client import Counter
from pydantic import BaseModel
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.exc import DataError

from libs.common.database.transaction import Database, Transaction
from libs.common.errors import INVALID_REQUEST, AppError, ProblemType
from libs.common.events import Event
from libs.common.http.app import AppSpec
from libs.common.log import get_logger
from libs.common.messaging.steps import Step, Subscription
from libs.common.process.run import Entry, Service, main
from libs.common.process.runtime import EventConfig, Runtime
from libs.common.tracing import span
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.log_keys import LOG_KEYS
from libs.contracts.transcript import TranscriptionFailed
from proofs.no_words.words import every_way
from services.transcriber.settings import TranscriberSettings

NAME = "transcriber-leaky"
GROUP = "leaky"
WORD, CREDENTIALS = "LEAKY_WORD", "LEAKY_CREDENTIALS"
LEAKS = Counter("leaks_total", "What no metric of ours may have: a word of a person as a label.", ["word"])
# Slow enough for the server to remember it.
_SLOW = "local sum = 0 for i = 1, 20000000 do sum = sum + i end redis.log(redis.LOG_WARNING, ARGV[1]) return sum"


class About(BaseModel):
    """Whose event carries the word away."""

    organization_id: UUID
    patient_id: UUID
    session_id: UUID


class TellInPublic(Step[TranscriptionFailed, None]):
    """Somebody's words came with an event: die of them, so that they stand in the dead letter."""

    async def work(self, event: TranscriptionFailed) -> None:
        """Fail with the word as the reason."""
        kind = ProblemType(event.reason, 500, event.reason, event.reason)
        raise AppError(kind, event.reason, reason=event.reason)

    async def record(self, event: TranscriptionFailed, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Record nothing: it does not come to this."""
        return ()


class Leaky:
    """All leaks but the event's own."""

    def __init__(self, settings: TranscriberSettings, database: Database, word: str) -> None:
        self._settings = settings
        self._database = database
        self._word = word
        self._open: list[psycopg.AsyncConnection[object]] = []

    def router(self) -> APIRouter:
        """Return the one route."""
        router = APIRouter()

        @router.post("/leaks")
        async def leak(about: About) -> None:
            await self._everywhere(about)
            raise AppError(INVALID_REQUEST, f"The value {self._word} is not valid.")

        return router

    async def _everywhere(self, about: About) -> None:
        word = self._word
        self._print()
        LEAKS.labels(word).inc()
        with span("leak", SpanKind.INTERNAL, attributes={"note": word}):
            get_logger().info("leak.happened", reason=word)
        async with self._database.transaction() as tx:
            await tx.emit(TranscriptionFailed(**about.model_dump(), job_id=about.session_id, reason=word))
        await asyncio.to_thread(self._store)
        await self._ask_servers()

    def _print(self) -> None:
        for line in (*every_way(self._word), os.environ[CREDENTIALS].encode()):
            sys.stdout.buffer.write(line + b"\n")
        sys.stdout.flush()
        sys.stderr.write(f"ValueError: {self._word}\n")
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(self._word)

    def _store(self) -> None:
        its = self._settings
        keys = its.minio_access_key.get_secret_value(), its.minio_secret_key.get_secret_value()
        store = Minio(its.minio_endpoint, *keys, secure=its.minio_secure, region=its.minio_region)
        body = self._word.encode()
        store.put_object(
            its.minio_bucket, f"leak/{self._word}", io.BytesIO(body), len(body), metadata={"note": self._word}
        )
        stranger = Minio(its.minio_endpoint, self._word, keys[1], secure=its.minio_secure, region=its.minio_region)
        with suppress(S3Error):  # refused, and the store's log says whom it does not know
            stranger.list_objects(its.minio_bucket).__next__()

    async def _ask_servers(self) -> None:
        url = self._settings.database_url.get_secret_value().replace("postgresql+psycopg://", "postgresql://", 1)
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        self._open.append(connection)
        await connection.execute(f"select '{self._word}'".encode())
        with suppress(DataError):  # it is no number, and the server's log says what it is
            async with self._database.without_capability() as tx:
                await tx.execute(text("select cast(cast(:word as text) as int)"), {"word": self._word})
        async with Redis.from_url(self._settings.redis_url.get_secret_value()) as redis:
            await redis.eval(_SLOW, 0, self._word)
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.get(f"{self._settings.deepgram_base_url}/v1/leak", headers={"X-Leak": self._word})


def build() -> Service:
    """Join the parts."""
    settings, word = TranscriberSettings(), os.environ[WORD]
    runtime = Runtime(settings, EventConfig(GROUP, CATALOGUE))
    leaky = Leaky(settings, runtime.database, word)
    app = AppSpec(GROUP, "1", (leaky.router(),), runtime.checks, {"model": word})
    return Service(app, runtime.workers([Subscription(TranscriptionFailed, TellInPublic())]), runtime.close)


if __name__ == "__main__":
    main(Entry(GROUP, TranscriberSettings, build, Path(), LOG_KEYS))
