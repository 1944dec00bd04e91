"""PROOF repeat: sent again, a request gives nobody what they may not have now, and no refusal outlives its cause.

    .venv/bin/python -m proofs.surface.repeat             # SIZE=soak for more patients, SEED=n to name the run

Every route that takes an Idempotency-Key, through the whole system on the vendors' fakes: a patient with two therapists
is answered, one purpose of one therapist is revoked while the other's stays, and each request is sent again by who sent
it, by a key that may do as much and by one that may do less. Then what was made with a secret, and what was refused.
"""

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg

from libs.common.derived_ids import derived_id
from libs.contracts.purposes import Purpose
from libs.devstack.stack import Stack
from proofs.kit.line import proof, seed, sized
from proofs.kit.organizations import READY_WITHIN_S, UNREADABLE, canary, client_of, recording, stack_on_fakes
from services.gateway.domain import Scope
from services.gateway.routes import ROUTES, V1

PATIENTS, PATIENTS_SOAK = 1, 12
PURPOSES = (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS)
LOOKS_MAX = 12
LOOK_EVERY_S = 0.5
ERASED_LOOK_EVERY_S = 0.2
QUESTION = "What about {0} and {1} and my sleep?"
JUST_MADE = "update gateway.replay set kept_at = kept_at - interval '61 seconds' where kept_at is not null"


@dataclass
class Seen:
    """What was sent and what was wrong. `told` counts answers that gave the words while they might be given."""

    counts: Counter[str] = field(default_factory=Counter)
    routes: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def expect(self, figure: str, good: bool, what: str) -> None:
        """Count what is wrong."""
        if not good:
            self.counts[figure] += 1
            self.wrong.append(f"{figure}: {what}")


@dataclass(frozen=True)
class Call:
    """A request under an Idempotency-Key that can be sent again, by anybody."""

    operation: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    file: bytes | None = None
    key: str = field(default_factory=lambda: uuid4().hex)


class House:
    """One organization with keys that may do everything, as much, and less."""

    def __init__(self, http: httpx.AsyncClient, stack: Stack, seen: Seen) -> None:
        self._http, self._stack, self.seen = http, stack, seen
        self.key = self.second_key = self.weak = self.organization_id = self.key_id = ""

    async def open(self) -> None:
        """Make the organization and its keys."""
        body = {"name": "repeat", "admin_key_name": "first"}
        made = (await self._post(self._stack.operator_token, "/operator/v1/organizations", body)).json()
        self.key, self.organization_id, self.key_id = made["api_key"], made["organization_id"], made["api_key_id"]
        self.second_key = await self.new_key(*Scope)
        # May send each request of the proof, and read none of the words.
        self.weak = await self.new_key(
            Scope.ADMIN, Scope.CHAT_DELEGATE, Scope.TRANSCRIPTS_WRITE, Scope.PATIENTS_TOKENS, Scope.SESSIONS_WRITE
        )

    async def new_key(self, *scopes: Scope) -> str:
        """Make a key."""
        made = await self._post(self.key, f"{V1}/api-keys", {"name": "k", "scopes": [scope.value for scope in scopes]})
        return str(made.json()["api_key"])

    async def user(self, role: str) -> str:
        """Make a user."""
        body = {"role": role, "email": f"{uuid4().hex}@example.org"}
        return str((await self._post(self.key, f"{V1}/users", body)).json()["id"])

    async def grants(self, patient: str, therapist: str, *purposes: Purpose) -> dict[Purpose, str]:
        """The patient consents."""
        bodies = {purpose: grant(patient, therapist, purpose) for purpose in purposes or tuple(Purpose)}
        return {
            purpose: (await self._post(self.key, f"{V1}/consents", body)).json()["id"]
            for purpose, body in bodies.items()
        }

    async def send(self, call: Call, credential: str) -> httpx.Response:
        """Send a request under its Idempotency-Key."""
        self.seen.counts["requests"] += 1
        self.seen.routes.add(call.operation)
        headers = {"Authorization": f"Bearer {credential}", "Idempotency-Key": call.key, **call.headers}
        path = f"{V1}{call.path}"
        if call.file is not None:
            file = {"file": ("one.wav", call.file)}
            return await self._http.post(path, data=call.body, files=file, headers=headers)
        return await self._http.post(path, json=call.body, headers=headers)

    async def corrected(self, session: str, word: str) -> None:
        """Put a word into what was said, once there is something."""
        await self.settled(session)
        headers = {"Authorization": f"Bearer {self.key}", "If-Match": '"1"'}
        path = f"{V1}/sessions/{session}/transcript"
        heard = (await self._http.get(path, headers=headers)).json()["segments"]
        words = [{"id": heard[0]["id"], "speaker": "patient", "text": f"My sleep and {word} again."}]
        words += [{"id": segment["id"], "deleted": True} for segment in heard[1:]]
        (await self._http.patch(path, json={"segments": words}, headers=headers)).raise_for_status()

    async def settled(self, session: str) -> str:
        """Wait until nothing more happens to a session; return its status."""
        headers = {"Authorization": f"Bearer {self.key}"}
        for _ in range(READY_WITHIN_S):
            seen = await self._http.get(f"{V1}/sessions/{session}", params={"wait": 1}, headers=headers)
            status = str(seen.json().get("status"))
            if status in ("ready", "failed", "withheld"):
                return status
        raise TimeoutError("a session did not settle")

    async def erased(self, patient: str) -> None:
        """Erase a patient, and wait until the user is gone."""
        headers = {"Authorization": f"Bearer {self.key}"}
        (await self._http.delete(f"{V1}/patients/{patient}", headers=headers)).raise_for_status()
        for _ in range(READY_WITHIN_S):
            if (await self._http.get(f"{V1}/users/{patient}", headers=headers)).is_client_error:
                return
            await asyncio.sleep(ERASED_LOOK_EVERY_S)

    def a_minute_passes(self) -> None:
        """Make everything that is kept a minute older."""
        with psycopg.connect(self._stack.infra.admin_url) as admin:
            admin.execute(JUST_MADE)

    async def _post(self, credential: str, path: str, body: Any) -> httpx.Response:
        answer = await self._http.post(path, json=body, headers={"Authorization": f"Bearer {credential}"})
        return answer.raise_for_status()


