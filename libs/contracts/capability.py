"""Signed capabilities: who acts, for whom, on what, until when (ADR 0003).

Grammar, fields separated by `|`: `v1`, key id, expiry (Unix s), organization, patient or `-`, session or `-`, actor,
scopes by comma, API key id or `-`, token id, HMAC-SHA-256 of all before it in hex.
Only the gateway mints them; the database verifies them and derives narrower ones for events.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from libs.common.capability import held
from libs.common.errors import UNAUTHENTICATED, AppError
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId, SessionId

# Long enough for one request through all services, and of little use to whoever finds it later (ADR 0003).
REQUEST_LIFETIME_S = 60
CARRIED = "carried"
"""Among the scopes of what an event carries: what follows from it ends when it ends (deploy/postgres/ctx.sql)."""
_FIELDS = 11


@dataclass(frozen=True)
class Claims:
    """What a capability says. Scopes are `<schema>:read` or `<schema>:write`; write includes read."""

    organization_id: OrganizationId
    actor: str
    scopes: frozenset[str]
    expires_at: datetime
    token_id: UUID
    patient_id: PatientId | None = None
    session_id: SessionId | None = None
    api_key_id: ApiKeyId | None = None


class Minter:
    """Signs claims with a key that only the gateway and the database hold."""

    def __init__(self, key_id: str, key: bytes) -> None:
        self._key_id = key_id
        self._key = key

    def mint(self, claims: Claims) -> str:
        """Return the signed token."""
        # By hand and not JWT: the database verifies it in SQL, for each transaction.
        message = "|".join(
            (
                "v1",
                self._key_id,
                # Cut to whole seconds and not rounded: never longer than was meant.
                str(int(claims.expires_at.timestamp())),
                str(claims.organization_id),
                _or_dash(claims.patient_id),
                _or_dash(claims.session_id),
                _plain(claims.actor),
                ",".join(sorted(_plain(scope) for scope in claims.scopes)),
                _or_dash(claims.api_key_id),
                str(claims.token_id),
            )
        )
        # Signed and not encrypted: it holds ids alone, and the database reads it field by field.
        return f"{message}|{hmac.new(self._key, message.encode(), hashlib.sha256).hexdigest()}"


def parse(token: str) -> Claims:
    """Read a token's claims without verifying them: only the database's word counts for access."""
    parts = token.split("|")
    if len(parts) != _FIELDS or parts[0] != "v1":
        raise AppError(UNAUTHENTICATED, "The capability is not readable.")
    try:
        return Claims(
            organization_id=OrganizationId(UUID(parts[3])),
            actor=parts[6],
            scopes=frozenset(parts[7].split(",")),
            expires_at=datetime.fromtimestamp(int(parts[2]), UTC),
            token_id=UUID(parts[9]),
            patient_id=PatientId(UUID(parts[4])) if parts[4] != "-" else None,
            session_id=SessionId(UUID(parts[5])) if parts[5] != "-" else None,
            api_key_id=ApiKeyId(parts[8]) if parts[8] != "-" else None,
        )
    except ValueError as error:
        raise AppError(UNAUTHENTICATED, "The capability is not readable.") from error


def bound_patient() -> PatientId | None:
    """Return the patient that the capability in force is bound to, if it is."""
    token = held()
    return parse(token).patient_id if token else None


def _or_dash(value: UUID | str | None) -> str:
    return "-" if value is None else _plain(str(value))


def _plain(text: str) -> str:
    # A separator inside a field would let it claim what the next one says.
    if not text or "|" in text or "," in text or not text.isprintable():
        raise ValueError("a field of a capability must be printable and hold no separator")
    return text
