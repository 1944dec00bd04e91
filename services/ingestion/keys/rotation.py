"""Key rotation: rewraps keys with a new key; recordings are never re-encrypted.

Dry run by default: without `execute` everything is read and counted, and nothing is written.
Every step can be interrupted and repeated: a version is added once, and a key is replaced only if it is unchanged.
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
"""Minimum age of a retired version before it may be destroyed: longer than an upload holds a key that it has read."""


@dataclass(frozen=True)
class KeyVersionStatus:
    """A key version, the number of patients' keys it wraps, and the seconds since it was retired (None: in use)."""

    organization_id: OrganizationId
    key: OrganizationKey
    patients: int
    retired_s: float | None


@dataclass(frozen=True)
class Rewrapped:
    """Number of versions wrapped with the current root key, and of those that no configured root key can unwrap."""

    done: int
    failed: int


class WrappedKeyStore(Protocol):
    """The wrapped keys of all organizations."""

    async def key_versions(self, after: KeyVersionStatus | None, most: int) -> Sequence[KeyVersionStatus]:
        """Return versions in order, after a given one."""

    async def versions(self, organization_id: OrganizationId) -> Sequence[OrganizationKey]:
        """Return an organization's versions, oldest first."""

    async def replace(self, organization_id: OrganizationId, before: OrganizationKey, new: bytes) -> bool:
        """Replace a version's wrapped key if it is unchanged; return False otherwise."""

    async def add(self, organization_id: OrganizationId, key: OrganizationKey) -> bool:
        """Add a version and retire the earlier ones; return False if it exists."""

    async def behind(
        self, organization_id: OrganizationId, version: int, after: PatientId | None, most: int
    ) -> Sequence[tuple[PatientId, PatientKey]]:
        """Return patients' keys wrapped with an older version."""

    async def move(
        self, organization_id: OrganizationId, patient_id: PatientId, before: PatientKey, new: PatientKey
    ) -> bool:
        """Replace a patient's wrapped key if it is unchanged; return False otherwise."""

    async def destroy(self, organization_id: OrganizationId, version: int) -> bool:
        """Delete a version that no longer wraps any key."""


class Rotation:
    """Rotates, rewraps and destroys keys for an operator, who never sees one."""

    def __init__(self, root: KeyWrapping, keys: WrappedKeyStore, *, execute: bool = False) -> None:
        self._root = root
        self._keys = keys
        self._execute = execute

    async def key_versions(self) -> AsyncIterator[KeyVersionStatus]:
        """Yield every key version of every organization."""
        last: KeyVersionStatus | None = None
        while found := await self._keys.key_versions(last, BATCH):
            for last in found:
                yield last

    async def rewrap_roots(self) -> Rewrapped:
        """Rewrap every organization's key with the current root key; skip and count those that cannot be unwrapped."""
        done = failed = 0
        async for one in self.key_versions():
            try:
                await self._rewrap_root(one)
            except AppError as error:
                if error.problem is not UPSTREAM_REFUSED:
                    raise
                # Passed by: one key of a root that is not configured must not hold all others back.
                failed += 1
                self._say("keys.unopened", one.organization_id, one.key.version, 1)
            else:
                done += 1
                self._say("keys.rewrapped", one.organization_id, one.key.version, 1)
        return Rewrapped(done, failed)

    async def rotate(self, organization_id: OrganizationId, *, only_rest: bool = False) -> int:
        """Create a new key for an organization and rewrap its patients' keys with it; return their number.

        `only_rest` creates no new version: it rewraps the keys that an interrupted rotation missed.
        """
        versions = await self._keys.versions(organization_id)
        if not versions:
            raise AppError(NOT_FOUND, "This organization has no key.")
        context = organization_context(organization_id)
        # All versions: an interrupted rotation leaves patients' keys under each.
        opened = {one.version: LocalKey(await self._root.unwrap(one.wrapped, context)) for one in versions}
        newest = versions[-1].version
        if not only_rest:
            newest += 1
            opened[newest] = LocalKey(await self._added(organization_id, newest))
        count = await self._move_all(organization_id, newest, opened)
        self._say("keys.rotated", organization_id, newest, count)
        return count

    async def destroy(self, organization_id: OrganizationId, version: int) -> None:
        """Destroy a version. Raises AppError(CONFLICT) while it is in use, wraps keys, or was retired recently."""
        async for one in self.key_versions():
            if (one.organization_id, one.key.version) == (organization_id, version):
                break
        else:
            raise AppError(NOT_FOUND, "There is no such version.")
        if one.retired_s is None:
            raise AppError(CONFLICT, "This version is in use. Rotate first.")
        if one.patients:
            raise AppError(CONFLICT, f"It still wraps {one.patients} patients' keys. Run `rotate --rest` first.")
        if one.retired_s < RETIRED_MIN_S:
            raise AppError(CONFLICT, f"It was retired less than {RETIRED_MIN_S:.0f} seconds ago.")
        # Asked again in the statement itself: a patient's key may have been wrapped since the versions were listed.
        if self._execute and not await self._keys.destroy(organization_id, version):
            raise AppError(CONFLICT, "The key version is in use again.")
        self._say("keys.destroyed", organization_id, version, 1)

    async def _rewrap_root(self, one: KeyVersionStatus) -> None:
        context = organization_context(one.organization_id)
        secret = await self._root.unwrap(one.key.wrapped, context)
        if self._execute:
            new = await _wrapped_and_verified(self._root, secret, context)
            if not await self._keys.replace(one.organization_id, one.key, new):
                raise AppError(CONFLICT, "Another rotation is running. Retry when it is done.")

    async def _added(self, organization_id: OrganizationId, version: int) -> bytes:
        secret = new_key()
        if self._execute:
            wrapped = await _wrapped_and_verified(self._root, secret, organization_context(organization_id))
            if not await self._keys.add(organization_id, OrganizationKey(wrapped, version)):
                raise AppError(CONFLICT, "Another rotation is running. Retry when it is done.")
        return secret

    async def _move_all(self, organization_id: OrganizationId, newest: int, opened: dict[int, LocalKey]) -> int:
        count = 0
        after: PatientId | None = None
        while batch := await self._keys.behind(organization_id, newest, after, BATCH):
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
        # Destroyed by an erasure: there is nothing to move, and nothing may be made in its place.
        if before.wrapped is None or before.version is None:
            return 0
        context = patient_context(organization_id, patient_id)
        secret = await opened[before.version].unwrap(before.wrapped, context)
        if not self._execute:
            # Unwrapped all the same: a dry run that did not would promise what cannot be done.
            return 1
        new = PatientKey(await _wrapped_and_verified(opened[newest], secret, context), newest)
        return int(await self._keys.move(organization_id, patient_id, before, new))

    def _say(self, what: str, organization_id: OrganizationId, version: int, count: int) -> None:
        outcome = "done" if self._execute else "dry_run"
        get_logger().info(what, organization_id=str(organization_id), version=version, count=count, outcome=outcome)


async def _wrapped_and_verified(key: KeyWrapping, secret: bytes, context: bytes) -> bytes:
    """Wrap a key and verify it by unwrapping: a bad wrapping would lose recordings once the old one is replaced."""
    wrapped = await key.wrap(secret, context)
    if await key.unwrap(wrapped, context) != secret:
        raise AppError(UPSTREAM_REFUSED, "The wrapping key failed its unwrap check.", reason="no-proof")
    return wrapped