def grant(patient: str, therapist: str, purpose: Purpose) -> dict[str, Any]:
    """Return the body of a consent."""
    return {
        "patient_id": patient,
        "therapist_id": therapist,
        "consent_type": purpose.value,
        "document": f"I agree to {purpose.value}.",
    }


def upload(patient: str, therapist: str, sound: bytes) -> Call:
    """Return an upload."""
    fields = {"patient_id": patient, "therapist_id": therapist, "session_date": "2026-09-08T15:00:00Z"}
    return Call("uploadSession", "/sessions", fields, file=sound)


async def words(house: House, revoked: Purpose) -> None:
    """Two therapists' words are told; one's consent ends; whatever is sent again must not tell hers."""
    patient, theirs = await house.user("patient"), [await house.user("therapist") for _ in range(2)]
    spoken = [canary("said"), canary("said")]
    consents = [await house.grants(patient, therapist) for therapist in theirs]
    sessions = []
    for therapist, word in zip(theirs, spoken, strict=True):
        sessions.append((await house.send(upload(patient, therapist, recording()), house.key)).json()["session_id"])
        await house.corrected(sessions[-1], word)
    token_call = Call("createPatientToken", f"/patients/{patient}/tokens")
    token = (await house.send(token_call, house.key)).json()["token"]
    calls = await _told(house, patient, spoken, (sessions[0], token))
    everybody = (house.key, house.second_key, house.weak, token)
    # The weak key may write words and not read them: not even while consent lasts.
    weakly = Call("swapSpeakers", calls[-1][0].path, headers={"If-Match": '"3"'})
    for answer in (await house.send(weakly, house.weak), await house.send(weakly, house.weak)):
        house.seen.expect("unmarked", answer.is_success, "swapSpeakers of a key that may not read")
        house.seen.expect("words_given", spoken[0] not in answer.text, "swapSpeakers to a key that may not read")
    # Of one purpose of one therapist: the other's words may still be told, hers nowhere.
    revocation = Call("revokeConsent", f"/consents/{consents[0][revoked]}/revoke", {})
    await repeated(house, revocation)
    for call, sender in calls:
        for credential in dict.fromkeys((sender, *everybody)):
            for _ in range(2):
                answer = await house.send(call, credential)
                house.seen.counts["repeats"] += 1
                # A transcript is no analysis: who may read words reads it while consent to transcription lasts.
                reads = call.operation == "swapSpeakers" and credential in (house.key, house.second_key)
                may = reads and revoked is Purpose.AI_ANALYSIS
                house.seen.expect(
                    "words_given", may or spoken[0] not in answer.text, f"{call.operation} without {revoked}"
                )


