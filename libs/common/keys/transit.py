"""The root key in the transit engine of HashiCorp Vault or OpenBao; the key itself never leaves there.

The key must be made with `derived=true`: then what a key is for takes part in the derivation, and a wrapped key opens
for nothing else. A key without it would ignore the context; the proof at the start (root_key.py) finds that out.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from libs.common.errors import AppError
from libs.common.keys import kms_call

_TRANSIENT = frozenset({412, 429, 472, 473})
"""Not yet consistent, too many requests, a standby of another kind: the next node or moment answers."""


@dataclass(frozen=True)
class TransitKey:
    """Where a key is: the server, the engine's mount, the key's name, and the namespace where there are any."""

    address: str
    name: str
    mount: str = "transit"
    namespace: str | None = None


class Transit:
    """Implements root_key.Root. `token` is asked for each call, because an agent renews it."""

    label = "transit"
    tag = b"\x03"

    def __init__(self, key: TransitKey, token: Callable[[], str]) -> None:
        self._key = key
        self._token = token
        self._client = kms_call.client()

    async def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Have the secret encrypted under the newest version of the key."""
        data = await self._call("encrypt", {"plaintext": _b64(secret), "context": _b64(context)})
        return self.tag + _text(data, "ciphertext").encode()

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Have it decrypted under the version it names (`vault:v3:...`)."""
        try:
            # Transit's own text, which names the key's version; what is no ASCII never came from there.
            ciphertext = wrapped.removeprefix(self.tag).decode("ascii")
        except UnicodeDecodeError as error:
            raise kms_call.refused("not-ours") from error
        data = await self._call("decrypt", {"ciphertext": ciphertext, "context": _b64(context)})
        try:
            return base64.b64decode(_text(data, "plaintext"), validate=True)
        except binascii.Error as error:
            raise kms_call.refused("no-answer") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _call(self, action: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        url = f"{self._key.address.rstrip('/')}/v1/{self._key.mount.strip('/')}/{action}/{self._key.name}"

        async def send() -> httpx.Response:
            # Agents may demand the second header, which a request forged through another server does not have.
            headers = {"x-vault-token": self._token(), "x-vault-request": "true"}
            if self._key.namespace:
                headers["x-vault-namespace"] = self._key.namespace
            return await self._client.post(url, json=body, headers=headers)

        data = (await kms_call.call(send, _problem)).get("data")
        if not isinstance(data, dict):
            raise kms_call.refused("no-answer")
        return data


def _problem(answer: httpx.Response) -> AppError:
    if answer.status_code in _TRANSIENT:
        return kms_call.down(status=answer.status_code)
    return kms_call.refused("transit", status=answer.status_code)


def _text(data: Mapping[str, Any], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str):
        raise kms_call.refused("no-answer")
    return found


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
