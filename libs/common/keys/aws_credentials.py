"""Whom AWS takes us for: a key pair of the settings, or the role of the container, renewed before it expires."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from libs.common.clock import Clock, utc_now
from libs.common.keys import kms_call
from libs.common.keys.sigv4 import Credentials

ECS_AGENT = "http://169.254.170.2"
RENEW_BEFORE = timedelta(minutes=5)
# ECS, EKS Pod Identity; any other plain-HTTP host could be harvesting the token.
_PLAIN_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})


class AwsCredentials(Protocol):
    """Gives the credentials of the moment."""

    async def get(self) -> Credentials:
        """Return credentials that are good for some minutes; raise AppError when there are none."""

    async def close(self) -> None:
        """Give everything back."""


class FixedCredentials:
    """Implements AwsCredentials with a key pair that never changes."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def get(self) -> Credentials:
        """Return the pair."""
        return self._credentials

    async def close(self) -> None:
        """Nothing is open."""


class ContainerCredentials:
    """Implements AwsCredentials: a container's role (ECS, EKS Pod Identity), kept until shortly before it ends."""

    def __init__(self, url: str, token_file: Path | None, clock: Clock = utc_now) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _PLAIN_HOSTS:
            raise ValueError("AWS_CONTAINER_CREDENTIALS_FULL_URI must be https or the address of the container host")
        self._url = url
        self._token_file = token_file
        self._clock = clock
        self._client = kms_call.client()
        self._asking = asyncio.Lock()
        self._kept: Credentials | None = None
        self._until: datetime | None = None

    async def get(self) -> Credentials:
        """Return credentials that are good for some minutes."""
        # One asks and the others wait for its answer: a role's endpoint throttles a process that asks in parallel.
        async with self._asking:
            if self._kept is None or self._until is None or self._clock() >= self._until - RENEW_BEFORE:
                self._kept, self._until = await self._ask()
            return self._kept

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def _ask(self) -> tuple[Credentials, datetime]:
        # Read for each call: EKS replaces the token in its file while we run.
        headers = {"authorization": self._read_token(self._token_file)} if self._token_file else {}
        found = await kms_call.call(
            lambda: self._client.get(self._url, headers=headers),
            lambda answer: kms_call.refused("no-credentials", status=answer.status_code),
        )
        try:
            answer = _Answer.model_validate(found)
        except ValidationError as error:
            raise kms_call.refused("no-credentials") from error
        return Credentials(answer.AccessKeyId, answer.SecretAccessKey, answer.Token), answer.Expiration

    @staticmethod
    def _read_token(file: Path) -> str:
        try:
            return file.read_text().strip()
        except OSError as error:
            raise kms_call.refused("no-token") from error


class _Answer(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    AccessKeyId: str
    SecretAccessKey: str
    Token: str
    Expiration: AwareDatetime
