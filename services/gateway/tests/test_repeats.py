"""A repeated request: it belongs to the key that asked, and is answered with the rights and the consent of now."""

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from libs.common.capability import acting_under
from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import OrganizationId
from libs.contracts.problems import REFUSALS
from libs.contracts.purposes import Purpose
from libs.devstack.infra import Infra
from services.gateway.handlers import RedactStoredAnswers
from services.gateway.idempotency.store import IdempotencyStore
from services.gateway.routes import BY_OPERATION, ROUTES, Repeat, Trait
from services.gateway.tests.gateway_world import GatewayWorld

SESSION = str(uuid4())
WORDS = {"session_id": SESSION, "version": 2, "full_text": "what was said", "segments": [{"text": "what was said"}]}
SWAP = f"/api/v1/sessions/{SESSION}/transcript/swap-speakers"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


def once() -> dict[str, str]:
    """A new Idempotency-Key."""
    return {"Idempotency-Key": uuid4().hex}


def replayed(answer: httpx.Response) -> bool:
    """Whether it was answered by what was done before."""
    return bool(answer.headers.get("idempotent-replayed") == "true")


def slug(answer: httpx.Response) -> str:
    """The kind of a problem."""
    return str(answer.json()["type"].rpartition("/")[2])


def asks(world: GatewayWorld) -> dict[str, str]:
    """A question of the organization's patient; the peer is made to answer it."""
    world.peer.body = json.dumps({"message_id": str(uuid4()), "response": "you said this"}).encode()
    return {"patient_id": world.patient_id, "message": "What did I say?"}


def rows(infra: Infra, statement: str, *values: Any) -> list[Any]:
    """Look at the tables as nobody but an administrator can."""
    with psycopg.connect(infra.admin_url) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def test_every_route_that_takes_an_idempotency_key_says_how_it_is_repeated() -> None:
    assert {route.operation_id: route.repeat for route in ROUTES if route.replayable} == {
        "createApiKey": Repeat.SECRET,
        "rotateApiKey": Repeat.SECRET,
        "createPatientToken": Repeat.SECRET,
        "uploadSession": Repeat.SERVICE,
        "createUser": Repeat.READ,
        "grantConsent": Repeat.READ,
        "revokeConsent": Repeat.READ,
        "publishConsentDocument": Repeat.READ,
        "retrySession": Repeat.READ,
        "releaseSession": Repeat.READ,
        "swapSpeakers": Repeat.READ,
        "chat": Repeat.READ,
    }
    assert {route.operation_id for route in ROUTES if Trait.TELLS_WORDS in route.traits} == {"swapSpeakers", "chat"}


@pytest.mark.parametrize(
    ("operation", "path", "body", "reads"),
    [
        ("grantConsent", "/consents", "grant", "/consents/x"),
        ("revokeConsent", f"/consents/{SESSION}/revoke", None, "/consents/x/revocation"),
        ("publishConsentDocument", "/consent-documents", "text", "/consent-documents/x"),
        ("retrySession", f"/sessions/{SESSION}/retry", None, "/sessions/x"),
    ],
)
async def test_a_repeat_reads_what_was_made_again_and_makes_nothing(
    world: GatewayWorld, operation: str, path: str, body: str | None, reads: str
) -> None:
    bodies = {"grant": world.grant, "text": {"consent_type": "recording", "text": "I agree."}}
    key, sent = once(), bodies[body] if body else None
    first = await world.http.post(f"/api/v1{path}", headers=key, json=sent)
    world.peer.body = b'{"id": "x", "as_it_is": "now"}'

    again = await world.http.post(f"/api/v1{path}", headers=key, json=sent)

    heard = [(heard.method, heard.path) for heard in world.peer.heard[1:]]

    assert heard == [("GET", reads)]
    assert world.peer.heard[1].claims.scopes == BY_OPERATION[operation].capability
    assert (again.status_code, again.json()["as_it_is"], replayed(again)) == (first.status_code, "now", True)
    assert again.headers.get("location") == first.headers.get("location")


