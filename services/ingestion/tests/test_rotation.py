"""Rotation: dry until told, killed and run again without harm, and no recording is ever re-encrypted or lost."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.common.keys.key_wrapping import KEY_BYTES, LocalKeys, new_key, write_root_key
from libs.common.keys.root_key import FileRoot
from libs.contracts.ids import PatientId
from libs.devstack.provision import ROOT
from services.ingestion.keys.rotation import Rotation
from services.ingestion.tests.ingestion_world import World
from services.ingestion.tests.key_world import KeyWorld, key_world

KEYS = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)


@pytest.fixture
async def world(at: World) -> AsyncIterator[KeyWorld]:
    async with key_world(at, FileRoot(KEYS[:1])) as made:
        yield made


async def test_a_dry_run_reads_everything_and_changes_nothing(world: KeyWorld) -> None:
    await world.records()
    before = world.rows("select * from ingestion.organization_key"), world.rows("select * from ingestion.patient_key")

    dry = world.rotation(execute=False)
    would_rotate = await dry.rotate(world.parties().organization_id)
    await dry.rewrap_roots()

    after = world.rows("select * from ingestion.organization_key"), world.rows("select * from ingestion.patient_key")

    assert (would_rotate, after) == (1, before)


async def test_a_rotation_moves_every_patient_and_all_recordings_still_open(world: KeyWorld) -> None:
    all_parties = [world.parties(PatientId(new_id())) for _ in range(5)]
    recordings = [await world.records(parties) for parties in all_parties]

    moved = await world.rotation().rotate(world.parties().organization_id)

    assert moved == 5
    assert world.patients_by_version() == {2: 5}
    assert [await world.opens(*pair) for pair in zip(recordings, all_parties, strict=True)] == [b"keyset"] * 5
    assert await world.opens(await world.records()) == b"keyset"
    assert world.patients_by_version() == {2: 6}


async def test_an_old_version_is_destroyed_only_when_nothing_is_under_it_and_nobody_can_be_using_it(
    world: KeyWorld,
) -> None:
    recording = await world.records()
    organization_id = world.parties().organization_id

    with pytest.raises(AppError, match="conflict"):
        await world.rotation().destroy(organization_id, 1)  # it is the newest
    await world.rotation().rotate(organization_id)
    with pytest.raises(AppError, match="conflict"):
        await world.rotation().destroy(organization_id, 1)  # an upload may hold it at this moment
    world.retire_long_ago()
    await world.rotation(execute=False).destroy(organization_id, 1)
    assert world.versions() == [1, 2]
    await world.rotation().destroy(organization_id, 1)

    assert world.versions() == [2]
    assert await world.opens(recording) == b"keyset"
    with pytest.raises(AppError, match="not-found"):
        await world.rotation().destroy(organization_id, 1)


async def test_a_patient_who_was_left_behind_keeps_the_version_alive_and_is_moved_later(world: KeyWorld) -> None:
    organization_id = world.parties().organization_id
    await world.records()
    await world.rotation().rotate(organization_id)
    world.rows(
        "update ingestion.patient_key set organization_key_version = 1 where organization_id = %s", organization_id
    )
    world.retire_long_ago()

    with pytest.raises(AppError, match="conflict"):
        await world.rotation().destroy(organization_id, 1)
    with pytest.raises(Exception, match="foreign key"):
        world.rows("delete from ingestion.organization_key where organization_id = %s and version = 1", organization_id)


async def test_what_a_killed_rotation_left_is_moved_by_the_next_one(world: KeyWorld) -> None:
    organization_id = world.parties().organization_id
    all_parties = [world.parties(PatientId(new_id())) for _ in range(4)]
    recordings = [await world.records(parties) for parties in all_parties]
    rotating = asyncio.create_task(world.rotation().rotate(organization_id))
    async with asyncio.timeout(10):
        while world.versions() == [1]:
            await asyncio.sleep(0)
    rotating.cancel()
    await asyncio.wait([rotating])

    await world.rotation().rotate(organization_id, only_rest=True)

    assert world.versions() == [1, 2]
    assert world.patients_by_version() == {2: 4}
    assert [await world.opens(*pair) for pair in zip(recordings, all_parties, strict=True)] == [b"keyset"] * 4


async def test_uploads_go_on_while_keys_rotate(world: KeyWorld) -> None:
    organization_id = world.parties().organization_id
    all_parties = [world.parties(PatientId(new_id())) for _ in range(12)]
    await world.records()

    async def rotates() -> None:
        for _ in range(3):
            await world.rotation().rotate(organization_id)

    *recordings, _ = await asyncio.gather(*(world.records(parties) for parties in all_parties), rotates())
    await world.rotation().rotate(organization_id, only_rest=True)

    assert world.patients_by_version() == {4: 13}
    assert [await world.opens(*pair) for pair in zip(recordings, all_parties, strict=True)] == [b"keyset"] * 12  # type: ignore[arg-type]


async def test_a_new_root_key_takes_over_and_the_old_one_can_go(world: KeyWorld) -> None:
    recording = await world.records()
    both, new = LocalKeys([KEYS[1], KEYS[0]]), LocalKeys(KEYS[1:])

    made = await world.rotation(root=both).rewrap_roots()

    world.root = new

    assert made.done >= 1
    assert await world.opens(recording) == b"keyset"


async def test_a_root_key_that_does_not_open_an_organizations_key_changes_nothing_and_is_told(world: KeyWorld) -> None:
    recording = await world.records()

    made = await world.rotation(root=LocalKeys([new_key()])).rewrap_roots()

    assert made.failed >= 1
    assert await world.opens(recording) == b"keyset"


async def test_a_root_that_loses_what_it_wraps_is_found_before_the_old_key_is_dropped(world: KeyWorld) -> None:
    recording = await world.records()

    class Forgetful(LocalKeys):
        async def wrap(self, secret: bytes, context: bytes) -> bytes:
            return await super().wrap(bytes(len(secret)), context)

    for rotation in (Rotation(Forgetful(KEYS[:1]), world.rotation()._keys, execute=True),):
        await rotation.rewrap_roots()
        with pytest.raises(AppError, match="upstream-refused"):
            await rotation.rotate(world.parties().organization_id)

    assert await world.opens(recording) == b"keyset"


async def test_no_service_can_do_what_rotation_does(world: KeyWorld) -> None:
    await world.records()
    world.database = world.at.database

    with pytest.raises(Exception, match=r"permission denied|InsufficientPrivilege"):
        await world.rotation().rotate(world.parties().organization_id)


def _run_keys(world: KeyWorld, root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    admin_url = world.at.infra.admin_url.replace("postgresql://", "postgresql+psycopg://", 1)
    environment = {"PATH": os.environ["PATH"], "ROOT_KEY_FILE": str(root), "MIGRATION_DATABASE_URL": admin_url}
    command = [sys.executable, "-m", "services.ingestion", "keys", *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)


def _lines(output: str, organization_id: object) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in output.splitlines()]
    return [line for line in lines if line.get("organization_id") == str(organization_id)]


async def test_an_operator_rotates_by_a_command_that_shows_counts_and_never_a_key(
    world: KeyWorld, tmp_path: Path
) -> None:
    root = tmp_path / "root.key"
    write_root_key(root)
    world.root = LocalKeys([_key_of(root)])
    recording = await world.records()
    organization_id = world.parties().organization_id
    one = ("--organization", str(organization_id))

    dry = await asyncio.to_thread(_run_keys, world, root, "rotate", *one)
    real = await asyncio.to_thread(_run_keys, world, root, "rotate", *one, "--execute")
    early = await asyncio.to_thread(_run_keys, world, root, "destroy", *one, "--version", "1", "--execute")
    status = await asyncio.to_thread(_run_keys, world, root, "status")

    found = [(line["version"], line["count"], line["outcome"]) for line in _lines(status.stdout, organization_id)]

    assert [run.returncode for run in (dry, real, early, status)] == [0, 0, 1, 0], (dry, real, early, status)
    assert [line["outcome"] for line in _lines(dry.stdout, organization_id)] == ["dry_run"]
    assert [
        (line["event"], line["version"], line["count"], line["outcome"])
        for line in _lines(real.stdout, organization_id)
    ] == [("keys.rotated", 2, 1, "done")]
    assert found == [(1, 0, "retired"), (2, 1, "in_use")]
    assert "seconds ago" in early.stderr
    assert await world.opens(recording) == b"keyset"
    assert root.read_text().strip() not in dry.stdout + real.stdout + status.stdout


def test_a_command_without_its_settings_says_which_and_does_nothing() -> None:
    command = [sys.executable, "-m", "services.ingestion", "keys", "status"]

    run = subprocess.run(
        command, env={"PATH": os.environ["PATH"]}, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False
    )

    assert run.returncode == 2
    assert "MIGRATION_DATABASE_URL" in run.stderr


def _key_of(file: Path) -> bytes:
    import base64

    return base64.b64decode(file.read_bytes())
