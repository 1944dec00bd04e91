"""Everything replayed five times into every group: the database stays as it is, and no vendor hears of it."""

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from libs.contracts.services import SERVICES
from libs.devstack.stack import Stack, StackOptions
from libs.devstack.vendors import anthropic, deepgram, openai
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Faults
from libs.ops.events.answers import ANSWERS
from libs.ops.main import app
from libs.ops.rest.connection import Connection
from tests.e2e.client import FIRST, SECOND, World, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TIMES = 5
# The archive and what keeps it: they say what was told and applied, not what is the case. Nothing else is left out:
# a row of any other table that changed in any column, a timestamp included, changes the hash.
BOOKKEEPING = ("outbox", "inbox", "claim", "alembic_version")


@dataclass
class House:
    """A system of its own with three fake vendors, and an operator's terminal on it."""

    stack: Stack
    vendors: tuple[Faults, ...]

    @property
    def calls(self) -> int:
        """How often any vendor was asked."""
        return sum(len(vendor.requests) for vendor in self.vendors)

    async def types(self, *words: object) -> Any:
        """Run one operator's command that succeeds; return its JSON."""
        infra = self.stack.infra
        connection = Connection(
            self.stack.gateway_url,
            operator_token=self.stack.operator_token,
            database_url=infra.ops_database_url,
            redis_url=infra.redis_url,
        )
        line = [str(word) for word in (*words, "--json")]
        result = await asyncio.to_thread(CliRunner().invoke, app, line, obj=connection)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    async def is_still(self) -> bool:
        """Whether every fact is published and every group has nothing before it."""
        status, lanes = await self.types("outbox", "status"), await self.types("events", "lag")
        waiting = sum(int(row["unpublished"]) for row in status["topics"])
        return waiting + sum(int(row[name]) for row in lanes for name in ("lag", "pending", "parked")) == 0

    def tables(self) -> list[str]:
        """Every table of every service that holds what is the case."""
        with psycopg.connect(self.stack.infra.admin_url) as connection:
            found = connection.execute(
                "select n.nspname || '.' || c.relname, c.relname from pg_class c join pg_namespace n "
                "on n.oid = c.relnamespace where n.nspname = any (%s) and c.relkind in ('r', 'p') "
                "and not c.relispartition order by 1",
                (list(SERVICES),),
            )
            return [str(name) for name, bare in found if bare not in BOOKKEEPING]

    def state(self) -> str:
        """A hash over all columns of all rows of these tables."""
        digest = hashlib.sha256()
        with psycopg.connect(self.stack.infra.admin_url) as connection:
            for table in self.tables():
                rows = connection.execute(f"select t::text from {table} t order by 1".encode())
                digest.update(f"{table}\n".encode())
                for (row,) in rows:
                    digest.update(f"{row}\n".encode())
        return digest.hexdigest()

    def expires(self, event_type: str, session_id: str) -> str:
        """Make it so that a fact is a month old and its group never heard of it; return its id."""
        expired = "regexp_replace(headers ->> 'capability', '^(v1[|][^|]+[|])[0-9]+', '\\11000000000')"
        with psycopg.connect(self.stack.infra.admin_url) as connection:
            (event_id,) = connection.execute(
                f"update transcriber.outbox set headers = jsonb_set(headers, '{{capability}}', to_jsonb({expired})) "
                "where type = %s and key = %s returning id".encode(),
                (event_type, session_id),
            ).fetchone() or ("",)
            connection.execute("delete from embedder.inbox where event_id = %s", (event_id,))
        return str(event_id)

    def count(self, *tables: str, where: str = "true") -> int:
        """How many rows tables hold."""
        with psycopg.connect(self.stack.infra.admin_url) as connection:
            found = [connection.execute(f"select count(*) from {t} where {where}".encode()).fetchone() for t in tables]
            return sum(int(row[0]) for row in found if row)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    recognition = Faults(deepgram.DeepgramFake().app())
    embedding = Faults(openai.OpenAIFake("sk-openai").app())
    writing = Faults(anthropic.AnthropicFake().app())
    with serve(recognition) as hearing_url, serve(embedding) as embedding_url, serve(writing) as writing_url:
        options = StackOptions(
            per_service={
                "transcriber": {
                    "DEEPGRAM_API_KEY": deepgram.KEY,
                    "DEEPGRAM_BASE_URL": hearing_url,
                    "DEEPGRAM_RETRY_WAIT_S": "1",
                },
                "embedder": {"OPENAI_API_KEY": "sk-openai", "OPENAI_BASE_URL": f"{embedding_url}/v1"},
                "chat": {"ANTHROPIC_API_KEY": anthropic.KEY, "ANTHROPIC_BASE_URL": writing_url},
            },
            env="test",
            vendor_keys=False,
        )
        with Stack.running(options=options) as stack:
            yield House(stack, (recognition, embedding, writing))


