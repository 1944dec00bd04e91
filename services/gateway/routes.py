"""Every public route in one table: who may use it, under which capability it is answered, and how it can fail.

The API is built from this table, the OpenAPI document is generated from it, and the authorization matrix
(docs/reference/authorization.md) is this table times all kinds of callers.
"""

from dataclasses import dataclass
from enum import Flag, StrEnum, auto

from starlette.routing import compile_path

from libs.common.errors import (
    CONFLICT,
    FORBIDDEN,
    INVALID_REQUEST,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    PAYLOAD_TOO_LARGE,
    PRECONDITION_FAILED,
    PRECONDITION_REQUIRED,
    RATE_LIMITED,
    REQUEST_TIMEOUT,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemType,
)
from libs.contracts.capability import CARRIED, REQUEST_LIFETIME_S
from libs.contracts.problems import (
    ALREADY_REVOKED,
    CHAT_OFF,
    CONSENT_REQUIRED,
    EMAIL_TAKEN,
    ERASED,
    KEY_REPLACED,
    LAST_ADMIN_KEY,
    LEGAL_HOLD,
    NOT_READY,
    NOT_RELEASED,
    PATIENT_QUOTA,
    REPLAY_CHANGED,
    REPLAY_RUNNING,
    SECRET_SHOWN,
)
from services.gateway.domain import Access, Scope

V1 = "/api/v1"
# A body of 500 MB over a slow line, and an answer that is written while one waits, outlast a minute.
# Revocation does not wait for the expiry: the database refuses a revoked key's capability in the next statement.
UPLOAD_LIFETIME_S = 3600
STREAM_LIFETIME_S = 900

# What each request may touch behind the gateway. The steps that answer a request's events work under a capability
# derived from it and never wider, so a request that sets work going carries the scopes of that work.
_PIPELINE = frozenset({"ingestion:write", "transcriber:write", "embedder:write", "consent:read"})
_CHAT = frozenset({"chat:write", "embedder:read", "ingestion:read", "consent:read"})
_REVOCATION = frozenset({"consent:write", "ingestion:write", "transcriber:write", "embedder:write", "chat:write"})

# An erasure reaches every store; the scope is for that alone, and no other route carries it.
_ERASURE = frozenset({"erasure:write", "ingestion:write"})

# A replayed event sets the work of its group going and what follows from that.
_RENEWED = _PIPELINE | {"chat:write", CARRIED}

_ALWAYS = (UNAUTHENTICATED, FORBIDDEN, INVALID_REQUEST, RATE_LIMITED, UNAVAILABLE)


class Repeat(StrEnum):
    """How a request that is sent again under its Idempotency-Key is answered."""

    READ = "read"  # the object it was about, as it is now
    SECRET = "secret"  # noqa: S105  # told once more within a minute, then the id of what was made
    SERVICE = "service"  # the service behind knows it again


class Trait(Flag):
    """What is special about a route; nothing of it is usual."""

    UNLIMITED = auto()
    """Requests are not counted: revoking must always be possible."""
    STREAMS_IN = auto()
    """The body is passed on as it comes."""
    SERVES_PATIENTS_IN_CRISIS = auto()
    """A "not now" comes with the crisis resources, and a message in crisis is answered."""
    TELLS_WORDS = auto()
    """Its response contains session content."""
    HAS_ETAG = auto()
    """Its answer has an ETag: 304 to a GET that names it as `If-None-Match`, and a change names it as `If-Match`."""
    NATURALLY_IDEMPOTENT = auto()
    """Done a second time it changes nothing, so it waits for no duplicate that may be dead."""


USUAL = Trait(0)


