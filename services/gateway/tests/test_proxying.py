"""What passes through the gateway: which capability goes along, what comes back, and what never does."""

import asyncio
import json
import re
import resource
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from libs.devstack.conditions import until
from libs.devstack.infra import Infra
from services.gateway.tests.gateway_world import GatewayWorld, gateway, gateway_world

BOUNDARY = "gateway-tests"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
MIB = 1024 * 1024


async def test_a_consent_is_passed_with_what_was_observed_and_under_its_own_capability(world: GatewayWorld) -> None:
    answer = await world.http.post("/api/v1/consents", json=world.grant, headers={"User-Agent": "portal/1"})

    heard = world.peer.heard[-1]

    assert answer.status_code == 200  # the peer's own status passes
    assert b'"observed":{"user_agent":"portal/1","ip":"127.0.0.1"}' in heard.body.replace(b" ", b"")
    assert heard.claims.scopes == {"consent:write"}
    assert str(heard.claims.organization_id) == world.organization_id
    assert str(heard.claims.patient_id) == world.patient_id
    assert heard.claims.api_key_id == world.key[9:21]


async def test_a_consent_about_somebody_unknown_or_in_another_role_goes_nowhere(world: GatewayWorld) -> None:
    for wrong in ({"patient_id": str(uuid4())}, {"patient_id": world.therapist_id}, {"therapist_id": str(uuid4())}):
        answer = await world.http.post("/api/v1/consents", json=world.grant | wrong)
        assert answer.status_code == 404

    assert world.peer.heard == []


async def test_naming_a_witness_takes_its_own_scope(world: GatewayWorld) -> None:
    key = await world.new_key("consent:write")

    async with world.as_bearer(key["api_key"]) as http:
        answer = await http.post("/api/v1/consents", json=world.grant | {"witnessed_by": world.therapist_id})

    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_no_gateway_scope_ever_leaves_the_gateway(world: GatewayWorld, method: str) -> None:
    await world.http.request(method, f"/api/v1/conversations/{uuid4()}" + ("/messages" if method == "GET" else ""))

    assert not any(scope.startswith("gateway") for scope in world.peer.heard[-1].claims.scopes)


async def test_a_peers_problem_passes_with_an_address_one_can_open(world: GatewayWorld) -> None:
    world.peer.refuses(403, "consent-required", missing=["ai_analysis"])

    answer = await world.http.post("/api/v1/chat", json={"patient_id": world.patient_id, "message": "?"})
    page = await world.http.get("/problems/consent-required")

    body = answer.json()

    assert (answer.status_code, body["missing"]) == (403, ["ai_analysis"])
    assert body["type"] == "https://api.practice.example/problems/consent-required"
    assert body["instance"] == "/api/v1/chat"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "POST /api/v1/consents" in page.text


async def test_a_peer_that_is_down_is_a_503_and_a_peer_that_breaks_says_nothing_of_its_inside(
    infra: Infra, world: GatewayWorld
) -> None:
    world.peer.status, world.peer.content_type, world.peer.body = 500, "text/plain", b"Traceback: secret"
    broken = await world.http.get("/api/v1/sessions")
    async with gateway(infra, "http://127.0.0.1:9") as url, httpx.AsyncClient(trust_env=False) as http:
        down = await http.get(f"{url}/api/v1/sessions", headers={"Authorization": f"Bearer {world.key}"})

    assert (broken.status_code, down.status_code) == (502, 503)
    assert "secret" not in broken.text
    assert down.headers["retry-after"]


async def test_unknown_fields_and_parameters_do_not_pass(world: GatewayWorld) -> None:
    body = await world.http.post("/api/v1/consents", json=world.grant | {"observed": {"ip": "1.2.3.4"}})
    query = await world.http.get("/api/v1/sessions", params={"organization_id": str(uuid4())})

    assert (body.status_code, query.status_code) == (422, 422)
    assert body.json()["errors"][0]["pointer"] == "/body/observed"


