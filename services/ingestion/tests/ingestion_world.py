"""An organization that uploads: the service on a real port, the real consent service, PostgreSQL and object store."""

import asyncio
import io
import json
import socket
import wave
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import uvicorn

from libs.common.capability import acting_under
from libs.common.database.transaction import Database
from libs.common.errors import NOT_FOUND, AppError
from libs.common.events import Event
from libs.common.http.app import AppSpec, build_app
from libs.common.http.client import ServiceClient, certificates
from libs.common.keys.key_wrapping import LocalKey, new_key
from libs.common.messaging.steps import Step
from libs.common.objects.store import ObjectStore, StoreAddress
from libs.contracts.ids import ConsentId
from libs.contracts.problems import BY_SLUG, REFUSALS
from libs.contracts.purposes import Purpose
from libs.contracts.tests.tenant import Tenant
from libs.devstack.conditions import until
from libs.devstack.infra import Infra
from services.ingestion.api import Parts, build_router
from services.ingestion.clients import ConsentClient
from services.ingestion.domain import SessionParties
from services.ingestion.ports import Objects
from services.ingestion.upload.accept import CONCURRENT_UPLOADS_MAX
from services.ingestion.wiring import parts, subscriptions

BOUNDARY = "a-boundary-nobody-writes"
SCOPES = ("erasure:write", "ingestion:write", "transcriber:write", "embedder:write", "consent:read")


def wav(seconds: float = 1.0) -> bytes:
    """Silence as a WAV file of 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(bytes(int(seconds * 32_000)))
    return file.getvalue()


@dataclass(frozen=True)
class Form:
    """A multipart body to send."""

    fields: dict[str, str]
    data: bytes = field(default_factory=wav)
    filename: str = "session.wav"
    media_type: str = "audio/wav"

    def head(self) -> bytes:
        """The fields and the headers of the file."""
        return (
            b"".join(part(name, value.encode()) for name, value in self.fields.items())
            + (
                f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{self.filename}"\r\n'
                f"Content-Type: {self.media_type}\r\n\r\n"
            ).encode()
        )

    def body(self) -> bytes:
        """The whole body."""
        return self.head() + self.data + END


END = f"\r\n--{BOUNDARY}--\r\n".encode()


def part(name: str, value: bytes) -> bytes:
    """One field of a form."""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"


class CountedConsents(ConsentClient):
    """The real client, which counts the uploads that consent was found for."""

    found = 0

    async def hold(self, parties: SessionParties, purposes: Sequence[Purpose]) -> Mapping[Purpose, ConsentId]:
        held = await super().hold(parties, purposes)
        self.found += 1
        return held


@dataclass
class World:
    """One tenant and the verbs on its sessions."""

    infra: Infra
    tenant: Tenant
    parts: Parts
    database: Database
    objects: ObjectStore
    http: httpx.AsyncClient
    consent: httpx.AsyncClient
    consents: CountedConsents
    url: str

    @property
    def token(self) -> str:
        return self.tenant.capability(*SCOPES, "consent:write")

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @contextmanager
    def acting_under(self) -> Iterator[None]:
        """Act as the gateway lets this tenant act."""
        with acting_under(self.token):
            yield

    async def grants(self, *purposes: str) -> dict[str, str]:
        """The patient consents; returns the consents' ids."""
        return {purpose: await self._grants(purpose) for purpose in purposes or ("recording",)}

    async def _grants(self, purpose: str) -> str:
        body = self.ids() | {"consent_type": purpose, "document": "I agree."}
        answer = await self.consent.post("/consents", json=body, headers=self.headers)
        assert answer.is_success, answer.text
        return str(answer.json()["id"])

    async def revokes(self, consent_id: str) -> None:
        """The patient takes a consent back."""
        answer = await self.consent.post(f"/consents/{consent_id}/revoke", json={}, headers=self.headers)
        assert answer.status_code == 200, answer.text

    def ids(self) -> dict[str, str]:
        return {"patient_id": str(self.tenant.patient_id), "therapist_id": str(self.tenant.therapist_id)}

    def form(self, **more: Any) -> Form:
        """A form that is acceptable unless `more` says otherwise."""
        fields = self.ids() | {"session_date": "2026-10-05T09:30:00Z"} | more.pop("fields", {})
        return Form({name: value for name, value in fields.items() if value is not None}, **more)

    async def sends(
        self,
        form: Form | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Upload."""
        content = body if body is not None else (form or self.form()).body()
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return await self.http.post("/sessions", content=content, headers=self.headers | kind | (headers or {}))

    async def uploads(self, form: Form | None = None) -> str:
        """An upload that must work; returns the session's id."""
        await self.grants("recording", "transcription")
        answer = await self.sends(form)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["session_id"])

    async def reads(self, path: str, **params: Any) -> httpx.Response:
        """GET under this tenant's capability."""
        return await self.http.get(path, params=params, headers=self.headers)

    async def happens(self, *events: Event) -> None:
        """Facts arrive from other services, one after the other."""
        lines = subscriptions(self.database, self.objects)
        steps = {line.event.type: line.step for line in lines}
        for event in events:
            step = steps[event.type]
            assert isinstance(step, Step)
            with self.acting_under():
                result = await step.work(event)
                async with self.database.transaction() as tx:
                    await tx.emit(*await step.record(event, result, tx))

    async def erases(self, path: str, **params: Any) -> httpx.Response:
        """DELETE under this tenant's capability."""
        return await self.http.delete(path, params=params, headers=self.headers)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What this tenant's work left in the outbox, in order."""
        query = "select type, payload from ingestion.outbox where payload ->> 'organization_id' = %s order by xid, seq"
        with psycopg.connect(self.infra.admin_url) as connection:
            return list(connection.execute(query, [str(self.tenant.organization_id)]))

    def objects_left(self) -> list[str]:
        """The names of this tenant's objects in the store."""
        found = self.objects._client.list_objects(
            self.objects._bucket, prefix=f"{self.tenant.organization_id}/", recursive=True
        )
        return [str(one.object_name) for one in found]

    async def accepts_an_upload(self) -> None:
        """Wait until an upload has passed all that is checked before its file is read."""
        await until(lambda: self.consents.found > 0)

    async def is_done_with_uploads(self) -> None:
        """Wait until no upload holds a slot any more, however it ended."""
        await until(lambda: self.parts.accept._upload_slots._value == CONCURRENT_UPLOADS_MAX)

    async def is_gone(self, name: str) -> bool:
        """Tell whether an object is not in the store."""
        try:
            await self.objects.stat(name)
        except AppError as error:
            return error.problem is NOT_FOUND
        return False