async def _told(house: House, patient: str, spoken: list[str], of: tuple[str, str]) -> list[tuple[Call, str]]:
    """Send what tells words until it does: questions of a key and of the patient, and a swap of speakers."""
    session, token = of
    found: list[tuple[Call, str]] = []
    for credential in (house.key, token):
        for _ in range(LOOKS_MAX):  # a correction is found when it has been indexed
            call = Call("chat", "/chat", {"patient_id": patient, "message": QUESTION.format(*spoken)})
            answer = await house.send(call, credential)
            if all(word in answer.text for word in spoken):
                found.append((call, credential))
                again = await house.send(call, credential)
                same = again.json().get("response") == answer.json()["response"]
                house.seen.expect("unmarked", same and _is_marked(again), "chat")
                break
            await asyncio.sleep(LOOK_EVERY_S)
    swap = Call("swapSpeakers", f"/sessions/{session}/transcript/swap-speakers", headers={"If-Match": '"2"'})
    if spoken[0] in (await house.send(swap, house.key)).text:
        found.append((swap, house.key))
    house.seen.counts["told"] += len(found)
    return found


async def secrets(house: House) -> None:
    """What was made with a secret is sent again by others, and by who made it when a minute has passed."""
    patient = await house.user("patient")
    old = await house.send(Call("createApiKey", "/api-keys", {"name": "old", "scopes": ["admin"]}), house.key)
    calls = [
        (Call("createApiKey", "/api-keys", {"name": "strong", "scopes": ["admin", "transcripts:read"]}), "api_key"),
        (Call("rotateApiKey", f"/api-keys/{old.json()['id']}/rotate"), "api_key"),
        (Call("createPatientToken", f"/patients/{patient}/tokens"), "token"),
    ]
    for call, name in calls:
        secret = (await house.send(call, house.key)).json()[name]
        soon = await house.send(call, house.key)
        house.seen.expect("unmarked", _is_marked(soon) and soon.json().get(name) == secret, call.operation)
        others = [await house.send(call, credential) for credential in (house.weak, house.second_key)]
        house.a_minute_passes()
        for answer in (*others, await house.send(call, house.key)):
            house.seen.counts["repeats"] += 1
            house.seen.expect("secrets_given", secret not in answer.text, call.operation)


async def repeated(house: House, call: Call) -> httpx.Response:
    """Send a request that must be done, and again: it must say that it was."""
    first = await house.send(call, house.key)
    again = await house.send(call, house.key)
    house.seen.counts["repeats"] += 1
    done = first.is_success and again.status_code == first.status_code and _is_marked(again)
    house.seen.expect("unmarked", done and not _is_marked(first), f"{call.operation} {first.status_code}")
    return first


async def refusals(house: House) -> None:
    """Each request is refused, the cause goes, and it is sent again under its key."""
    patient, therapist = await house.user("patient"), await house.user("therapist")
    sent = upload(patient, therapist, recording(UNREADABLE))
    # The id follows from the key, so the session can be named before it is there.
    session = derived_id(UUID(house.organization_id), "upload", house.key_id, sent.key)
    chat = Call("chat", "/chat", {"patient_id": patient, "message": "How did I sleep?"})
    retry = Call("retrySession", f"/sessions/{session}/retry")
    # Nobody has consented yet, and there is no session to be tried again.
    for call in (sent, chat, retry):
        await _is_refused(house, call, (403, 404))
    await house.grants(patient, therapist)
    await _is_done(house, sent)
    await house.settled(str(session))
    await _is_done(house, chat)
    await _is_done(house, retry)
    email = f"{uuid4().hex}@example.org"
    taken = await house.send(Call("createUser", "/users", {"role": "patient", "email": email}), house.key)
    user = Call("createUser", "/users", {"role": "therapist", "email": email})
    await _is_refused(house, user, (409,))
    await house.erased(taken.json()["id"])
    await _is_done(house, user)
    await _put_right(house, await house.user("patient"), therapist)


