"""Receipts and checkpoints on a real PostgreSQL and a real object store: who signs, when, and what is not signed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from libs.contracts.ledger import UnreadableError
from libs.contracts.purposes import Purpose
from libs.contracts.tests.tenant import Tenant
from libs.devstack.conditions import until
from libs.devstack.infra import Infra
from libs.devstack.servers.folder import Folder
from libs.devstack.services import ledger_key
from libs.ledger.signatures import Checkpoint, KeyRing, Receipt, SigningKey
from services.consent.api.rendering import receipt_json
from services.consent.notary.checkpoints import SIGN_AFTER_ENTRIES, SIGN_AFTER_S, Notary
from services.consent.settings import ConsentSettings
from services.consent.tests.ledger_world import Ledger


@pytest.fixture
async def ledger(infra: Infra, tenant: Tenant) -> AsyncIterator[Ledger]:
    made = Ledger(infra, tenant)
    yield made
    await made.database.close()


def rewrites(infra: Infra, ledger: Ledger, *statements: str) -> None:
    """A superuser who knows what they do takes the guards away first."""
    with psycopg.connect(infra.admin_url) as admin:
        for table in ("event", "receipt", "evidence", "head", "current"):
            admin.execute(f"alter table consent.{table} disable trigger user".encode())
        for statement in statements:
            admin.execute(statement.encode(), {"organization": ledger.tenant.organization_id})
        for table in ("event", "receipt", "evidence", "head", "current"):
            admin.execute(f"alter table consent.{table} enable trigger user".encode())
        for table, triggers in _ALWAYS.items():
            for trigger in triggers:
                admin.execute(f"alter table consent.{table} enable always trigger {trigger}".encode())


_ALWAYS: dict[str, Sequence[str]] = {
    "event": ("append_only", "chain", "project"),
    "receipt": ("append_only",),
    "evidence": ("erased_or_kept",),
    "head": ("by_entries_only", "append_only"),
    "current": ("by_entries_only", "append_only"),
}


async def test_grant_and_revocation_carry_receipts_that_the_public_key_verifies(ledger: Ledger) -> None:
    granted = await ledger.grants()
    _, revocation = await ledger.revokes(granted)

    for entry in (granted.granted, revocation):
        assert Receipt.read(receipt_json(entry)).is_signed(ledger.ring)
        assert not Receipt.read(receipt_json(entry)).is_signed(KeyRing([SigningKey(bytes(32)).public]))


async def test_a_record_shows_the_signature_that_was_made_when_it_was_written(ledger: Ledger) -> None:
    granted = await ledger.grants()

    async with ledger.transaction("consent:read") as tx:
        found = await ledger.store.find(tx, granted.granted.consent_id)

    assert found is not None
    assert found.granted.signature == granted.granted.signature is not None


async def test_a_checkpoint_stands_outside_the_database_and_covers_the_chain(ledger: Ledger) -> None:
    granted = await ledger.grants()
    first = await ledger.signs()
    await ledger.revokes(granted)
    second = await ledger.signs()

    notes = await ledger.checkpoints.after(ledger.tenant.organization_id, 0, 10)

    assert [Checkpoint.read(note) for note in notes] == [first, second]
    assert await ledger.checkpoints.latest(ledger.tenant.organization_id) == notes[-1]
    assert (await ledger.verdict()).covered_to == 2


async def test_signing_the_same_chain_again_changes_nothing(ledger: Ledger) -> None:
    await ledger.grants()

    assert await ledger.signs() == await ledger.signs()
    assert len(await ledger.checkpoints.after(ledger.tenant.organization_id, 0, 10)) == 1


async def test_the_notary_signs_a_minute_after_an_entry_and_not_before(ledger: Ledger) -> None:
    await ledger.grants()

    await ledger.notary.sign_due(0.0)
    await ledger.notary.sign_due(SIGN_AFTER_S - 1)
    early = await ledger.checkpoints.latest(ledger.tenant.organization_id)
    await ledger.notary.sign_due(SIGN_AFTER_S)

    assert early is None
    assert await ledger.checkpoints.latest(ledger.tenant.organization_id) is not None


async def test_the_notary_signs_a_hundred_entries_at_once(ledger: Ledger) -> None:
    for start in range(0, SIGN_AFTER_ENTRIES, 20):
        await asyncio.gather(*(ledger.grants(list(Purpose)[n % 3]) for n in range(start, start + 20)))

    await ledger.notary.sign_due(0.0)

    note = await ledger.checkpoints.latest(ledger.tenant.organization_id)

    assert note is not None
    assert Checkpoint.read(note).seq == SIGN_AFTER_ENTRIES


class AwaitedEvent(asyncio.Event):
    """Tells whether somebody has begun to wait for it."""

    is_awaited = False

    async def wait(self) -> Literal[True]:
        self.is_awaited = True
        return await super().wait()


async def test_the_worker_stops_when_it_is_told_to(ledger: Ledger) -> None:
    stop = AwaitedEvent()
    working = asyncio.create_task(ledger.notary.run(stop))
    await until(lambda: stop.is_awaited)

    stop.set()

    await asyncio.wait_for(working, 5)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (
            "delete from consent.receipt where event_id in "
            "(select id from consent.event where organization_id = %(organization)s and seq = 2); "
            "delete from consent.evidence where event_id in "
            "(select id from consent.event where organization_id = %(organization)s and seq = 2); "
            "delete from consent.event where organization_id = %(organization)s and seq = 2",
            "follow",
        ),
        ("update consent.event set actor = 'x' where organization_id = %(organization)s and seq = 2", "follow"),
        (
            "update consent.head set seq = 3, hash = sha256('x') where organization_id = %(organization)s",
            "hash of the last entry",
        ),
        ("update consent.head set seq = 0 where organization_id = %(organization)s", "shorter"),
    ],
)
async def test_a_chain_that_does_not_continue_what_was_signed_is_not_signed(
    infra: Infra, ledger: Ledger, statement: str, why: str
) -> None:
    await ledger.grants()
    await ledger.signs()
    await ledger.grants(Purpose.TRANSCRIPTION)
    await ledger.grants(Purpose.AI_ANALYSIS)

    rewrites(infra, ledger, *statement.split("; "))

    with pytest.raises(UnreadableError, match=why):
        await ledger.signs()


async def test_an_entry_that_a_superuser_inserts_through_the_real_triggers_is_not_signed(
    infra: Infra, ledger: Ledger
) -> None:
    await ledger.grants()
    await ledger.signs()
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute("select ctx.enter(%s)", (ledger.tenant.capability("consent:write"),))
        admin.execute(
            "insert into consent.event (id, organization_id, patient_id, therapist_id, consent_id, consent_type, "
            "status, actor, method, evidence_sha256) select gen_random_uuid(), organization_id, patient_id, "
            "therapist_id, gen_random_uuid(), 'ai_analysis', 'granted', actor, method, evidence_sha256 "
            "from consent.event where organization_id = %s",
            (ledger.tenant.organization_id,),
        )

    with pytest.raises(UnreadableError, match="not signed by this service"):
        await ledger.signs()
    broken = (await ledger.verdict()).broken

    assert broken is not None
    assert broken.seq == 2


async def test_a_refused_chain_is_counted_and_does_not_stop_the_others(
    infra: Infra, ledger: Ledger, tenant: Tenant
) -> None:
    await ledger.grants()
    await ledger.grants()
    rewrites(infra, ledger, "update consent.event set actor = 'x' where organization_id = %(organization)s")
    before = REGISTRY.get_sample_value("ledger_checkpoints_refused_total") or 0

    await ledger.notary.sign_due(0.0)
    await ledger.notary.sign_due(SIGN_AFTER_S)

    assert (REGISTRY.get_sample_value("ledger_checkpoints_refused_total") or 0) >= before + 1
    assert await ledger.checkpoints.latest(tenant.organization_id) is None


async def test_a_checkpoint_that_somebody_put_into_the_store_is_not_built_upon(ledger: Ledger) -> None:
    await ledger.grants()
    forged = Checkpoint(str(ledger.tenant.organization_id), 1, bytes(32), 1)
    await ledger.checkpoints.add(forged, forged.to_note(SigningKey(bytes(32))))

    with pytest.raises(UnreadableError, match="not signed with a known key"):
        await ledger.signs()


async def test_after_a_change_of_keys_the_old_checkpoints_are_built_upon(ledger: Ledger) -> None:
    await ledger.grants()
    await ledger.signs()
    new = SigningKey(bytes(32))
    ledger.notary = Notary(ledger.database, ledger.checkpoints, new, KeyRing([new.public, ledger.key.public]))
    await ledger.grants()

    assert (await ledger.signs()).seq == 2


async def test_erasing_what_is_known_of_a_person_leaves_a_ledger_that_verifies(infra: Infra, ledger: Ledger) -> None:
    consent = await ledger.grants()
    await ledger.revokes(consent)
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute("delete from consent.evidence where organization_id = %s", (ledger.tenant.organization_id,))

    lines = await ledger.lines()

    assert (await ledger.verdict(every_receipt=True)).broken is None
    assert {line["evidence"] for line in lines} == {"erased"}


async def test_altered_circumstances_are_named_by_the_check(infra: Infra, ledger: Ledger) -> None:
    await ledger.grants()
    await ledger.grants()

    rewrites(
        infra,
        ledger,
        "update consent.evidence set observed_ip = '203.0.113.99' where event_id in "
        "(select id from consent.event where organization_id = %(organization)s and seq = 2)",
    )

    broken = (await ledger.verdict()).broken

    assert broken is not None
    assert broken.seq == 2


async def test_consent_that_is_made_up_where_it_is_acted_on_is_named_by_the_check(infra: Infra, ledger: Ledger) -> None:
    await ledger.revokes(await ledger.grants())

    rewrites(
        infra,
        ledger,
        "update consent.current set status = 'granted', revoked_at = null where organization_id = %(organization)s",
    )

    broken = (await ledger.verdict()).broken

    assert broken is not None
    assert (broken.seq, "in force says granted" in broken.why) == (2, True)


def _settings(**more: object) -> ConsentSettings:
    needed = {"database_url": "x", "redis_url": "x", "minio_endpoint": "x", "minio_access_key": "x"}
    return ConsentSettings.model_validate({"env": "production", "minio_secret_key": "x", **needed, **more})


def test_the_service_does_not_start_without_its_key(tmp_path: Path) -> None:
    readable, short = tmp_path / "readable", tmp_path / "short"
    for file, text, mode in ((readable, "11" * 32, 0o644), (short, "11" * 31, 0o600)):
        file.write_text(text)
        file.chmod(mode)

    for wrong in (
        {},
        {"ledger_key": "11" * 32, "ledger_key_file": short},
        {"ledger_key": "no hex"},
        {"ledger_key_file": readable},
        {"ledger_key_file": short},
        {"ledger_key_file": tmp_path / "missing"},
        {"ledger_key": "11" * 32, "ledger_keys_before": "no key"},
    ):
        with pytest.raises(ValidationError):
            _settings(**wrong)


def test_devstack_makes_a_key_that_only_its_owner_reads_and_keeps_it(tmp_path: Path) -> None:
    file = ledger_key(Folder(tmp_path))

    mode = file.stat().st_mode & 0o777
    first = _settings(ledger_key_file=file).signing_key().public

    assert mode == 0o600
    assert _settings(ledger_key_file=ledger_key(Folder(tmp_path))).signing_key().public == first
