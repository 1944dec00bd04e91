"""Patients' own credentials: JWTs signed with Ed25519, for one patient, for minutes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.clock import Clock
from libs.common.errors import UNAVAILABLE, AppError
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId
from services.gateway.domain import TOKEN_LIFETIME_MAX, PatientToken

ALGORITHM = "EdDSA"
AUDIENCE = "therapyrag:patient"
_CLAIMS = ("exp", "iat", "aud", "sub", "org", "key", "jti")


class TokenSigner:
    """Signs and reads tokens. `seed` is the 32 bytes of an Ed25519 private key; without one no token is offered."""

    lifetime: timedelta = TOKEN_LIFETIME_MAX

    def __init__(self, seed: bytes | None, clock: Clock) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed) if seed else None
        self._clock = clock

    def sign(self, token: PatientToken) -> str:
        """Return the token's text; raise AppError(UNAVAILABLE) when this gateway has no signing key."""
        if self._key is None:
            raise AppError(UNAVAILABLE, "Patient tokens are not offered here: PATIENT_TOKEN_KEY is not set.")
        claims = {
            "aud": AUDIENCE,
            "sub": str(token.patient_id),
            "org": str(token.organization_id),
            "key": token.api_key_id,
            "jti": str(token.jti),
            "iat": self._clock(),
            "exp": token.expires_at,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def read(self, text: str) -> PatientToken | None:
        """Return a token's claims if its signature and times are valid, else None."""
        if self._key is None:
            return None
        try:
            claims = jwt.decode(
                text,
                self._key.public_key(),
                # Fixed here and never read from the token, or a forger would choose.
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                # Times are judged below, by the clock that is given and capabilities go by.
                options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
            token = PatientToken(
                jti=UUID(claims["jti"]),
                organization_id=OrganizationId(UUID(claims["org"])),
                patient_id=PatientId(UUID(claims["sub"])),
                api_key_id=ApiKeyId(str(claims["key"])),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
            return None
        return token if token.expires_at > self._clock() else None
