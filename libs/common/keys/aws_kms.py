"""The root key in AWS KMS: Encrypt and Decrypt over its JSON 1.1 protocol; the key itself never leaves there.

What a key is for goes along as the encryption context, which AWS authenticates and writes into CloudTrail.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from libs.common.clock import Clock, utc_now
from libs.common.errors import AppError
from libs.common.keys import kms_call
from libs.common.keys.aws_credentials import AwsCredentials
from libs.common.keys.sigv4 import Scope, Unsigned, sign

SERVICE = "kms"
KIND_CHARS_MAX = 59
_TRANSIENT = frozenset(
    {"ThrottlingException", "LimitExceededException", "KeyUnavailableException", "DependencyTimeoutException"}
)
_OTHER_KEY = "IncorrectKeyException"


@dataclass(frozen=True)
class KmsKey:
    """Where a key is. Of `key_ids` (id or ARN) the first wraps; the others still open what they once wrapped.

    `context_name` names the one entry of the encryption context: what was wrapped under another name does not open.
    """

    region: str
    key_ids: Sequence[str]
    context_name: str
    endpoint: str | None = None

    @property
    def url(self) -> str:
        """Return where the service of this region listens."""
        return self.endpoint or f"https://{SERVICE}.{self.region}.amazonaws.com"


class AwsKms:
    """Implements root_key.Root."""

    label = "aws_kms"
    tag = b"\x02"

    def __init__(self, key: KmsKey, credentials: AwsCredentials, clock: Clock = utc_now) -> None:
        self._key = key
        self._credentials = credentials
        self._clock = clock
        self._client = kms_call.client()

    async def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Have the secret encrypted under the first key."""
        body = {"KeyId": self._key.key_ids[0], "Plaintext": _b64(secret), "EncryptionContext": self._context(context)}
        return self.tag + _bytes(await self._call("Encrypt", body), "CiphertextBlob")

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Have it decrypted under whichever of the keys wrapped it."""
        body = {"CiphertextBlob": _b64(wrapped.removeprefix(self.tag)), "EncryptionContext": self._context(context)}
        *others, last = self._key.key_ids
        for key_id in others:
            try:
                return _bytes(await self._call("Decrypt", body | {"KeyId": key_id}), "Plaintext")
            except AppError as error:
                # Any other refusal would be the same under every key, and a service that is away refuses nothing.
                if error.facts.get("reason") != _OTHER_KEY:
                    raise
        return _bytes(await self._call("Decrypt", body | {"KeyId": last}), "Plaintext")

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
        await self._credentials.close()

    def _context(self, context: bytes) -> dict[str, str]:
        # Readable in CloudTrail ("tenant-key%1F0192..."), and no two contexts become the same.
        return {self._key.context_name: quote(context, safe="")}

    async def _call(self, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
        content = json.dumps(body).encode()

        async def send() -> httpx.Response:
            # Signed anew for each try: a signature is good for minutes, and credentials may have changed.
            credentials = await self._credentials.get()
            headers = {
                "host": urlsplit(self._key.url).netloc,
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": f"TrentService.{action}",
            }
            request = Unsigned("POST", "/", headers, content)
            signed = sign(request, credentials, Scope(self._key.region, SERVICE), self._clock())
            return await self._client.post(f"{self._key.url}/", content=content, headers=signed)

        return await kms_call.call(send, _problem)


def _problem(answer: httpx.Response) -> AppError:
    try:
        # AWS writes the type with or without a namespace before it.
        kind = str(answer.json().get("__type", "")).rpartition("#")[2]
    except (ValueError, AttributeError):
        kind = ""
    # Its message repeats what was sent; its type is a word of AWS's own.
    kind = kind if kind.isalnum() and len(kind) <= KIND_CHARS_MAX else "unknown"
    return kms_call.down(reason=kind) if kind in _TRANSIENT else kms_call.refused(kind, status=answer.status_code)


def _bytes(answer: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(answer[name], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise kms_call.refused("no-answer") from error


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