async def test_no_key_meets_what_another_key_did_and_none_gets_its_secret(world: GatewayWorld) -> None:
    weak = (await world.new_key("admin", "sessions:read"))["api_key"]
    wanted, key = {"name": "strong", "scopes": ["admin", "chat:delegate"]}, once()
    made = await world.http.post("/api/v1/api-keys", json=wanted, headers=key)

    async with world.as_bearer(weak) as http:
        tried = await http.post("/api/v1/api-keys", json=wanted, headers=key)
        other = await http.post("/api/v1/api-keys", json=wanted | {"scopes": ["admin"]}, headers=key)

    assert (tried.status_code, slug(tried)) == (403, "forbidden")
    assert (other.status_code, other.json()["id"] != made.json()["id"]) == (201, True)
    assert made.json()["api_key"] not in tried.text + other.text


async def test_a_secret_is_told_again_for_a_minute_and_then_only_what_it_was(world: GatewayWorld, infra: Infra) -> None:
    wanted, key = {"name": "mine", "scopes": ["sessions:read"]}, once()
    made = await world.http.post("/api/v1/api-keys", json=wanted, headers=key)
    soon = await world.http.post("/api/v1/api-keys", json=wanted, headers=key)
    rows(infra, "update gateway.replay set kept_at = kept_at - interval '61 seconds' returning 1")

    later = await world.http.post("/api/v1/api-keys", json=wanted, headers=key)

    where = "organization_id = %s and sealed is not null"
    sealed = rows(infra, f"select 1 from gateway.replay where {where}", world.organization_id)
    names = [key["name"] for key in (await world.http.get("/api/v1/api-keys")).json()["data"]]

    assert (soon.status_code, soon.json(), replayed(soon)) == (201, made.json(), True)
    assert soon.headers["cache-control"] == "no-store"
    assert (later.status_code, slug(later), later.json()["id"]) == (409, "idempotency-secret-shown", made.json()["id"])
    assert sealed == []
    assert names.count("mine") == 1


async def test_a_token_of_a_patient_is_told_again_for_a_minute_too(world: GatewayWorld, infra: Infra) -> None:
    path, key = f"/api/v1/patients/{world.patient_id}/tokens", once()
    made = await world.http.post(path, headers=key)
    soon = await world.http.post(path, headers=key)
    rows(infra, "update gateway.replay set kept_at = kept_at - interval '61 seconds' returning 1")

    later = await world.http.post(path, headers=key)

    assert (soon.json(), later.json()["id"]) == (made.json(), made.json()["jti"])


async def test_what_is_kept_holds_no_word_and_no_digest_that_can_be_guessed(world: GatewayWorld, infra: Infra) -> None:
    asked, key = asks(world), {"Idempotency-Key": "JohnSmithson"}
    await world.http.post("/api/v1/chat", json=asked, headers=key)
    sent = json.dumps(asked, separators=(",", ":")).encode()

    whose = "where organization_id = %s"
    [(kept, digest)] = rows(infra, f"select r::text, body_sha256 from gateway.replay r {whose}", world.organization_id)

    told = [b"What did I say?", b"you said this", b"JohnSmithson", hashlib.sha256(sent).digest()]

    assert not any(one.decode("latin-1") in kept or one.hex() in kept for one in told)
    assert bytes(digest) != hashlib.sha256(sent).digest()


async def test_a_repeated_question_is_answered_under_the_consent_of_now(world: GatewayWorld) -> None:
    asked, key = asks(world), once()
    first = await world.http.post("/api/v1/chat", json=asked, headers=key)
    again = await world.http.post("/api/v1/chat", json=asked, headers=key)
    world.peer.body = json.dumps(
        {"message_id": str(uuid4()), "redacted": True, "response": "of the other one"}
    ).encode()

    ended = await world.http.post("/api/v1/chat", json=asked, headers=key)

    found = f"/messages/{first.json()['message_id']}"

    assert [heard.path for heard in world.peer.heard] == ["/chat", found, found, "/chat"]
    assert [replayed(answer) for answer in (first, again, ended)] == [False, True, False]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, "consent-required"), (404, "not-found"), (409, "conflict"), (422, "invalid-request"), (410, "erased")],
)
async def test_a_no_is_not_repeated_once_its_cause_is_gone(world: GatewayWorld, status: int, kind: str) -> None:
    asked, key = asks(world), once()
    good = world.peer.body
    world.peer.refuses(status, kind)
    refused = await world.http.post("/api/v1/chat", json=asked, headers=key)
    world.peer.status, world.peer.content_type, world.peer.body = 200, "application/json", good

    allowed = await world.http.post("/api/v1/chat", json=asked, headers=key)

    assert (refused.status_code, allowed.status_code, replayed(allowed)) == (status, 200, False)