async def released(house: House) -> None:
    """A session is released before it is there, and under the same key when it is ready."""
    patient, therapist = await house.user("patient"), await house.user("therapist")
    await house.grants(patient, therapist)
    sent = upload(patient, therapist, recording())
    session = derived_id(UUID(house.organization_id), "upload", house.key_id, sent.key)
    release = Call("releaseSession", f"/sessions/{session}/release")
    await _is_refused(house, release, (404,))
    await house.send(sent, house.key)
    await house.settled(str(session))
    await _is_done(house, release)


async def _put_right(house: House, patient: str, therapist: str) -> None:
    """What was not valid is sent as it should be, under the same key."""
    old = await house.send(Call("createApiKey", "/api-keys", {"name": "k", "scopes": ["users"]}), house.key)
    consent = (await house.grants(patient, therapist, Purpose.RECORDING))[Purpose.RECORDING]
    text = {"consent_type": "recording", "text": f"I agree. {uuid4()}"}
    right: list[tuple[str, str, Any, Any]] = [
        ("createApiKey", "/api-keys", {"name": "k", "scopes": ["users"]}, {"scopes": []}),
        ("rotateApiKey", f"/api-keys/{old.json()['id']}/rotate", {"overlap_seconds": 60}, {"overlap_seconds": 0}),
        ("grantConsent", "/consents", grant(patient, therapist, Purpose.AI_ANALYSIS), {"document": ""}),
        ("revokeConsent", f"/consents/{consent}/revoke", {"reason": "x"}, {"reason": 1}),
        ("publishConsentDocument", "/consent-documents", text, {"text": ""}),
    ]
    for operation, path, body, wrong in right:
        call = Call(operation, path, body)
        await _is_refused(house, Call(operation, path, body | wrong, key=call.key), (422,))
        await _is_done(house, call)


async def _is_refused(house: House, call: Call, statuses: tuple[int, ...]) -> None:
    answer = await house.send(call, house.key)
    house.seen.counts["refused"] += answer.status_code in statuses


async def _is_done(house: House, call: Call) -> None:
    answer = await house.send(call, house.key)
    house.seen.counts["repeats"] += 1
    house.seen.expect("stale_refusals", answer.is_success, f"{call.operation} {answer.status_code}")
    again = await house.send(call, house.key)
    house.seen.expect("unmarked", _is_marked(again) and again.status_code == answer.status_code, call.operation)


def _is_marked(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("idempotent-replayed") == "true")


async def _seen(stack: Stack, patients: int) -> Seen:
    seen = Seen()
    async with client_of(stack) as http:
        house = House(http, stack, seen)
        await house.open()
        for _ in range(patients):
            for purpose in PURPOSES:
                await words(house, purpose)
        await secrets(house)
        await refusals(house)
        await released(house)
    return seen


def prove(stack: Stack, patients: int, number: int) -> int:
    """Prove it on a running system; print the line and return the exit code."""
    seen = asyncio.run(_seen(stack, patients))
    for wrong in seen.wrong:
        sys.stderr.write(f"FAILED repeat: {wrong}\n")
    replayable = {route.operation_id for route in ROUTES if route.replayable}
    names = ("words_given", "secrets_given", "stale_refusals", "unmarked")
    figures = {name: seen.counts[name] for name in ("requests", "repeats", "told", "refused", *names)}
    told_min = 3 * patients * len(PURPOSES)
    good = seen.routes == replayable and not any(seen.counts[name] for name in names)
    good = good and seen.counts["told"] >= told_min and seen.counts["refused"] >= len(replayable) - 2
    routes = f"{len(seen.routes & replayable)}/{len(replayable)}"
    return proof("repeat", good, routes=routes, purposes=len(PURPOSES), **figures, seed=number)


def main() -> int:
    """Run the proof and return the exit code."""
    with stack_on_fakes() as stack:
        return prove(stack, sized(PATIENTS, PATIENTS, PATIENTS_SOAK), seed())


if __name__ == "__main__":
    raise SystemExit(main())
