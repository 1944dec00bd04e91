"""AWS Signature Version 4 for one request without a query, so that one call to one service needs no SDK of 14 MB."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """A key pair, and the session token that temporary ones come with."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


@dataclass(frozen=True)
class Scope:
    """Where a signature is good for: one service in one region."""

    region: str
    service: str


@dataclass(frozen=True)
class Unsigned:
    """A request to sign. `headers` must name the host; each one that is given is signed."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


def sign(request: Unsigned, credentials: Credentials, scope: Scope, at: datetime) -> dict[str, str]:
    """Return the headers to send: those given, the date, the session token and the signature over all of them."""
    day, moment = f"{at:%Y%m%d}", f"{at:%Y%m%dT%H%M%SZ}"
    headers = {name.lower(): value for name, value in request.headers.items()} | {"x-amz-date": moment}
    if credentials.session_token:
        headers["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        (
            request.method,
            request.path,
            "",
            # Runs of spaces count as one in what is signed, by the vendor's rules.
            *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
            "",
            names,
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    place = f"{day}/{scope.region}/{scope.service}/aws4_request"
    text = "\n".join((ALGORITHM, moment, place, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(signing_key(credentials.secret_access_key, place), text.encode(), "sha256").hexdigest()
    credential = f"{credentials.access_key_id}/{place}"
    return headers | {
        "authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    }


def signing_key(secret_access_key: str, place: str) -> bytes:
    """Return the key of one day, region and service."""
    key = f"AWS4{secret_access_key}".encode()
    # One HMAC a part: the key of one day, region and service tells nothing about any other.
    for part in place.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
