"""The verbs of the public API for people and tools: the CLI, the demo and the tests of the whole system speak it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar, cast
from uuid import UUID

import httpx

from libs.ops.rest.connection import Connection
from libs.ops.rest.wire import Answer, Consent, Organization, Page, Problem, Session, Transcript, User, Wire

TIMEOUT_S = 60.0
UPLOAD_TIMEOUT_S = 600.0
WAIT_S = 10
PAGES_MAX = 100
AUDIT_PAGE, AUDIT_PAGES_MAX = 200, 1_000_000
LEDGER_PAGES_MAX = 100_000
LEDGER_ROWS = {"keys": None, "checkpoints": 500, "in-force": 1000, "entries": 1000}
_ERRORS_FROM = 400

Shape = TypeVar("Shape", bound=Wire)


class RefusedError(Exception):
    """The gateway answered with a problem. `about`: the ids of people that the request named."""

    def __init__(self, problem: Problem, about: Mapping[str, str]) -> None:
        super().__init__(f"{problem.status} {problem.slug}: {problem.detail}")
        self.problem = problem
        self.about = about


class NoAnswerError(Exception):
    """Nothing answers at the address, or the connection broke before there was an answer."""


@dataclass(frozen=True)
class Recording:
    """A file to upload and whose session it holds."""

    path: Path
    patient_id: str
    therapist_id: str
    session_date: str
    language: str = "en"


class Gateway:
    """One organization's view of the gateway. Every verb raises RefusedError or NoAnswerError."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = httpx.AsyncClient(
            base_url=connection.url,
            headers={"Authorization": f"Bearer {connection.key}"} if connection.key else {},
            timeout=TIMEOUT_S,
            transport=connection.transport,
            # A proxy that the environment names would be shown the key.
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def bootstrap(self, name: str, admin_key_name: str) -> Organization:
        """Create an organization and its first admin key through the operators' API."""
        return await self._send(
            Organization,
            "POST",
            "/operator/v1/organizations",
            json={"name": name, "admin_key_name": admin_key_name},
            headers={"Authorization": f"Bearer {self.connection.operator_token or ''}"},
        )

    async def renew_capability(self, subject: Mapping[str, UUID | None], purposes: Sequence[str]) -> str:
        """Have a capability minted for replaying an event, if consent for all purposes is in force now (operators).

        `subject` has organization_id, patient_id, and where the event has them therapist_id and session_id.
        """
        made = await self._send(
            Wire,
            "POST",
            "/operator/v1/capabilities",
            json={name: str(id_) for name, id_ in subject.items() if id_} | {"purposes": list(purposes)},
            headers={"Authorization": f"Bearer {self.connection.operator_token or ''}"},
        )
        return str((made.model_extra or {})["capability"])

    async def add_user(self, role: str, email: str, external_id: str | None = None) -> User:
        """Create a therapist, a patient or an administrator."""
        fields = _given(role=role, email=email, external_id=external_id)
        return await self._send(User, "POST", "/api/v1/users", json=fields)

    async def users(self, role: str | None = None) -> list[User]:
        """All users, of one role if named."""
        return [User.model_validate(row) async for row in self._rows("/api/v1/users", {"role": role})]

    async def grant(self, patient_id: str, therapist_id: str, consent_type: str, document: str) -> Consent:
        """Record that the patient consents to one purpose; `document` is the text that was agreed to."""
        fields = {
            "patient_id": patient_id,
            "therapist_id": therapist_id,
            "consent_type": consent_type,
            "document": document,
        }
        return await self._send(Consent, "POST", "/api/v1/consents", json=fields)

    async def revoke(self, consent_id: str, reason: str | None = None) -> Consent:
        """Take a consent back."""
        return await self._send(Consent, "POST", f"/api/v1/consents/{consent_id}/revoke", json=_given(reason=reason))

    async def consents(self, patient_id: str, status: str | None = None) -> list[Consent]:
        """The consents of a patient, newest first."""
        wanted = {"patient_id": patient_id, "status": status}
        return [Consent.model_validate(row) async for row in self._rows("/api/v1/consents", wanted)]

    async def upload(self, recording: Recording, on_read: Callable[[int], None] = lambda _: None) -> str:
        """Stream a recording, its fields first, and return the session's id; `on_read` gets the bytes of each piece."""
        fields = {
            "patient_id": recording.patient_id,
            "therapist_id": recording.therapist_id,
            "session_date": recording.session_date,
            "language": recording.language,
        }
        with recording.path.open("rb") as file:
            watched = cast(BinaryIO, _Watched(file, on_read))
            accepted = await self._send(
                Wire,
                "POST",
                "/api/v1/sessions",
                data=fields,
                files={"file": (recording.path.name, watched)},
                # The answer comes when the recording is stored whole, which is as slow as the caller's line.
                timeout=UPLOAD_TIMEOUT_S,
            )
        return str((accepted.model_extra or {})["session_id"])

    async def session(self, session_id: str, wait_s: int | None = None) -> Session:
        """One session; with `wait_s` the gateway answers when its status changes, or after that long."""
        return await self._send(Session, "GET", f"/api/v1/sessions/{session_id}", params=_given(wait=wait_s))

    async def release(self, session_id: str) -> Session:
        """Make a session that is ready part of the chat."""
        return await self._send(Session, "POST", f"/api/v1/sessions/{session_id}/release")

    async def hold_back(self, session_id: str) -> Session:
        """Keep a session out of the chat until it is released."""
        return await self._send(Session, "DELETE", f"/api/v1/sessions/{session_id}/release")

    async def settled(self, session_id: str) -> AsyncIterator[Session]:
        """The session each time something about it is known, until nothing more will happen by itself."""
        session = await self.session(session_id)
        yield session
        while not session.settled:
            session = await self.session(session_id, WAIT_S)
            yield session

    async def sessions(self, patient_id: str | None = None, status: str | None = None) -> list[Session]:
        """The sessions of the organization, newest first."""
        wanted = {"patient_id": patient_id, "status": status}
        return [Session.model_validate(row) async for row in self._rows("/api/v1/sessions", wanted)]

    async def transcript(self, session_id: str) -> Transcript:
        """The words of a session."""
        return await self._send(Transcript, "GET", f"/api/v1/sessions/{session_id}/transcript")

    async def ask(self, patient_id: str, message: str, conversation_id: str | None = None) -> Answer:
        """Ask about the sessions of one patient."""
        fields = _given(patient_id=patient_id, message=message, conversation_id=conversation_id)
        return await self._send(Answer, "POST", "/api/v1/chat", json=fields)

    async def audit(self, wanted: Mapping[str, str | None]) -> AsyncIterator[dict[str, Any]]:
        """Who was given what, newest first, to the last row; a page at a time, however many there are."""
        cursor: str | None = None
        for _ in range(AUDIT_PAGES_MAX):
            asked = _given(**wanted, cursor=cursor, limit=AUDIT_PAGE)
            page = await self._send(Page, "GET", "/api/v1/audit-events", params=asked)
            for row in page.data:
                yield row
            cursor = page.next_cursor
            if not page.has_more or cursor is None:
                return

    async def health(self) -> Wire:
        """Whether the gateway is up; needs no key."""
        return await self._send(Wire, "GET", "/health")

    async def me(self) -> Wire:
        """The organization and the key that is asking."""
        return await self._send(Wire, "GET", "/api/v1/me")

    async def ledger(self, what: str) -> AsyncIterator[dict[str, Any]]:
        """The `keys`, `checkpoints`, `in-force` or `entries` of the organization's consent ledger, in their order."""
        rows = self._rows(f"/api/v1/transparency/{what}", {"limit": LEDGER_ROWS[what]}, LEDGER_PAGES_MAX)
        async for row in rows:
            yield row

    async def _rows(
        self, path: str, wanted: Mapping[str, str | int | None], pages_max: int = PAGES_MAX
    ) -> AsyncIterator[dict[str, Any]]:
        cursor: str | None = None
        # Bounded, whatever the server says of there being more.
        for _ in range(pages_max):
            page = await self._send(Page, "GET", path, params=_given(**wanted, cursor=cursor))
            for row in page.data:
                yield row
            cursor = page.next_cursor
            if not page.has_more or cursor is None:
                return

    async def _send(self, shape: type[Shape], method: str, path: str, **parts: Any) -> Shape:
        try:
            response = await self._http.request(method, path, **parts)
        except httpx.TransportError as error:
            # The error's type and not its text, which may name hosts and paths that belong into no log.
            raise NoAnswerError(f"{self._http.base_url} does not answer ({type(error).__name__}).") from error
        if response.status_code >= _ERRORS_FROM:
            raise RefusedError(_problem(response), _people(parts))
        return shape.model_validate(response.json())


class _Watched:
    """A file that tells how much of it was read; httpx asks it for its size through `fileno`."""

    def __init__(self, file: BinaryIO, on_read: Callable[[int], None]) -> None:
        self._file = file
        self._on_read = on_read

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._on_read(len(piece))
        return piece

    def fileno(self) -> int:
        return self._file.fileno()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _problem(response: httpx.Response) -> Problem:
    # A proxy in between answers with pages of its own.
    if "json" in response.headers.get("content-type", ""):
        return Problem.model_validate({"status": response.status_code, **response.json()})
    return Problem(status=response.status_code, title=response.reason_phrase)


def _people(parts: Mapping[str, Any]) -> dict[str, str]:
    # The gateway repeats no id that it refuses, and whoever reads the error has to know which one it was.
    sent = {**parts.get("params", {}), **parts.get("data", {}), **parts.get("json", {})}
    return {name: str(sent[name]) for name in ("patient_id", "therapist_id") if sent.get(name)}


def _given(**values: str | int | None) -> dict[str, Any]:
    """Only the values that are there at all."""
    return {name: value for name, value in values.items() if value is not None}
