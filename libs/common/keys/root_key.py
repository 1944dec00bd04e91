"""The key above all keys: a file for development, AWS KMS or Vault/OpenBao transit for the real thing.

One root wraps; every root that is configured still opens what it wrapped before, so that an operator can move from one
to another (docs/security/keys.md). Each wrapped key begins with a byte that says whose it is.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.errors import UPSTREAM_REFUSED, AppError
from libs.common.keys.aws_credentials import ECS_AGENT, AwsCredentials, ContainerCredentials, FixedCredentials
from libs.common.keys.aws_kms import AwsKms, KmsKey
from libs.common.keys.key_wrapping import KEY_BYTES, KeyWrapping, LocalKeys, read_root_key
from libs.common.keys.sigv4 import Credentials
from libs.common.keys.transit import Transit, TransitKey

_PROOF = b"root-key-proof"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Root(KeyWrapping, Protocol):
    """One place a root key can be. What it wraps begins with its `tag`."""

    label: str
    tag: bytes

    async def close(self) -> None:
        """Give everything back."""


class RootKeySettings(BaseSettings):
    """Where the root key is. A root is configured in whole or not at all."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, hide_input_in_errors=True)

    root_key_provider: Literal["file", "aws_kms", "transit"] = Field(
        "file", description="Which root key wraps; others that are configured still open what they wrapped."
    )
    root_key_file: Path | None = Field(
        None, description="A file of mode 0600 with base64 root keys, one a line: the first wraps, all of them open."
    )
    aws_kms_key_id: str | None = Field(None, description="The id or ARN of the key in AWS KMS; needs `AWS_REGION`.")
    aws_kms_retiring_key_id: str | None = Field(None, description="An older key in AWS KMS that still opens.")
    aws_kms_endpoint: str | None = Field(None, description="Another address of AWS KMS; none means the region's own.")
    aws_kms_context_name: str = Field(
        min_length=1,
        description="The name in the encryption context under which AWS KMS authenticates what a key is for; "
        "what was wrapped under another name does not open.",
    )
    aws_region: str | None = Field(None, description="The region of the key in AWS KMS.")
    aws_access_key_id: str | None = Field(None, description="The AWS key pair; none means the container's role.")
    aws_secret_access_key: SecretStr | None = Field(None, description="The secret of that key pair.")
    aws_session_token: SecretStr | None = Field(None, description="The session token of a temporary key pair.")
    aws_container_credentials_full_uri: str | None = Field(
        None, description="Where the role of this container or pod is asked for; set by EKS Pod Identity."
    )
    aws_container_credentials_relative_uri: str | None = Field(
        None, description="The same as a path at the host of the container's agent; set by ECS."
    )
    aws_container_authorization_token_file: Path | None = Field(
        None, description="The file with the token for that; set by EKS Pod Identity."
    )
    transit_key_name: str | None = Field(
        None, description="The name of the transit key (made with `derived=true`); needs `VAULT_ADDR` and a token."
    )
    transit_mount: str = Field("transit", description="Where the transit engine is mounted.")
    vault_addr: str | None = Field(None, description="The address of Vault or OpenBao (https://...).")
    vault_namespace: str | None = Field(None, description="The namespace, where the server has any.")
    vault_token: SecretStr | None = Field(None, description="The token for the transit engine.")
    vault_token_file: Path | None = Field(
        None, description="Instead: a file with the token, which an agent keeps fresh; read for each call."
    )


class RootKey:
    """Implements KeyWrapping over all configured roots; the first one wraps."""

    def __init__(self, roots: Sequence[Root]) -> None:
        self._roots = tuple(roots)
        self._proven = False
        self._proving = asyncio.Lock()

    @property
    def details(self) -> Mapping[str, str]:
        """Say which root wraps and which others still open, for /health and the log."""
        others = {"root_key_opens": ",".join(root.label for root in self._roots[1:])} if self._roots[1:] else {}
        return {"root_key": self._roots[0].label} | others

    async def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Wrap under the first root."""
        return await self._roots[0].wrap(secret, context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Unwrap with the root the first byte names."""
        for root in self._roots:
            # By the tag and not by trying: a key service charges for each try, and logs it as a failure.
            if wrapped[:1] == root.tag:
                return await root.unwrap(wrapped, context)
        raise AppError(UPSTREAM_REFUSED, "A key was wrapped by a root key that is not configured.", reason="no-root")

    def label_of(self, wrapped: bytes) -> str:
        """Say which root wrapped a key."""
        return next((root.label for root in self._roots if wrapped[:1] == root.tag), "unknown")

    async def ready(self) -> None:
        """Prove once that the root wraps, opens, and opens nothing under another context; raise AppError else."""
        # One proof for all who ask at the start: each would be three calls to a key service that charges for them.
        async with self._proving:
            if self._proven:
                return
            secret = os.urandom(KEY_BYTES)
            wrapped = await self.wrap(secret, _PROOF)
            if await self.unwrap(wrapped, _PROOF) != secret:
                raise AppError(UPSTREAM_REFUSED, "The root key does not give back what it wrapped.", reason="no-proof")
            # A transit key without `derived=true` ignores the context: any object's key would open as any other's.
            if await self._opens(wrapped, _PROOF + b"-other"):
                raise AppError(
                    UPSTREAM_REFUSED,
                    "The root key does not bind keys to their context: create it with derived=true.",
                    reason="no-context",
                )
            self._proven = True

    async def close(self) -> None:
        """Give everything back."""
        for root in self._roots:
            await root.close()

    async def _opens(self, wrapped: bytes, context: bytes) -> bool:
        try:
            await self.unwrap(wrapped, context)
        except AppError as error:
            # A service that is away has refused nothing: only a refusal proves the binding.
            if error.problem is not UPSTREAM_REFUSED:
                raise
            return False
        return True


