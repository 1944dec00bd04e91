"""Proof `canary`: no words and no names in anything but the columns that are there to hold them.

A word that nobody can guess is planted in every text that the public API takes, and in all that vendors say; things go
wrong; then every byte that is kept or was written is searched in many notations. Beside the services runs one that
leaks: what the search does not find of that one, it would not find of others (`python -m proofs.no_words.canary`).
"""

import asyncio
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from libs.devstack.vendors.faults import Fault
from proofs.kit.any_request import operations
from proofs.kit.kept_bytes import Kept, files_of, objects_of, pages_of, servers_say, streams_of, tables_of
from proofs.kit.line import is_soak, proof
from proofs.kit.line import seed as chosen_seed
from proofs.kit.organizations import Founder, Organization
from proofs.kit.rightful import Rightful
from proofs.no_words.control import LEAKS_INTO, Leaky, leaky_service
from proofs.no_words.leaky import NAME as LEAKY
from proofs.no_words.planting import Planted, Planter
from proofs.no_words.search import Control, Sought, Verdict, columns, encodings, judged
from proofs.no_words.system import (
    RequestSender,
    World,
    heard_by_vendors,
    secret_part,
    spans_by_service,
    spans_of,
    temporary_files,
    world_of,
)
from proofs.no_words.trouble import Trouble, operators_look, strangers
from proofs.no_words.vendor_faults import DEAD, set_fault_scenarios
from proofs.no_words.words import Canaries
from services.gateway.key_format import new_key

NAME = "canary"
ROUNDS, ROUNDS_SOAK = 1, 10
TIMEOUT_S = 60
COLLECTOR_FAILS = 3


@dataclass
class Done:
    """What was planted, and what was answered and printed about it."""

    planted: Planted = field(default_factory=Planted)
    kept: list[Kept] = field(default_factory=list)
    dead_letters: int = 0
    surprises: list[str] = field(default_factory=list)


class Run:
    """One run over a world."""

    def __init__(self, world: World, leaky: Leaky) -> None:
        self._world = world
        self._leaky = leaky
        self._stack = world.vendors.stack

    async def all_of_it(self, rounds: int) -> Done:
        """Plant, make trouble, leak, look; return what is gone once the services are."""
        done = Done()
        await set_fault_scenarios(self._world.vendors, self._world.words)
        async with httpx.AsyncClient(base_url=self._stack.gateway_url, trust_env=False, timeout=TIMEOUT_S) as http:
            founder = Founder(http, self._stack.operator_token, self._world.words.word)
            for _ in range(rounds):
                organization = await founder.found()
                self._world.credentials |= {secret_part(text) for text in organization.credentials.values()}
                trouble = await self._round(http, organization, done.planted)
            fault = Fault(status=400, body={"message": self._world.words.word("the error of the collector of spans")})
            self._world.collector.order(fault, COLLECTOR_FAILS)
            await trouble.outages()
            await trouble.kill()
            await trouble.settled()
            done.surprises += trouble.surprises()
            done.kept.append(await self._leaked(http, organization))
        look = await operators_look(self._world)
        done.kept, done.dead_letters = done.kept + look.printed, look.dead_letters
        done.kept += [one async for one in servers_say(self._stack)]
        done.kept += [*pages_of(self._stack), *self._leaky.pages()]
        return done

    async def _round(self, http: httpx.AsyncClient, organization: Organization, planted: Planted) -> Trouble:
        """Let one organization do everything once; return what else can happen to it."""
        headers = {"Authorization": f"Bearer {organization.key}"}
        document: Any = (await http.get("/openapi.json", headers=headers)).raise_for_status().json()
        its, sender = operations(document), RequestSender(self._world, http)
        rightful = Rightful(organization, self._stack.operator_token, its, sender.send)
        planter = Planter(planted, sender, rightful, self._world.words)
        trouble = Trouble(self._world, sender, rightful, its)
        await trouble.uploads()
        for operation in its:
            await planter.plant(document, operation)
        await asyncio.gather(
            trouble.asks(), trouble.collides(), trouble.tags(), strangers(self._world, sender, organization.key)
        )
        await trouble.settled()
        return trouble

    async def _leaked(self, http: httpx.AsyncClient, organization: Organization) -> Kept:
        about = {kind: organization.ids[kind][0] for kind in ("organization_id", "patient_id", "session_id")}
        headers = {"Authorization": f"Bearer {self._stack.operator_token}"}
        renewed = await http.post("/operator/v1/capabilities", json=about, headers=headers)
        return await self._leaky.leak(renewed.raise_for_status().json()["capability"], about)