@dataclass(frozen=True)
class Route:
    """One line of the table.

    `where`: its method and its path, which lies below /api/v1 unless it is an operator's.
    `scopes`: any one of them opens the route to a key; none means that any key does.
    `capability`: the scopes it is forwarded with (empty: answered by the gateway itself).
    `repeat`: takes an Idempotency-Key; `id_field` is the member of its answer that says which object it was about.
    `status_if_there`: answered when what is asked for is in force already.
    `also_as`: media types beside JSON that it answers in when `Accept` asks for them.
    """

    operation_id: str
    where: str
    tag: str
    summary: str
    access: Access = Access.KEY
    scopes: frozenset[Scope] = frozenset()
    capability: frozenset[str] = frozenset()
    lifetime_s: int = REQUEST_LIFETIME_S
    status: int = 200
    problems: tuple[ProblemType, ...] = ()
    traits: Trait = USUAL
    repeat: Repeat | None = None
    id_field: str = "id"
    status_if_there: int | None = None
    also_as: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return self.where.partition(" ")[0]

    @property
    def path(self) -> str:
        """Return the whole path."""
        path = self.where.partition(" ")[2]
        return path if self.access is Access.OPERATOR else V1 + path

    @property
    def replayable(self) -> bool:
        """Tell whether it takes an Idempotency-Key."""
        return self.repeat is not None

    @property
    def all_problems(self) -> tuple[ProblemType, ...]:
        """Return every kind of problem this route can answer with."""
        if self.access is Access.OPEN:
            return self.problems
        replay = (REPLAY_RUNNING, REPLAY_CHANGED) if self.replayable else ()
        secret = (SECRET_SHOWN,) if self.repeat is Repeat.SECRET else ()
        body = (PAYLOAD_TOO_LARGE, REQUEST_TIMEOUT) if self.method in ("POST", "PATCH") else ()
        limited = _ALWAYS if Trait.UNLIMITED not in self.traits else tuple(p for p in _ALWAYS if p is not RATE_LIMITED)
        return tuple(dict.fromkeys((*limited, *self.problems, *replay, *secret, *body)))


_ADMIN = frozenset({Scope.ADMIN})
_USERS = frozenset({Scope.ADMIN, Scope.USERS})
_CONSENT_WRITE = frozenset({Scope.CONSENT_WRITE, Scope.CONSENT_WITNESSED})
_CONSENT_READ = frozenset({Scope.CONSENT_WRITE, Scope.CONSENT_WITNESSED, Scope.SESSIONS_READ})
_SESSIONS_WRITE = frozenset({Scope.SESSIONS_WRITE})
_SESSIONS_READ = frozenset({Scope.SESSIONS_READ})
_TRANSCRIPTS_READ = frozenset({Scope.TRANSCRIPTS_READ})
_TRANSCRIPTS_WRITE = frozenset({Scope.TRANSCRIPTS_WRITE})
_TOKENS = frozenset({Scope.PATIENTS_TOKENS})
_DELEGATE = frozenset({Scope.CHAT_DELEGATE})

_WORDS = ("text/vtt", "application/x-subrip", "text/plain")
_READ_CONSENT = frozenset({"consent:read"})
_FHIR = ("application/fhir+json",)
_RELEASE = frozenset({"ingestion:write"})
_READ_SESSION = frozenset({"ingestion:read", "consent:read"})
_READ_WORDS = frozenset({"transcriber:read", "consent:read"})
_READ_INDEX = frozenset({"embedder:read", "consent:read"})
_CORRECTED = (NOT_FOUND, ERASED, CONSENT_REQUIRED, PRECONDITION_FAILED, PRECONDITION_REQUIRED)
_CORRECT_INDEX = _READ_INDEX | {"embedder:write"}
_EXPORT = frozenset({"consent:read", "ingestion:read", "transcriber:read", "embedder:read", "chat:read", "audit:read"})


