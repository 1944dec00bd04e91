"""A server that answers as AWS KMS does (JSON 1.1, Signature Version 4), with keys that rotate, and a container's role.

The signature is verified from the request as it came, by code that shares nothing with the code that signs.
"""

import base64
import hashlib
import hmac
import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ACCESS_KEY_ID = "AKIAFAKEFAKEFAKEFAKE"
SECRET_ACCESS_KEY = "fake-secret-access-key"
SESSION_TOKEN = "fake-session-token"
CONTAINER_TOKEN = "fake-container-token"
REGION = "eu-central-1"
KEY_ARN = f"arn:aws:kms:{REGION}:111122223333:key/fake-1"
SKEW_MAX = timedelta(minutes=5)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)"
)
_NONCE_BYTES = 12


@dataclass
class KmsFake:
    """The vendor's side. `keys` maps an ARN to its versions, newest last: old ones still decrypt, as AWS does it."""

    keys: dict[str, list[bytes]] = field(default_factory=lambda: {KEY_ARN: [os.urandom(32)]})
    disabled: set[str] = field(default_factory=set)
    session_token: str | None = None
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Each action with its encryption context, as CloudTrail would tell it."""

    def app(self) -> Starlette:
        """Return the app: the service at `/`, a container's credentials at `/role`."""
        return Starlette(
            routes=[Route("/", self._serve, methods=["POST"]), Route("/role", self._role, methods=["GET"])]
        )

    def rotate(self, arn: str = KEY_ARN) -> None:
        """Give a key another version, as automatic rotation does."""
        self.keys[arn].append(os.urandom(32))

    async def _role(self, request: Request) -> Response:
        if request.headers.get("authorization") != CONTAINER_TOKEN:
            return JSONResponse({"message": "no"}, status_code=400)
        return JSONResponse(
            {
                "AccessKeyId": ACCESS_KEY_ID,
                "SecretAccessKey": SECRET_ACCESS_KEY,
                "Token": SESSION_TOKEN,
                "Expiration": (datetime.now(UTC) + timedelta(hours=6)).isoformat(),
            }
        )

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        fault = _signature_fault(request, body) or self._token_fault(request)
        if fault:
            return _problem(fault, 400)
        action = request.headers["x-amz-target"].removeprefix("TrentService.")
        asked: dict[str, Any] = json.loads(body)
        self.seen.append((action, asked.get("EncryptionContext", {})))
        if asked["KeyId"] not in self.keys:
            return _problem("NotFoundException", 400)
        if asked["KeyId"] in self.disabled:
            return _problem("DisabledException", 400)
        return self._encrypt(asked) if action == "Encrypt" else self._decrypt(asked)

    def _encrypt(self, asked: dict[str, Any]) -> Response:
        arn = asked["KeyId"]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self.keys[arn][-1]).encrypt(nonce, base64.b64decode(asked["Plaintext"]), _context(asked))
        name = arn.encode()
        # With the key's name, as AWS has it: a blob of another key is told from a damaged one.
        blob = bytes([len(name)]) + name + nonce + sealed
        return _answer(arn, CiphertextBlob=base64.b64encode(blob).decode())

    def _decrypt(self, asked: dict[str, Any]) -> Response:
        arn = asked["KeyId"]
        blob = base64.b64decode(asked["CiphertextBlob"])
        if not blob:
            return _problem("ValidationException", 400)
        name, rest = blob[1 : 1 + blob[0]].decode(errors="replace"), blob[1 + blob[0] :]
        # Told apart from a damaged blob, as AWS does: a service may try its next root key then.
        if name in self.keys and name != arn:
            return _problem("IncorrectKeyException", 400)
        # As AWS does after a rotation: every earlier version still decrypts.
        for version in self.keys[arn]:
            try:
                plain = AESGCM(version).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _context(asked))
            except (InvalidTag, ValueError):
                continue
            return _answer(arn, Plaintext=base64.b64encode(plain).decode())
        return _problem("InvalidCiphertextException", 400)

    def _token_fault(self, request: Request) -> str | None:
        if self.session_token and request.headers.get("x-amz-security-token") != self.session_token:
            return "UnrecognizedClientException"
        return None


def _signature_fault(request: Request, body: bytes) -> str | None:
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        return "IncompleteSignature"
    key_id, day, region, service, names, signature = found.groups()
    moment = request.headers.get("x-amz-date", "")
    at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if (key_id, region, service) != (ACCESS_KEY_ID, REGION, "kms") or not moment.startswith(day):
        return "UnrecognizedClientException"
    if abs(datetime.now(UTC) - at) > SKEW_MAX or not {"host", "x-amz-date", "x-amz-target"} <= set(names.split(";")):
        return "InvalidSignatureException"
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names.split(";"))
    hashed = hashlib.sha256(body).hexdigest()
    canonical = f"{request.method}\n{request.url.path}\n{request.url.query}\n{headers}\n{names}\n{hashed}"
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + SECRET_ACCESS_KEY.encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(expected, signature) else "InvalidSignatureException"


def _context(asked: dict[str, Any]) -> bytes:
    # Sorted, because AWS compares pairs and not their order.
    return json.dumps(asked.get("EncryptionContext", {}), sort_keys=True).encode()


def _answer(arn: str, **more: str) -> Response:
    return JSONResponse({"KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", **more}, media_type=_JSON)


def _problem(kind: str, status: int) -> Response:
    body = {"__type": f"com.amazonaws.kms#{kind}", "message": "the vendor's words"}
    return JSONResponse(body, status_code=status, media_type=_JSON)


_JSON = "application/x-amz-json-1.1"
