"""Requests that are answered 2xx, because their sender may send them and what they are about is there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import httpx

from proofs.kit.any_request import Drawer, Drawn, Operation
from proofs.kit.organizations import UNREADABLE, Organization, recording
from services.consent.notary.checkpoints import SIGN_AFTER_ENTRIES

NEWEST = -1
FAILED_WITHIN_S = 60
SIGNED_WITHIN_S = 30
LOOK_EVERY_S = 1
AT_ONCE = 10
OPERATORS = "/operator/"
# What has to be there is made by these operations first, each time anew: the request that follows may use it up.
_BEFORE: Mapping[str, Sequence[str]] = {
    "revokeApiKey": ("createApiKey",),
    "rotateApiKey": ("createApiKey",),
    "revokePatientToken": ("createPatientToken",),
    "revokeConsent": ("grantConsent",),
    "getConsentDocument": ("publishConsentDocument",),
    "getErasure": ("eraseSession",),
    "erasePatient": ("createUser",),
    "correctTranscript": ("getTranscript",),
    "correctCommitment": ("listCommitments",),
    "swapSpeakers": ("getTranscript",),
    "listMessages": ("chat",),
    "deleteConversation": ("chat",),
}
_NEEDS_A_FAILED_SESSION = ("retrySession", "eraseSession", "holdSessionBack")
# Ids of another kind than the parameter's name says: what words hang on is nobody's to revoke, erase or hold back.
_INSTEAD: Mapping[str, Mapping[str, str]] = {
    "retrySession": {"session_id": "failed_session_id"},
    "eraseSession": {"session_id": "failed_session_id"},
    "holdSessionBack": {"session_id": "failed_session_id"},
    "erasePatient": {"patient_id": "made_user_id"},
    "grantConsent": {"patient_id": "spare_patient_id"},
}
_LEARNED: Mapping[str, tuple[str, str]] = {
    "createApiKey": ("key_id", "id"),
    "createUser": ("made_user_id", "id"),
    "createPatientToken": ("jti", "jti"),
    "grantConsent": ("consent_id", "id"),
    "publishConsentDocument": ("document_id", "id"),
    "eraseSession": ("erasure_id", "id"),
    "chat": ("conversation_id", "conversation_id"),
}

Send = Callable[[Drawn, str], Awaitable[httpx.Response]]
"""Sends a request with a credential."""


def learn(organization: Organization, operation_id: str, answer: httpx.Response) -> None:
    """Remember the id of what a request made, and the version of what it read."""
    if operation_id == "getTranscript":
        organization.know("if-match", answer.headers["etag"])
    elif operation_id == "listCommitments":
        for row in answer.json()["data"]:
            organization.know("commitment_id", row["id"])
    elif operation_id in _LEARNED:
        kind, member = _LEARNED[operation_id]
        organization.know(kind, answer.json()[member])


def ids_for(operation: Operation, ids: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """Return the ids that fill an operation's parameters."""
    return {**ids, **{name: ids.get(kind, ()) for name, kind in _INSTEAD.get(operation.id, {}).items()}}


class Rightful:
    """One organization's own requests."""

    def __init__(
        self, organization: Organization, operator_token: str, operations: Sequence[Operation], send: Send
    ) -> None:
        self.organization = organization
        self._operator_token = operator_token
        self._operations = {operation.id: operation for operation in operations}
        self._send = send
        self._made = 0

    def credential(self, operation: Operation) -> str:
        """Return what opens an operation: the organization's widest key, or the operators' token."""
        return self._operator_token if operation.path.startswith(OPERATORS) else self.organization.key

    async def prepared(self, operation: Operation) -> Drawn:
        """Make what the operation needs, then return a request that will be answered 2xx."""
        for name in _BEFORE.get(operation.id, ()):
            before = self._operations[name]
            answer = await self._send(await self.prepared(before), self.credential(before))
            answer.raise_for_status()
            learn(self.organization, name, answer)
        if operation.id in _NEEDS_A_FAILED_SESSION:
            await self._failed_session()
        return self.drawn(operation)

    def drawn(self, operation: Operation, **instead: str) -> Drawn:
        """Return a request about the newest things that are known, or `instead` about these (by parameter)."""
        own = {**ids_for(operation, self.organization.ids), **{name: [value] for name, value in instead.items()}}
        self._made += 1
        return Drawer(own, {}, f"{self.organization.sent}{self._made}").draw(operation, 0, NEWEST)

    async def signed(self) -> None:
        """Make the ledger so long that it is signed at once, and wait until it is."""
        grant, look = self._operations["grantConsent"], self._operations["getCheckpoint"]
        for _ in range(SIGN_AFTER_ENTRIES // AT_ONCE):
            drawn = [self.drawn(grant) for _ in range(AT_ONCE)]
            await asyncio.gather(*(self._send(one, self.organization.key) for one in drawn))
        for _ in range(SIGNED_WITHIN_S // LOOK_EVERY_S):
            if (await self._send(self.drawn(look), self.organization.key)).is_success:
                return
            await asyncio.sleep(LOOK_EVERY_S)
        raise TimeoutError("the ledger was not signed")

    async def _failed_session(self) -> None:
        upload = self._operations["uploadSession"]
        drawn = replace(self.drawn(upload), file=("a.wav", recording(UNREADABLE)))
        answer = await self._send(drawn, self.organization.key)
        answer.raise_for_status()
        session_id = answer.json()["session_id"]
        look = self._operations["getSession"]
        async with asyncio.timeout(FAILED_WITHIN_S):
            status = ""
            while status != "failed":
                seen = replace(self.drawn(look, session_id=session_id), params={"wait": 5})
                answer = await self._send(seen, self.organization.key)
                status = answer.raise_for_status().json()["status"]
        self.organization.know("failed_session_id", session_id)