def store_settings(infra: Infra) -> StoreAddress:
    """Return the test store as the client wants it."""
    one = infra.object_store
    return StoreAddress(one.endpoint, one.access_key, one.secret_key, one.bucket, secure=one.secure)


@asynccontextmanager
async def world(
    infra: Infra,
    tenant: Tenant,
    consent_url: str,
    objects: Objects | None = None,
    kind_of_database: type[Database] = Database,
) -> AsyncIterator[World]:
    """Start the service for one tenant; `objects` and the kind of database stand in for those that have to fail."""
    database = kind_of_database(infra.database_url("ingestion"), REFUSALS)
    peer = ServiceClient(consent_url, 10, BY_SLUG)
    store = ObjectStore(store_settings(infra))
    consents = CountedConsents(peer)
    made = parts(database, LocalKey(new_key()), objects or store, consents)
    app = build_app(AppSpec(title="ingestion", version="1", routers=(build_router(made),)))
    async with (
        _served(app) as url,
        httpx.AsyncClient(base_url=url, timeout=60, verify=certificates()) as http,
        httpx.AsyncClient(base_url=consent_url, verify=certificates()) as consent,
    ):
        yield World(infra, tenant, made, database, store, http, consent, consents, url)
    await peer.close()
    await database.close()


@asynccontextmanager
async def _served(app: Any) -> AsyncIterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = _Server(
            uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the test run."""
        yield


def problem_of(answer: httpx.Response) -> str:
    """Return the slug of a problem document."""
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return str(json.loads(answer.text)["type"]).rpartition("/")[2]