async def test_a_chat_stream_passes_piece_by_piece(world: GatewayWorld) -> None:
    world.peer.content_type = "text/event-stream"
    world.peer.pieces = [b"event: token\ndata: {}\n\n", b"event: done\ndata: {}\n\n"]
    body = {"patient_id": world.patient_id, "message": "?"}
    arrived: list[bytes] = []

    async with world.http.stream(
        "POST", "/api/v1/chat", json=body, headers={"Accept": "text/event-stream"}
    ) as response:
        async for piece in response.aiter_raw():
            arrived.append(piece)

    assert arrived == world.peer.pieces


async def _recording(mib: int) -> AsyncIterator[bytes]:
    for _ in range(mib):
        yield bytes(MIB)


async def test_an_upload_passes_whole(world: GatewayWorld) -> None:
    world.peer.status = 202

    answer = await world.http.post("/api/v1/sessions", content=_recording(3), headers=MULTIPART)

    assert (answer.status_code, world.peer.bytes_read) == (202, 3 * MIB)
    assert world.peer.heard[-1].claims.scopes == {
        "ingestion:write", "transcriber:write", "embedder:write", "consent:read"
    }  # fmt: skip


async def test_an_uploads_idempotency_key_goes_along_and_one_that_cannot_be_a_key_goes_nowhere(
    world: GatewayWorld,
) -> None:
    world.peer.status = 202

    for key in ("upload-1", "k" * 256):
        headers = MULTIPART | {"Idempotency-Key": key}
        answer = await world.http.post("/api/v1/sessions", content=_recording(1), headers=headers)

    assert answer.status_code == 422
    assert [heard.headers["idempotency-key"] for heard in world.peer.heard] == ["upload-1"]


async def test_an_early_refusal_comes_back_while_the_caller_is_still_sending(world: GatewayWorld) -> None:
    world.peer.answers_after_bytes = 1
    world.peer.refuses(403, "consent-required", missing=["recording"])
    url = httpx.URL(world.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        f"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.key}\r\n"
        f"Content-Type: {MULTIPART['Content-Type']}\r\nContent-Length: {400 * MIB}\r\n\r\n".encode()
        + bytes(48 * 1024)
    )

    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()

    assert head.startswith(b"HTTP/1.1 403")
    assert b"connection: close" in head.lower()
    assert world.peer.bytes_read < 64 * 1024


async def test_a_client_that_reads_only_after_sending_has_its_refusal_too(world: GatewayWorld) -> None:
    world.peer.answers_after_bytes = 1
    world.peer.refuses(403, "consent-required")

    answer = await world.http.post("/api/v1/sessions", content=_recording(30), headers=MULTIPART)

    assert answer.status_code == 403
    assert world.peer.bytes_read < MIB


async def test_an_upload_that_is_broken_off_is_broken_off_behind_the_gateway_as_well(world: GatewayWorld) -> None:
    async def dies() -> AsyncIterator[bytes]:
        yield bytes(MIB)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await world.http.post("/api/v1/sessions", content=dies(), headers=MULTIPART)

    await until(lambda: world.peer.cut_off)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Type": "application/json"}, 415), (MULTIPART | {"Content-Length": str(600 * MIB)}, 413)],
)
async def test_what_the_head_already_tells_is_refused_without_the_body(
    world: GatewayWorld, headers: dict[str, str], status: int
) -> None:
    url = httpx.URL(world.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in ({"Content-Length": "10"} | headers).items())
    writer.write(f"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nX-API-Key: {world.key}\r\n{lines}\r\n".encode())

    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()

    assert head.startswith(f"HTTP/1.1 {status}".encode())
    assert world.peer.heard == []


@pytest.mark.slow
async def test_a_large_upload_does_not_stay_in_memory(world: GatewayWorld) -> None:
    await world.http.post("/api/v1/sessions", content=_recording(20), headers=MULTIPART)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    await world.http.post("/api/v1/sessions", content=_recording(300), headers=MULTIPART)

    # Client, gateway and peer are all in this process.
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024 < 32


async def test_everything_else_about_the_gateway_is_a_problem_document_too(world: GatewayWorld) -> None:
    unknown = await world.http.get("/api/v1/nothing")
    method = await world.http.put("/api/v1/users")
    large = await world.http.post("/api/v1/users", content=bytes(600 * 1024))

    assert [answer.status_code for answer in (unknown, method, large)] == [404, 405, 413]
    for answer in (unknown, method, large):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"].startswith("https://api.practice.example/problems/")