class FileRoot(LocalKeys):
    """Root keys in a file: for development, and for who has no key management service."""

    label = "file"
    tag = b"\x01"

    async def close(self) -> None:
        """Nothing is open."""


def root_key(settings: RootKeySettings) -> RootKey:
    """Return the root key of the settings; raise ValueError that names what is missing when one is half configured."""
    found: dict[str, Root | None] = {"file": _file(settings), "aws_kms": _aws(settings), "transit": _transit(settings)}
    # The others stay, so that an operator can move from one root to another and back.
    first = found.pop(settings.root_key_provider)
    if first is None:
        needed = {"file": "ROOT_KEY_FILE", "aws_kms": "AWS_KMS_KEY_ID", "transit": "TRANSIT_KEY_NAME"}
        raise ValueError(
            f"ROOT_KEY_PROVIDER is {settings.root_key_provider}, but {needed[settings.root_key_provider]} is not set"
        )
    return RootKey([first, *(root for root in found.values() if root is not None)])


def _file(settings: RootKeySettings) -> Root | None:
    return FileRoot(read_root_key(settings.root_key_file).keys) if settings.root_key_file else None


def _aws(settings: RootKeySettings) -> Root | None:
    if settings.aws_kms_key_id is None:
        # Half of a configuration is a slip, and would show when the first old key has to be opened.
        _require_unset(settings, "AWS_KMS_KEY_ID", ("aws_kms_retiring_key_id", "aws_kms_endpoint"))
        return None
    if not settings.aws_region:
        raise ValueError("AWS_KMS_KEY_ID is set, but AWS_REGION is not")
    _require_tls("AWS_KMS_ENDPOINT", settings.aws_kms_endpoint)
    ids = [settings.aws_kms_key_id, *filter(None, [settings.aws_kms_retiring_key_id])]
    key = KmsKey(settings.aws_region, ids, settings.aws_kms_context_name, settings.aws_kms_endpoint)
    return AwsKms(key, _aws_credentials(settings))


def _aws_credentials(settings: RootKeySettings) -> AwsCredentials:
    pair = (settings.aws_access_key_id, settings.aws_secret_access_key)
    if settings.aws_access_key_id and settings.aws_secret_access_key:
        token = settings.aws_session_token
        return FixedCredentials(
            Credentials(
                settings.aws_access_key_id,
                settings.aws_secret_access_key.get_secret_value(),
                token.get_secret_value() if token else None,
            )
        )
    if any(pair):
        raise ValueError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set together or not at all")
    path, url = settings.aws_container_credentials_relative_uri, settings.aws_container_credentials_full_uri
    if path is not None:
        url = f"{ECS_AGENT}/{path.lstrip('/')}"
    if url is None:
        raise ValueError("AWS_KMS_KEY_ID is set, but neither a key pair nor AWS_CONTAINER_CREDENTIALS_FULL_URI is")
    return ContainerCredentials(url, settings.aws_container_authorization_token_file)


def _transit(settings: RootKeySettings) -> Root | None:
    if settings.transit_key_name is None:
        return None
    if settings.vault_addr is None:
        raise ValueError("TRANSIT_KEY_NAME is set, but VAULT_ADDR is not")
    _require_tls("VAULT_ADDR", settings.vault_addr)
    key = TransitKey(settings.vault_addr, settings.transit_key_name, settings.transit_mount, settings.vault_namespace)
    token, file = settings.vault_token, settings.vault_token_file
    # With both nobody could say which one is in force.
    if (token is None) == (file is None):
        raise ValueError("TRANSIT_KEY_NAME is set: set VAULT_TOKEN or VAULT_TOKEN_FILE as well, and not both")
    if token is not None:
        return Transit(key, token.get_secret_value)
    return Transit(key, lambda: _first_line(file))


def _first_line(file: Path | None) -> str:
    try:
        return file.read_text().strip() if file else ""
    except OSError as error:
        raise AppError(UPSTREAM_REFUSED, "The token of the key service cannot be read.", reason="no-token") from error


def _require_unset(settings: RootKeySettings, name: str, others: Sequence[str]) -> None:
    for other in others:
        if getattr(settings, other):
            raise ValueError(f"{other.upper()} is set, but {name} is not")


def _require_tls(name: str, address: str | None) -> None:
    parts = urlsplit(address) if address else None
    # On loopback, where development and tests have their servers, there is no line to listen in on.
    if parts and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"{name} must be https: keys travel there")
