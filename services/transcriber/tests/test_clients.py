"""Keys over HTTP from a server that stands in for ingestion and consent, recordings out of a real object store."""

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.capability import acting_under
from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.common.http.client import ServiceClient
from libs.common.http.problems import MEDIA_TYPE
from libs.common.ids import new_id
from libs.common.objects.sealed_stream import TamperedError, new_keyset, seal
from libs.common.objects.store import ObjectStore, StoreAddress
from libs.contracts.ids import PatientId, SessionId, TherapistId
from libs.contracts.problems import BY_SLUG, CONSENT_REQUIRED
from libs.contracts.purposes import Purpose
from libs.devstack.infra import Infra
from libs.devstack.vendors.asgi_server import serve
from services.transcriber.clients import ConsentClient, StoredRecordings
from services.transcriber.ports import RecordingKey

CONTENT = bytes(range(256)) * 10_000
CONTEXT = b"organization|patient|session"


class Peers:
    """What ingestion and consent answer, and what they were asked."""

    def __init__(self) -> None:
        self.keyset = new_keyset()
        self.key: dict[str, Any] = {
            "object_name": f"tests/{new_id()}",
            "media_type": "audio/mpeg",
            "size_bytes": len(CONTENT),
            "content_sha256": "ab" * 32,
            "keyset": base64.b64encode(self.keyset).decode(),
            "associated_data": base64.b64encode(CONTEXT).decode(),
        }
        self.consent_holds = True
        self.held: list[Any] = []

    def app(self) -> Starlette:
        """Both services in one."""
        return Starlette(
            routes=[
                Route("/sessions/{id}/recording-key", self._recording_key),
                Route("/holds", self._hold, methods=["POST"]),
            ]
        )

    async def _recording_key(self, _: Request) -> Response:
        return JSONResponse(self.key)

    async def _hold(self, request: Request) -> Response:
        asked = await request.json()
        self.held.append(asked)
        if self.consent_holds:
            return JSONResponse({"consents": {purpose: str(new_id()) for purpose in asked["purposes"]}})
        problem = {"type": "/problems/consent-required", "status": 403, "detail": "No.", "missing": ["recording"]}
        return JSONResponse(problem, 403, media_type=MEDIA_TYPE)


class World:
    """Peers that answer, an object store that keeps, and the clients of both."""

    def __init__(self, peers: Peers, url: str, infra: Infra) -> None:
        at = infra.object_store
        self.peers = peers
        self.client = ServiceClient(url, 5, BY_SLUG)
        self.store = ObjectStore(StoreAddress(at.endpoint, at.access_key, at.secret_key, at.bucket))
        self.recordings = StoredRecordings(self.client, self.store)

    async def keep(self, content: bytes) -> None:
        """Seal and store a recording, as ingestion does."""
        sealed = seal(self.peers.keyset, CONTEXT, _pieces(content))
        await self.store.put_stream(self.peers.key["object_name"], sealed)

    async def key(self) -> RecordingKey:
        """Ask for the recording's key."""
        with acting_under("a-capability"):
            return await self.recordings.key_of(SessionId(new_id()))


@pytest.fixture
def served() -> Iterator[tuple[Peers, str]]:
    peers = Peers()
    with serve(peers.app()) as url:
        yield peers, url


@pytest.fixture
async def world(served: tuple[Peers, str], infra: Infra) -> AsyncIterator[World]:
    made = World(*served, infra)
    yield made
    await made.client.close()


async def test_a_recording_is_read_in_the_clear_and_again_from_the_start(world: World) -> None:
    await world.keep(CONTENT)

    content = world.recordings.open(await world.key())

    for _ in range(2):
        assert b"".join([block async for block in content]) == CONTENT


async def test_a_recording_under_another_context_is_refused(world: World) -> None:
    await world.keep(CONTENT)
    world.peers.key["associated_data"] = base64.b64encode(b"another patient").decode()

    with pytest.raises(TamperedError):
        async for _ in world.recordings.open(await world.key()):
            pass


async def test_reading_may_stop_early(world: World) -> None:
    await world.keep(CONTENT)
    blocks = aiter(world.recordings.open(await world.key()))

    first = await anext(blocks)
    await blocks.aclose()

    assert CONTENT.startswith(first)


@pytest.mark.parametrize("wrong", [{"keyset": "not base64!"}, {"object_name": None}])
async def test_a_key_of_another_shape_is_a_failure_that_does_not_show_the_key(
    world: World, wrong: dict[str, object]
) -> None:
    world.peers.key |= wrong

    with pytest.raises(AppError) as caught:
        await world.key()

    assert caught.value.problem is UPSTREAM_FAILED
    assert caught.value.__cause__ is None


async def test_a_key_is_not_shown_when_it_is_printed(world: World) -> None:
    assert str(world.peers.keyset) not in repr(await world.key())


async def test_consent_is_asked_for_both_purposes(world: World) -> None:
    patient, therapist = PatientId(new_id()), TherapistId(new_id())

    await ConsentClient(world.client).hold(patient, therapist, (Purpose.RECORDING, Purpose.TRANSCRIPTION))

    (asked,) = world.peers.held

    assert asked["purposes"] == ["recording", "transcription"]
    assert (asked["patient_id"], asked["therapist_id"]) == (str(patient), str(therapist))


async def test_a_refusal_of_consent_is_one_here_too(world: World) -> None:
    world.peers.consent_holds = False

    with pytest.raises(AppError) as caught:
        await ConsentClient(world.client).hold(PatientId(new_id()), TherapistId(new_id()), (Purpose.RECORDING,))

    assert caught.value.problem is CONSENT_REQUIRED


async def _pieces(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]