@pytest.fixture
async def organizations(house: House) -> AsyncIterator[tuple[World, World]]:
    """Two consenting patients of two organizations."""
    opened = [await World.open(house.stack.gateway_url, house.stack.operator_token) for _ in range(2)]
    for world in opened:
        await world.consents()
    yield opened[0], opened[1]
    for world in opened:
        await world.close()


async def _lived(staying: World, leaving: World) -> tuple[list[str], str]:
    """Sessions that are ready, an answer, and a patient who takes every consent back; return the ids."""
    kept = [await staying.uploads(FIRST), await staying.uploads(SECOND)]
    revoked = await leaving.uploads(FIRST)
    for session_id in kept:
        await staying.settled(session_id, "ready")
    await leaving.settled(revoked, "ready")
    await staying.gateway.ask(staying.patient_id, "What did I say about my sleep?")
    for consent in await leaving.gateway.consents(leaving.patient_id, status="granted"):
        await leaving.gateway.revoke(consent.id)
    return kept, revoked


async def test_everything_replayed_five_times_into_every_group_changes_nothing_and_asks_no_vendor(
    house: House, organizations: tuple[World, World], capsys: pytest.CaptureFixture[str]
) -> None:
    unused = house.state()
    kept, revoked = await _lived(*organizations)
    await eventually(house.is_still, bool, within_s=60)
    before, facts, calls = house.state(), house.count(*(f"{schema}.outbox" for schema in SERVICES)), house.calls
    started, sent = time.monotonic(), 0

    for _ in range(TIMES):
        for group in ANSWERS:
            done = await house.types("events", "replay", "--group", group, "--all", "--execute")
            sent += done["counts"]["sent"]
        await eventually(house.is_still, bool, within_s=60)

    seconds = time.monotonic() - started
    told = house.count(*(f"{schema}.outbox" for schema in SERVICES)) - facts
    same, asked = house.state() == before, house.calls - calls
    dead = len(await house.types("dlq", "list"))
    # On purpose, in another epoch: what consent no longer allows is not done even then.
    again = ("--session", revoked, "--type", "recording.uploaded", "--epoch", 1, "--again", "--execute")
    await house.types("events", "replay", "--group", "transcriber", *again)
    await eventually(house.is_still, bool, within_s=60)
    processed = house.calls - calls - asked
    made = house.count("transcriber.transcript", where=f"session_id = '{revoked}'") - 1

    line = (
        f"PROOF replay times={TIMES} groups={len(ANSWERS)} sessions={len(kept) + 1} facts={facts} sent={sent} "
        f"tables={len(house.tables())} state_identical={same} new_facts={told} vendor_calls={asked} dead={dead} "
        f"revoked_processed={processed + made} seconds={seconds:.1f}"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")

    assert before != unused
    assert sent >= TIMES * facts // 2
    assert (same, told, asked, dead, processed, made) == (True, 0, 0, 0, 0, 0), line


async def test_an_event_whose_capability_has_expired_is_applied_under_one_the_gateway_mints_while_consent_holds(
    house: House, organizations: tuple[World, World]
) -> None:
    staying, leaving = organizations
    kept, revoked = await _lived(staying, leaving)
    await eventually(house.is_still, bool, within_s=60)
    allowed, refused = house.expires("transcript.ready", kept[0]), house.expires("transcript.ready", revoked)
    into = ("events", "replay", "--group", "embedder", "--execute", "--id")

    renewed = await house.types(*into, allowed)
    left_out = await house.types(*into, refused)

    await eventually(house.is_still, bool, within_s=60)

    assert renewed["counts"] == {"capability-renewed": 1, "sent": 1}
    assert left_out["counts"] == {"capability-expired": 1, "sent": 0}
    assert house.count("embedder.inbox", where=f"grp = 'embedder' and event_id = '{allowed}'") == 1
    assert house.count("embedder.inbox", where=f"event_id = '{refused}'") == 0
    assert await house.types("dlq", "list") == []