async def test_docs_load_nothing_from_elsewhere_and_are_open_only_in_development(
    world: GatewayWorld, infra: Infra
) -> None:
    page = await world.http.get("/docs", headers={"Authorization": ""})
    parts = {
        name: await world.http.get(name, headers={"Authorization": ""})
        for name in re.findall(r'(?:src|href)="([^"]+)"', page.text)
    }
    async with gateway_world(infra, env="test") as closed:
        without_key = await closed.http.get("/openapi.json", headers={"Authorization": ""})
        with_key = await closed.http.get("/openapi.json")

    assert list(parts) == ["/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js"]
    assert {part.status_code for part in parts.values()} == {200}
    assert len(parts["/docs/swagger-ui-bundle.js"].content) > MIB
    assert re.findall(r"@import|url\((?!\"?data:)", parts["/docs/swagger-ui.css"].text) == []
    assert (without_key.status_code, with_key.status_code) == (401, 200)


async def test_a_transcript_that_the_caller_holds_is_answered_without_its_words(world: GatewayWorld) -> None:
    world.peer.status, world.peer.body, world.peer.extra_headers = 304, b"", [(b"etag", b'"1"')]

    answer = await world.http.get(f"/api/v1/sessions/{uuid4()}/transcript", headers={"If-None-Match": '"1"'})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')
    assert world.peer.heard[-1].headers["if-none-match"] == '"1"'


async def test_the_version_and_the_words_that_are_asked_for_are_asked_for_behind_the_gateway(
    world: GatewayWorld,
) -> None:
    path = f"/api/v1/sessions/{uuid4()}/transcript"

    await world.http.get(path, params={"version": 3, "words": "true"})
    heard = world.peer.heard[-1]
    refused = await world.http.get(path, params={"verison": 3})

    assert heard.query == "version=3&words=true"
    assert refused.status_code == 422


@pytest.mark.parametrize(("slug", "status"), [("not-acceptable", 406), ("precondition-required", 428)])
async def test_what_the_transcriber_misses_in_the_headers_is_told_as_such(
    world: GatewayWorld, slug: str, status: int
) -> None:
    world.peer.refuses(status, slug)

    answer = await world.http.patch(
        f"/api/v1/sessions/{uuid4()}/transcript", json={"segments": [{"id": 1, "deleted": True}]}
    )

    assert (answer.status_code, answer.json()["type"]) == (status, f"https://api.practice.example/problems/{slug}")
    assert json.loads(world.peer.heard[-1].body) == {"segments": [{"id": 1, "deleted": True}]}


async def test_a_search_names_its_patient_in_the_capability_and_its_words_in_no_address(world: GatewayWorld) -> None:
    path = f"/api/v1/patients/{world.patient_id}/transcripts/search"

    await world.http.get(path, params={"q": "my sister", "limit": 5})
    heard = world.peer.heard[-1]

    assert (heard.method, heard.path, heard.query) == ("POST", path.removeprefix("/api/v1"), "")
    assert json.loads(heard.body) == {"q": "my sister", "limit": 5}
    assert str(heard.claims.patient_id) == world.patient_id
    assert heard.claims.scopes == {"transcriber:read", "consent:read"}


@pytest.mark.parametrize("q", ["", "  ", "a\x00b", "x" * 201])
async def test_a_search_for_nothing_or_for_too_much_goes_nowhere(world: GatewayWorld, q: str) -> None:
    refused = await world.http.get(f"/api/v1/patients/{world.patient_id}/transcripts/search", params={"q": q})

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/query/q")
    assert world.peer.heard == []


async def test_a_search_in_the_transcripts_of_nobody_or_by_a_writer_alone_goes_nowhere(world: GatewayWorld) -> None:
    writer = (await world.new_key("transcripts:write"))["api_key"]
    ids = (str(uuid4()), world.therapist_id)

    unknown = [await world.http.get(f"/api/v1/patients/{one}/transcripts/search", params={"q": "a"}) for one in ids]
    async with world.as_bearer(writer) as http:
        refused = await http.get(f"/api/v1/patients/{world.patient_id}/transcripts/search", params={"q": "a"})

    assert ([answer.status_code for answer in unknown], refused.status_code) == ([404, 404], 403)
    assert world.peer.heard == []
