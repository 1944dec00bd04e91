"""The positive control: a leaky service runs beside the others, with a word of its own that the search must find."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from libs.common.streams.admin import GroupStream, StreamAdmin
from libs.contracts.services import SERVICES
from libs.contracts.transcript import TranscriptionFailed
from libs.devstack.provision import ROOT
from libs.devstack.servers.processes import Program, launch
from libs.devstack.servers.waiting import until_ready
from libs.devstack.services import READY_WITHIN_S, Site, environment, inherited, is_healthy
from libs.devstack.stack import Stack
from proofs.kit.kept_bytes import Kept
from proofs.no_words.leaky import CREDENTIALS, GROUP, NAME, WORD
from proofs.no_words.search import Control
from proofs.no_words.system import World

LEAKS_INTO = frozenset(
    {
        "service log", "postgres log", "valkey log", "seaweedfs log", "span", "metrics page", "health page",
        "redis", "dead letter", "redis server", "statement", "database column", "object name", "object headers",
        "object", "server file", "temporary file", "vendor request", "problem document", "operator's output",
    }
)  # fmt: skip
"""Every kind of place that is searched; one that is not here is not controlled, which the proof fails on."""
DEAD_LETTERED_WITHIN_S = 30
LOOK_EVERY_S = 0.1
PAGE_TIMEOUT_S = 10


@dataclass(frozen=True)
class Leaky:
    """The running leaky service."""

    stack: Stack
    url: str
    word: str

    async def leak(self, capability: str, about: dict[str, str]) -> Kept:
        """Let it leak everywhere, wait until its event is a dead letter, and return what it answered."""
        headers = {"Authorization": f"Bearer {capability}"}
        async with httpx.AsyncClient(trust_env=False, timeout=DEAD_LETTERED_WITHIN_S) as http:
            answer = await http.post(f"{self.url}/leaks", json=about, headers=headers)
        await self._dead_lettered()
        return Kept("problem document", "the leaky service", answer.content)

    async def _dead_lettered(self) -> None:
        streams = StreamAdmin(self.stack.infra.redis_url)
        lane = GroupStream(TranscriptionFailed.topic, GROUP)
        for _ in range(int(DEAD_LETTERED_WITHIN_S / LOOK_EVERY_S)):
            dead_letters = await streams.dead_letters(lane)
            if self.word in {dead_letter.why for dead_letter in dead_letters}:
                return await streams.close()
            await asyncio.sleep(LOOK_EVERY_S)
        raise TimeoutError("the leaky service's event did not become a dead letter")

    def pages(self) -> Iterator[Kept]:
        """Yield what it says of itself."""
        with httpx.Client(trust_env=False, timeout=PAGE_TIMEOUT_S) as http:
            for path, kind in (("/metrics", "metrics page"), ("/health", "health page")):
                yield Kept(kind, NAME, http.get(f"{self.url}{path}").content)


@contextmanager
def leaky_service(world: World, control: Control) -> Iterator[Leaky]:
    """Run it for as long as the context lasts, with a transcriber's environment."""
    stack = world.vendors.stack
    (port,) = stack.infra.folder.ports(NAME, 1)
    ports = {NAME: port} | dict.fromkeys(SERVICES, 0)
    site = Site(stack.infra, ports, "test", detached=False, inherited=inherited(with_vendor_keys=False))
    log = site.folder.log(NAME)
    more = {
        WORD: control.word,
        CREDENTIALS: control.credential,
        "DEEPGRAM_BASE_URL": world.vendors.hearing_url,
        "DEEPGRAM_RETRY_WAIT_S": "1",
    }
    process = launch(
        Program(
            name=NAME,
            arguments=[sys.executable, "-m", "proofs.no_words.leaky", "all"],
            environment=environment(site, NAME) | dict(world.environment) | more,
            log=log,
            record=site.folder.record(NAME),
            folder=ROOT,
        )
    )
    try:
        until_ready(process, log, lambda: is_healthy(site.url(NAME)), READY_WITHIN_S)
        yield Leaky(stack, site.url(NAME), control.word)
    finally:
        process.stop(PAGE_TIMEOUT_S)