async def _kept(world: World) -> list[Kept]:
    stack = world.vendors.stack
    streams = [one async for one in streams_of(stack)]
    stores = [*files_of(stack), *objects_of(stack), *tables_of(stack)]
    spoken = [*world.refusals, *heard_by_vendors(world.vendors), *spans_of(world.collector)]
    return [*streams, *stores, *spoken, *temporary_files(world)]


def run(rounds: int, number: int) -> int:
    """Run everything once; print the line and return the exit code."""
    started = time.monotonic()
    words, other = Canaries(Random(number)), Canaries(Random(f"control {number}"))  # to be repeated
    control = Control(other.word("the control"), secret_part(new_key("test", secrets.choice).text), f"logs/{LEAKY}.log")
    with world_of(words) as world:
        with leaky_service(world, control) as leaky:
            done = asyncio.run(Run(world, leaky).all_of_it(rounds))
        # They say their last, and their last spans leave.
        world.vendors.stack.stop_services()
        sought = Sought(words, sorted(world.credentials), world.installation_secrets)
        verdict = judged([*done.kept, *asyncio.run(_kept(world))], sought, control)
    return _told(world, done, verdict, time.monotonic() - started, number)


def _told(world: World, done: Done, verdict: Verdict, seconds: float, number: int) -> int:
    faults, planted = [*done.surprises, *_faults(world, done.planted, verdict)], done.planted
    if done.dead_letters < len(DEAD):
        faults.append(f"only {done.dead_letters} dead letters")
    for line, count in Counter(faults).items():
        sys.stderr.write(f"{line}{f' ({count} times)' if count > 1 else ''}\n")
    controls = [*(verdict.kinds | LEAKS_INTO), *encodings(), "credential"]
    caught = [*verdict.caught_in, *verdict.caught_as, *["credential"] * verdict.caught_credential]
    return proof(
        NAME, not faults, fields=len(planted.fields), planted=len(planted.fields) - len(planted.missing()),
        words=len(world.words), requests=world.requests, spans=sum(spans_by_service(world.collector).values()),
        places=verdict.places, bytes=verdict.bytes, encodings=len(encodings()), hits=len(verdict.hits),
        columns_meant=len(verdict.meant), dead_letters=done.dead_letters, answers_5xx=sum(world.broken.values()),
        control_places=len(controls), control_caught=len(caught), seconds=round(seconds, 1), seed=number,
    )  # fmt: skip


def _faults(world: World, planted: Planted, verdict: Verdict) -> Iterator[str]:
    """Yield everything that the proof fails on, a line each."""
    yield from (line for lines in planted.missing().values() for line in lines)
    yield from (f"hit: {hit}" for hit in verdict.hits)
    yield from (f"stale: no word was ever found in {name}" for name in sorted(set(columns()) - verdict.meant))
    yield from (f"control not caught in: {kind}" for kind in sorted((verdict.kinds | LEAKS_INTO) - verdict.caught_in))
    yield from (f"control not caught as: {name}" for name in sorted(set(encodings()) - verdict.caught_as))
    if not verdict.caught_credential:
        yield "control not caught: a credential"
    yield from (f"the gateway broke: {answer}" for answer in world.broken if answer.endswith(" 500"))
    services = {process.service for process in world.vendors.stack.processes.values()}
    yield from (f"no span came from {name}" for name in sorted(services - set(spans_by_service(world.collector))))


if __name__ == "__main__":
    raise SystemExit(run(ROUNDS_SOAK if is_soak() else ROUNDS, chosen_seed()))
