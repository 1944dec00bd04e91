"""A server that answers as the transit engine of Vault and OpenBao does: derived keys, versions, a floor under them."""

import base64
import binascii
import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "hvs.fake-transit-token"
KEY = "therapyrag"
_NONCE_BYTES = 12
_CIPHERTEXT = re.compile(r"vault:v(\d{1,6}):([A-Za-z0-9+/=]+)")


@dataclass
class TransitFake:
    """The vendor's side: one key with its versions, and whether it is derived from the context."""

    token: str = TOKEN
    derived: bool = True
    versions: list[bytes] = field(default_factory=lambda: [os.urandom(32)])
    min_decryption_version: int = 1
    namespace: str | None = None

    def app(self) -> Starlette:
        """Return the app; its address is VAULT_ADDR."""
        return Starlette(routes=[Route("/v1/transit/{action}/{name}", self._serve, methods=["POST"])])

    def rotate(self) -> None:
        """Give the key another version; older ones still decrypt down to `min_decryption_version`."""
        self.versions.append(os.urandom(32))

    async def _serve(self, request: Request) -> Response:
        refused = self._refusal(request)
        if refused:
            return refused
        asked: dict[str, Any] = await request.json()
        context = base64.b64decode(asked.get("context", ""))
        if self.derived and not context:
            return _errors(400, "missing 'context' for key derivation; the key was created using a derived key")
        match request.path_params["action"]:
            case "encrypt":
                return self._encrypt(base64.b64decode(asked["plaintext"]), context)
            case "decrypt":
                return self._decrypt(asked["ciphertext"], context)
        return _errors(404, "unsupported path")

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("x-vault-token") != self.token:
            return _errors(403, "permission denied")
        # In another namespace there is no such engine, and the vendor says no more than that.
        if self.namespace != request.headers.get("x-vault-namespace"):
            return _errors(404, "no handler for route")
        if request.path_params["name"] != KEY:
            return _errors(400, "encryption key not found")
        return None

    def _encrypt(self, plain: bytes, context: bytes) -> Response:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._aead(len(self.versions), context).encrypt(nonce, plain, None)
        ciphertext = f"vault:v{len(self.versions)}:{base64.b64encode(sealed).decode()}"
        return JSONResponse({"data": {"ciphertext": ciphertext, "key_version": len(self.versions)}})

    def _decrypt(self, ciphertext: str, context: bytes) -> Response:
        found = _CIPHERTEXT.fullmatch(ciphertext)
        if found is None:
            return _errors(400, "invalid ciphertext: no prefix")
        version = int(found[1])
        # The floor by which an operator of Vault retires old versions of a key.
        if version < self.min_decryption_version:
            return _errors(400, "ciphertext or signature version is disallowed by policy (too old)")
        if version > len(self.versions):
            return _errors(400, "invalid ciphertext: version is too new")
        try:
            sealed = base64.b64decode(found[2], validate=True)
            plain = self._aead(version, context).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (binascii.Error, InvalidTag, ValueError):
            return _errors(400, "cipher: message authentication failed")
        return JSONResponse({"data": {"plaintext": base64.b64encode(plain).decode()}})

    def _aead(self, version: int, context: bytes) -> AESGCM:
        # Without derivation the context changes nothing, which the proof at the start has to find out (root_key.py).
        key = self.versions[version - 1]
        return AESGCM(hmac.new(key, context, hashlib.sha256).digest() if self.derived else key)


def _errors(status: int, text: str) -> Response:
    return JSONResponse({"errors": [text]}, status_code=status)
