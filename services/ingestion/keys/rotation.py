"""Rotation of keys: what is wrapped under an old key is wrapped under a new one; recordings are never touched.

Dry by default: without `execute` everything is read and counted and nothing is written.
Every step may be killed and run again: a version is added once, and a key moves only if it is still as it was read.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from libs.common.errors import CONFLICT, NOT_FOUND, UPSTREAM_REFUSED, AppError
from libs.common.keys.key_wrapping import KeyWrapping, LocalKey, new_key
from libs.common.log import get_logger
from libs.contracts.ids import OrganizationId, PatientId
from services.ingestion.domain import OrganizationKey, PatientKey
from services.ingestion.keys.chain import organization_context, patient_context

BATCH = 500
RETIRED_MIN_S = 3600.0
"""How long a version must have been out of use before it may be destroyed: longer than any upload's first moments."""


@dataclass(frozen=True)
class Standing:
    """A version of an organization's key, how many patients' keys it wraps, and how long ago a newer one came."""

    organization_id: OrganizationId
    key: OrganizationKey
    patients: int
    retired_s: float | None


@dataclass(frozen=True)
class Rewrapped:
    """How many versions are under the root key of now, and how many no configured root key opens."""

    done: int
    failed: int


class Vault(Protocol):
    """All wrapped keys of all organizations."""

    async def standings(self, after: Standing | None, most: int) -> Sequence[Standing]:
        """Return versions in order, after one that was seen."""

    async def versions(self, organization_id: OrganizationId) -> Sequence[OrganizationKey]:
        """Return an organization's versions, the newest last."""

    async def replace(self, organization_id: OrganizationId, before: OrganizationKey, now: bytes) -> bool:
        """Change how a version is wrapped, if it is still as it was."""

    async def add(self, organization_id: OrganizationId, key: OrganizationKey) -> bool:
        """Add a version and retire those before it, if nobody did."""

    async def behind(
        self, organization_id: OrganizationId, version: int, after: PatientId | None, most: int
    ) -> Sequence[tuple[PatientId, PatientKey]]:
        """Return patients' keys under versions before this one."""

    async def move(
        self, organization_id: OrganizationId, patient_id: PatientId, before: PatientKey, now: PatientKey
    ) -> bool:
        """Change how a patient's key is wrapped, if it is still as it was."""

    async def destroy(self, organization_id: OrganizationId, version: int) -> bool:
        """Delete a version that wraps nothing any more."""


class Rotation:
    """What an operator does to keys without ever seeing one."""

    def __init__(self, root: KeyWrapping, vault: Vault, *, execute: bool = False) -> None:
        self._root = root
        self._vault = vault
        self._execute = execute

    async def standings(self) -> AsyncIterator[Standing]:
        """Yield every version of every organization."""
        last: Standing | None = None
        while found := await self._vault.standings(last, BATCH):
            for last in found:
                yield last

    async def rewrap_roots(self) -> Rewrapped:
        """Wrap every organization's key under the root key of now; go on past those that no root opens."""
        done = failed = 0
        async for one in self.standings():
            try:
                await self._rewrap_root(one)
            except AppError as error:
                if error.problem is not UPSTREAM_REFUSED:
                    raise
                failed += 1
                self._say("keys.unopened", one.organization_id, one.key.version, 1)
            else:
                done += 1
                self._say("keys.rewrapped", one.organization_id, one.key.version, 1)
        return Rewrapped(done, failed)

    async def rotate(self, organization_id: OrganizationId, *, only_rest: bool = False) -> int:
        """Give an organization a new key and wrap its patients' keys under it; return how many.

        `only_rest` makes no new version: it moves what a rotation left behind.
        """
        versions = await self._vault.versions(organization_id)
        if not versions:
            raise AppError(NOT_FOUND, "This organization has no key.")
        context = organization_context(organization_id)
        opened = {one.version: LocalKey(await self._root.unwrap(one.wrapped, context)) for one in versions}
        newest = versions[-1].version
        if not only_rest:
            newest += 1
            opened[newest] = LocalKey(await self._added(organization_id, newest))
        count = await self._move_all(organization_id, newest, opened)
        self._say("keys.rotated", organization_id, newest, count)
        return count

    async def destroy(self, organization_id: OrganizationId, version: int) -> None:
        """Destroy an old version; raise AppError(CONFLICT) while it wraps anything or was in use a moment ago."""
        async for one in self.standings():
            if (one.organization_id, one.key.version) == (organization_id, version):
                break
        else:
            raise AppError(NOT_FOUND, "There is no such version.")
        if one.retired_s is None:
            raise AppError(CONFLICT, "This version is in use. Rotate first.")
        if one.patients:
            raise AppError(CONFLICT, f"{one.patients} patients' keys are still wrapped by it. Rotate the rest first.")
        if one.retired_s < RETIRED_MIN_S:
            raise AppError(CONFLICT, f"It was retired less than {RETIRED_MIN_S:.0f} seconds ago.")
        if self._execute and not await self._vault.destroy(organization_id, version):
            raise AppError(CONFLICT, "The key version came into use meanwhile.")
        self._say("keys.destroyed", organization_id, version, 1)

    async def _rewrap_root(self, one: Standing) -> None:
        context = organization_context(one.organization_id)
        secret = await self._root.unwrap(one.key.wrapped, context)
        if self._execute:
            now = await _wrapped_and_verified(self._root, secret, context)
            if not await self._vault.replace(one.organization_id, one.key, now):
                raise AppError(CONFLICT, "Another rotation is under way. Run this again when it is done.")

    async def _added(self, organization_id: OrganizationId, version: int) -> bytes:
        secret = new_key()
        if self._execute:
            wrapped = await _wrapped_and_verified(self._root, secret, organization_context(organization_id))
            if not await self._vault.add(organization_id, OrganizationKey(wrapped, version)):
                raise AppError(CONFLICT, "Another rotation is under way. Run this again when it is done.")
        return secret

    async def _move_all(self, organization_id: OrganizationId, newest: int, opened: dict[int, LocalKey]) -> int:
        count = 0
        after: PatientId | None = None
        while batch := await self._vault.behind(organization_id, newest, after, BATCH):
            for patient_id, before in batch:
                after = patient_id
                count += await self._move(organization_id, patient_id, before, (newest, opened))
        return count

    async def _move(
        self,
        organization_id: OrganizationId,
        patient_id: PatientId,
        before: PatientKey,
        to: tuple[int, dict[int, LocalKey]],
    ) -> int:
        newest, opened = to
        if before.wrapped is None or before.version is None:
            return 0
        context = patient_context(organization_id, patient_id)
        secret = await opened[before.version].unwrap(before.wrapped, context)
        if not self._execute:
            return 1
        now = PatientKey(await _wrapped_and_verified(opened[newest], secret, context), newest)
        return int(await self._vault.move(organization_id, patient_id, before, now))

    def _say(self, what: str, organization_id: OrganizationId, version: int, count: int) -> None:
        outcome = "done" if self._execute else "dry run, nothing written"
        get_logger().info(what, organization_id=str(organization_id), version=version, count=count, outcome=outcome)


async def _wrapped_and_verified(key: KeyWrapping, secret: bytes, context: bytes) -> bytes:
    """Wrap, and open again before the old one is given up: a key that is lost here loses recordings."""
    wrapped = await key.wrap(secret, context)
    if await key.unwrap(wrapped, context) != secret:
        raise AppError(UPSTREAM_REFUSED, "The key above does not give back what it wrapped.", reason="no-proof")
    return wrapped