async def test_a_request_that_the_gateway_itself_refused_frees_its_key(world: GatewayWorld) -> None:
    key, body = once(), {"role": "patient", "email": f"{uuid4().hex}@example.org"}
    wrong = await world.http.post("/api/v1/users", json=body | {"role": "nobody"}, headers=key)
    made = await world.http.post("/api/v1/users", json=body, headers=key)
    other_key = once()
    taken = await world.http.post("/api/v1/users", json=body | {"role": "therapist"}, headers=other_key)
    free = await world.http.post("/api/v1/users", json=body | {"email": "other-" + body["email"]}, headers=other_key)

    assert [answer.status_code for answer in (wrong, made, taken, free)] == [422, 201, 409, 201]


async def test_another_version_named_in_if_match_is_another_request(world: GatewayWorld) -> None:
    world.peer.body, key = json.dumps(WORDS).encode(), once()
    await world.http.post(SWAP, headers=key | {"If-Match": '"1"'})

    answer = await world.http.post(SWAP, headers=key | {"If-Match": '"2"'})

    assert (answer.status_code, slug(answer)) == (422, "idempotency-changed")


async def test_a_repeated_swap_reads_the_words_under_the_consent_of_now(world: GatewayWorld) -> None:
    world.peer.body, key = json.dumps(WORDS).encode(), once()
    first = await world.http.post(SWAP, headers=key | {"If-Match": '"1"'})
    again = await world.http.post(SWAP, headers=key | {"If-Match": '"1"'})
    world.peer.refuses(404, "not-found")

    ended = await world.http.post(SWAP, headers=key | {"If-Match": '"1"'})

    assert [(heard.method, heard.path) for heard in world.peer.heard[1:]] == [
        ("GET", f"/sessions/{SESSION}/transcript")
    ] * 2
    assert (first.json(), again.json(), replayed(again), ended.status_code) == (WORDS, WORDS, True, 404)


async def test_a_key_that_may_write_words_and_not_read_them_is_not_given_them(world: GatewayWorld) -> None:
    world.peer.body, key = json.dumps(WORDS).encode(), once()
    writer = (await world.new_key("transcripts:write"))["api_key"]
    segments = [{"id": 1, "text": "corrected"}]

    async with world.as_bearer(writer) as http:
        swaps = [await http.post(SWAP, headers=key | {"If-Match": '"1"'}) for _ in range(2)]
        path = f"/api/v1/sessions/{SESSION}/transcript"
        corrected = await http.patch(path, json={"segments": segments}, headers={"If-Match": '"1"'})

    assert [answer.json() for answer in (*swaps, corrected)] == [{"session_id": SESSION, "version": 2}] * 3


async def test_a_repeated_upload_says_so_like_all_others(world: GatewayWorld) -> None:
    world.peer.status, world.peer.extra_headers = 202, [(b"idempotent-replayed", b"true")]

    answer = await world.http.post("/api/v1/sessions", content=b"--x--", headers=MULTIPART | once())

    assert replayed(answer)


async def test_consent_that_ends_takes_references_to_words_away_and_leaves_those_to_what_was_made(
    world: GatewayWorld, infra: Infra
) -> None:
    asked, key, granted = asks(world), once(), once()
    await world.http.post("/api/v1/chat", json=asked, headers=key)
    world.peer.body = b'{"id": "x"}'
    await world.http.post("/api/v1/consents", json=world.grant, headers=granted)

    await _revokes(world, infra)

    whose = "where organization_id = %s"
    kept = rows(infra, f"select route from gateway.replay {whose}", world.organization_id)

    assert kept == [("grantConsent /api/v1/consents",)]


async def _revokes(world: GatewayWorld, infra: Infra) -> None:
    organization_id, database = (
        OrganizationId(UUID(world.organization_id)),
        Database(infra.database_url("gateway"), REFUSALS),
    )
    event = ConsentRevoked(
        organization_id=organization_id,
        patient_id=UUID(world.patient_id),
        therapist_id=UUID(world.therapist_id),
        consent_id=new_id(),
        consent_type=Purpose.AI_ANALYSIS,
    )
    claims = Claims(organization_id, "test", frozenset({"consent:read"}), utc_now() + timedelta(minutes=1), new_id())
    with acting_under(Minter(infra.capability_key_id, infra.capability_key).mint(claims)):
        async with database.transaction() as tx:
            assert await RedactStoredAnswers(IdempotencyStore()).record(event, None, tx) == ()
    await database.close()