ROUTES: tuple[Route, ...] = (
    Route("getMe", "GET /me", "access", "Who is asking"),
    Route(
        "createApiKey", "POST /api-keys", "access", "Create an API key", scopes=_ADMIN, status=201, repeat=Repeat.SECRET
    ),
    Route("listApiKeys", "GET /api-keys", "access", "List API keys", scopes=_ADMIN),
    Route(
        "revokeApiKey", "DELETE /api-keys/{key_id}", "access", "Revoke an API key, at once",
        scopes=_ADMIN, problems=(NOT_FOUND, LAST_ADMIN_KEY), traits=Trait.UNLIMITED,
    ),
    Route(
        "rotateApiKey", "POST /api-keys/{key_id}/rotate", "access", "Make a successor; both work for the overlap",
        scopes=_ADMIN, status=201, problems=(NOT_FOUND, KEY_REPLACED, LAST_ADMIN_KEY), repeat=Repeat.SECRET,
    ),
    Route(
        "createUser", "POST /users", "users", "Create a therapist, a patient or an administrator",
        scopes=_USERS, status=201, problems=(EMAIL_TAKEN, CONFLICT), repeat=Repeat.READ,
    ),
    Route("listUsers", "GET /users", "users", "List users", scopes=_USERS),
    Route("getOrganization", "GET /organization", "access", "Read your organization and its settings"),
    Route(
        "updateOrganization", "PATCH /organization", "access", "Change settings of your organization", scopes=_ADMIN
    ),
    Route(
        "updateUser", "PATCH /users/{user_id}", "users", "Set a user's time zone",
        scopes=_USERS, problems=(NOT_FOUND,),
    ),
    Route("getUser", "GET /users/{user_id}", "users", "Read a user", scopes=_USERS, problems=(NOT_FOUND,)),
    Route(
        "createPatientToken", "POST /patients/{patient_id}/tokens", "users", "Mint a token for one patient",
        scopes=_TOKENS, status=201, problems=(NOT_FOUND,), repeat=Repeat.SECRET, id_field="jti",
    ),
    Route(
        "revokePatientToken", "DELETE /patients/{patient_id}/tokens/{jti}", "users", "Revoke a patient's token",
        scopes=_TOKENS, status=204, problems=(NOT_FOUND,), traits=Trait.UNLIMITED,
    ),
    Route(
        "grantConsent", "POST /consents", "consents", "Record that a patient consents to a purpose",
        scopes=_CONSENT_WRITE, capability=frozenset({"consent:write"}), status=201, problems=(NOT_FOUND,),
        status_if_there=200, repeat=Repeat.READ,
    ),
    Route(
        "revokeConsent", "POST /consents/{consent_id}/revoke", "consents", "Take a consent back, at once",
        scopes=_CONSENT_WRITE, capability=_REVOCATION, problems=(NOT_FOUND, ALREADY_REVOKED),
        traits=Trait.UNLIMITED | Trait.NATURALLY_IDEMPOTENT, repeat=Repeat.READ,
    ),
    Route(
        "listConsents", "GET /consents", "consents", "List consents", scopes=_CONSENT_READ, capability=_READ_CONSENT,
        also_as=_FHIR,
    ),
    Route(
        "getConsent", "GET /consents/{consent_id}", "consents", "Read a consent",
        scopes=_CONSENT_READ, capability=_READ_CONSENT, problems=(NOT_FOUND,), also_as=_FHIR,
    ),
    Route(
        "getPatientConsents", "GET /patients/{patient_id}/consents", "consents", "What a patient allows, now or then",
        scopes=_CONSENT_READ, capability=_READ_CONSENT, problems=(NOT_FOUND,), also_as=_FHIR,
    ),
    Route(
        "getConsentHistory", "GET /patients/{patient_id}/consents/history", "consents", "A patient's ledger entries",
        scopes=_CONSENT_READ, capability=_READ_CONSENT, problems=(NOT_FOUND,),
    ),
    Route(
        "publishConsentDocument", "POST /consent-documents", "consents", "Publish the next version of a consent text",
        scopes=_ADMIN, capability=frozenset({"consent:write"}), status=201, repeat=Repeat.READ,
    ),
    Route(
        "listConsentDocuments", "GET /consent-documents", "consents", "List versions of consent texts",
        scopes=_CONSENT_READ | _ADMIN, capability=_READ_CONSENT,
    ),
    Route(
        "getConsentDocument", "GET /consent-documents/{document_id}", "consents", "Read a version of a consent text",
        scopes=_CONSENT_READ | _ADMIN, capability=_READ_CONSENT, problems=(NOT_FOUND,),
    ),
    Route(
        "listLedgerKeys", "GET /transparency/keys", "transparency", "The public keys the ledger is signed with",
        capability=_READ_CONSENT,
    ),
    Route(
        "getCheckpoint", "GET /transparency/checkpoint", "transparency", "The latest signed checkpoint of the ledger",
        capability=_READ_CONSENT, problems=(NOT_FOUND,),
    ),
    Route(
        "listCheckpoints", "GET /transparency/checkpoints", "transparency", "Signed checkpoints, oldest first",
        capability=_READ_CONSENT,
    ),
    Route(
        "listLedgerEntries", "GET /transparency/entries", "transparency", "The ledger, with all that its hashes cover",
        scopes=_CONSENT_READ | _ADMIN, capability=_READ_CONSENT,
    ),
    Route(
        "listInForce", "GET /transparency/in-force", "transparency", "What is acted on, to compare with the ledger",
        scopes=_CONSENT_READ | _ADMIN, capability=_READ_CONSENT,
    ),
    Route(
        "uploadSession", "POST /sessions", "sessions", "Upload a recording",
        scopes=_SESSIONS_WRITE, capability=_PIPELINE, lifetime_s=UPLOAD_LIFETIME_S, status=202, traits=Trait.STREAMS_IN,
        repeat=Repeat.SERVICE,
        problems=(CONSENT_REQUIRED, NOT_FOUND, ERASED, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE),
    ),
    Route(
        "listSessions", "GET /sessions", "sessions", "List sessions", scopes=_SESSIONS_READ, capability=_READ_SESSION
    ),
    Route(
        "getSession", "GET /sessions/{session_id}", "sessions", "Read a session and how far it is",
        scopes=_SESSIONS_READ, capability=_READ_SESSION, problems=(NOT_FOUND, ERASED), traits=Trait.HAS_ETAG,
    ),
    Route(
        "watchSession", "GET /sessions/{session_id}/events", "sessions", "Watch a session's status as it changes",
        scopes=_SESSIONS_READ, capability=_READ_SESSION, lifetime_s=STREAM_LIFETIME_S,
        problems=(NOT_FOUND, ERASED),
    ),
    Route(
        "retrySession", "POST /sessions/{session_id}/retry", "sessions", "Try a failed session again",
        scopes=_SESSIONS_WRITE, capability=_PIPELINE, status=202, problems=(NOT_FOUND, ERASED, CONFLICT),
        repeat=Repeat.READ,
    ),
    Route(
        "releaseSession", "POST /sessions/{session_id}/release", "sessions", "Make a session part of the chat",
        scopes=_TRANSCRIPTS_WRITE, capability=_RELEASE, problems=(NOT_FOUND, ERASED, NOT_READY), repeat=Repeat.READ,
        traits=Trait.NATURALLY_IDEMPOTENT,
    ),
    Route(
        "holdSessionBack", "DELETE /sessions/{session_id}/release", "sessions", "Keep a session out of the chat",
        scopes=_TRANSCRIPTS_WRITE, capability=_RELEASE, problems=(NOT_FOUND, ERASED),
    ),
    Route(
        "eraseSession", "DELETE /sessions/{session_id}", "erasure", "Erase a session for good",
        scopes=_SESSIONS_WRITE, capability=_ERASURE, status=202, problems=(NOT_FOUND, LEGAL_HOLD),
    ),
    Route(
        "erasePatient", "DELETE /patients/{patient_id}", "erasure", "Erase a patient for good",
        scopes=_ADMIN, capability=_ERASURE, status=202, problems=(NOT_FOUND, LEGAL_HOLD),
    ),
    Route(
        "getErasure", "GET /erasures/{erasure_id}", "erasure", "Read the receipt of an erasure",
        scopes=_SESSIONS_WRITE | _ADMIN, capability=frozenset({"ingestion:read"}), problems=(NOT_FOUND,),
    ),
    Route(
        "placeLegalHold", "PUT /patients/{patient_id}/legal-hold", "erasure", "Forbid that a patient is erased",
        scopes=_ADMIN, capability=frozenset({"ingestion:write"}), problems=(NOT_FOUND,),
    ),
    Route(
        "liftLegalHold", "DELETE /patients/{patient_id}/legal-hold", "erasure", "Lift a legal hold",
        scopes=_ADMIN, capability=frozenset({"ingestion:write"}), problems=(NOT_FOUND,),
    ),
    Route(
        "exportPatient", "GET /patients/{patient_id}/export", "erasure", "Export everything about a patient",
        scopes=_ADMIN, capability=_EXPORT, lifetime_s=STREAM_LIFETIME_S, problems=(NOT_FOUND,),
    ),
    Route(
        "getTranscript", "GET /sessions/{session_id}/transcript", "transcripts", "Read the words of a session",
        scopes=_TRANSCRIPTS_READ, capability=_READ_WORDS, problems=(NOT_FOUND, NOT_ACCEPTABLE, ERASED),
        traits=Trait.HAS_ETAG, also_as=_WORDS,
    ),
    Route(
        "searchTranscripts", "GET /patients/{patient_id}/transcripts/search", "transcripts",
        "Find words in a patient's sessions", scopes=_TRANSCRIPTS_READ, capability=_READ_WORDS, problems=(NOT_FOUND,),
    ),
    Route(
        "correctTranscript", "PATCH /sessions/{session_id}/transcript", "transcripts", "Correct the words of a session",
        scopes=_TRANSCRIPTS_WRITE, capability=_PIPELINE, problems=_CORRECTED, traits=Trait.HAS_ETAG,
    ),
    Route(
        "swapSpeakers", "POST /sessions/{session_id}/transcript/swap-speakers", "transcripts",
        "Swap therapist and patient", scopes=_TRANSCRIPTS_WRITE, capability=_PIPELINE, problems=_CORRECTED,
        repeat=Repeat.READ, id_field="session_id", traits=Trait.TELLS_WORDS | Trait.HAS_ETAG,
    ),
    Route(
        "getDigest", "GET /sessions/{session_id}/digest", "transcripts", "Read what a session was about",
        scopes=_TRANSCRIPTS_READ, capability=_READ_INDEX | _READ_SESSION, problems=(NOT_FOUND, ERASED),
    ),
    Route(
        "listCommitments", "GET /patients/{patient_id}/commitments", "commitments",
        "What a patient took on, and what became of it",
        scopes=_TRANSCRIPTS_READ, capability=_READ_INDEX, problems=(NOT_FOUND,),
    ),
    Route(
        "correctCommitment", "PATCH /patients/{patient_id}/commitments/{commitment_id}", "commitments",
        "Set what became of a commitment", scopes=_TRANSCRIPTS_WRITE, capability=_CORRECT_INDEX, status=204,
        problems=(NOT_FOUND, ERASED),
    ),
    Route(
        "listAuditEvents", "GET /audit-events", "access", "Who was given what about whom, and when",
        scopes=_ADMIN, capability=frozenset({"audit:read"}), also_as=_FHIR,
    ),
    Route(
        "chat", "POST /chat", "chat", "Ask about a patient's sessions", access=Access.KEY_OR_PATIENT, scopes=_DELEGATE,
        capability=_CHAT, lifetime_s=STREAM_LIFETIME_S,
        problems=(NOT_FOUND, CONSENT_REQUIRED, CHAT_OFF, PATIENT_QUOTA, ERASED, NOT_RELEASED),
        repeat=Repeat.READ, id_field="message_id", traits=Trait.SERVES_PATIENTS_IN_CRISIS | Trait.TELLS_WORDS,
        also_as=("text/event-stream",),
    ),
    Route(
        "listConversations", "GET /conversations", "chat", "List a patient's conversations",
        access=Access.KEY_OR_PATIENT, scopes=_DELEGATE, capability=_CHAT, problems=(NOT_FOUND,),
    ),
    Route(
        "listMessages", "GET /conversations/{conversation_id}/messages", "chat", "Read a conversation",
        access=Access.KEY_OR_PATIENT, scopes=_DELEGATE, capability=_CHAT, problems=(NOT_FOUND,),
    ),
    Route(
        "deleteConversation", "DELETE /conversations/{conversation_id}", "chat", "Delete a conversation",
        access=Access.KEY_OR_PATIENT, scopes=_DELEGATE, capability=_CHAT, status=204, problems=(NOT_FOUND,),
    ),
    Route(
        "createOrganization", "POST /operator/v1/organizations", "operator",
        "Create an organization and its first admin key", access=Access.OPERATOR, status=201, traits=Trait.UNLIMITED,
    ),
    Route(
        "renewCapability", "POST /operator/v1/capabilities", "operator",
        "Mint a capability for replaying an event, if consent is still in force", access=Access.OPERATOR,
        capability=_RENEWED, status=201, traits=Trait.UNLIMITED, problems=(NOT_FOUND, CONSENT_REQUIRED),
    ),
)  # fmt: skip

_PATHS = {path: compile_path(path)[0] for path in dict.fromkeys(route.path for route in ROUTES)}


def methods_at(path: str) -> list[str]:
    """Return all methods that a path has, in whichever lines of the table; none for a path that is not there."""
    lines = {template for template, pattern in _PATHS.items() if pattern.match(path)}
    return sorted({route.method for route in ROUTES if route.path in lines})


BY_OPERATION: dict[str, Route] = {route.operation_id: route for route in ROUTES}
