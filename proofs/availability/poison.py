"""Proof: nothing that anyone can leave in a stream takes a stage down (`python -m proofs.availability.poison`).

A whole system runs on fake vendors. Every shape of what is no event (libs/common/messaging/tests/poison.py) goes into
every stream, into every group's own lane and into every parking place, in a seeded order. Then each must be a dead
letter of its group for the reason it must have, each process must be the one that was started and be healthy, a
recording must come through all stages, and no log may hold a word of what was in there.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from redis import Redis

from libs.common.clock import utc_now
from libs.common.events import Envelope
from libs.common.ids import new_id
from libs.common.messaging.tests.poison import PARKED, Fields, entry_shapes, retry_shapes
from libs.common.streams.admin import GroupStream, StreamAdmin
from libs.common.streams.entries import BAD_FIELD
from libs.contracts.purposes import Purpose
from libs.devstack.provision import ROOT
from libs.devstack.services import is_healthy
from libs.devstack.stack import Stack
from libs.devstack.vendor_stack import running_on_vendors
from libs.ops.rest.client import Gateway, Recording
from libs.ops.rest.connection import Connection
from proofs.kit.line import proof, seed, sized

SAMPLE = ROOT / "samples" / "2026-09-08_first.mp3"
WORD = "a-sentence-nobody-may-read"
LARGE, LARGE_SOAK = 1_500_000, 20_000_000
"""How large the large ones are; on one stream always the latter: on all of them it would only fill the memory."""
WITHIN_S = 60.0
LOOK_S = 0.5
# So many dead letters of each group in so short a time are what it is paused for, which is another promise.
SETTINGS = {"DEAD_LETTERS_A_MINUTE_MAX": "10000"}
GOOD = Envelope(new_id(), "thing.counted", 1, "thing", WORD, utc_now(), {"said": WORD}, {"capability": WORD})
Deed = tuple[str, Fields | tuple[str, bytes | None]]


@dataclass
class Left:
    """What was left where, and why each must be dead."""

    why: dict[GroupStream, Counter[str]] = field(default_factory=dict)
    shapes: set[str] = field(default_factory=set)

    def expect(self, lane: GroupStream, shape: str, why: str) -> None:
        """Note one entry that a group must dead-letter."""
        self.why.setdefault(lane, Counter())[why] += 1
        self.shapes.add(shape)


def run(chosen: int) -> int:
    """Print the line; return the exit code."""
    started = time.monotonic()
    with running_on_vendors(split=False, environment=SETTINGS) as vendors:
        stack = vendors.stack
        pids = {name: process.pid for name, process in stack.processes.items()}
        lanes = asyncio.run(_lanes(stack))
        left = _leave(stack, lanes, Random(chosen))
        wrong = asyncio.run(_not_dead_lettered(stack, left))
        down = [name for name, process in stack.processes.items() if process.pid != pids[name] or not process.is_alive]
        ill = [name for name in stack.processes if name not in down and not is_healthy(stack.url(name))]
        came_through = not down and asyncio.run(_comes_through(stack))
        logged = sum(WORD in process.log.read_text(errors="replace") for process in stack.processes.values())
    not_dead_lettered = sum(sum(number.values()) for number in wrong.values())
    for lane, reasons in wrong.items():
        sys.stderr.write(f"{lane.stream} {lane.group}: {dict(reasons)}\n")
    stages_down = len(down) + len(ill) + (not came_through)
    return proof(
        "poison", stages_down == not_dead_lettered == logged == 0, shapes=len(left.shapes),
        topics=len({lane.topic for lane in lanes}), groups=len(lanes),
        entries=sum(sum(number.values()) for number in left.why.values()), stages_down=stages_down,
        not_dead_lettered=not_dead_lettered, logged=logged, seconds=round(time.monotonic() - started), seed=chosen,
    )  # fmt: skip


async def _lanes(stack: Stack) -> list[GroupStream]:
    admin = StreamAdmin(stack.infra.redis_url)
    lanes = [lane for lane in (await admin.keys()).lanes if lane.group in await admin.groups(lane.main)]
    await admin.close()
    return sized(lanes[:1], lanes, lanes)


def _leave(stack: Stack, lanes: list[GroupStream], dice: Random) -> Left:
    """Write all of it, in any order."""
    left = Left()
    deeds = [*_in_streams(lanes, left), *_in_lanes(lanes, left)]
    dice.shuffle(deeds)
    with Redis.from_url(stack.infra.redis_url) as redis:
        for key, what in deeds:
            _write(redis, key, what)
    return left


def _in_streams(lanes: list[GroupStream], left: Left) -> Iterator[Deed]:
    large = sized(LARGE, LARGE, LARGE_SOAK)
    for place, stream in enumerate(sorted({lane.stream for lane in lanes})):
        shapes = entry_shapes(replace(GOOD, topic=stream), large=large if place else LARGE_SOAK)
        for name, (fields, why) in sized(_few(shapes), shapes, shapes).items():
            yield f"{{{stream}}}:s", fields
            for lane in [lane for lane in lanes if lane.stream == stream]:
                left.expect(lane, name, why)


def _in_lanes(lanes: list[GroupStream], left: Left) -> Iterator[Deed]:
    for lane in lanes:
        for name, (fields, why) in retry_shapes(GOOD).items():
            yield lane.key("r"), fields
            left.expect(lane, name, why)
        for number, (name, value) in enumerate(PARKED.items()):
            yield lane.key("z"), (f"s:{number}-1", value)
            left.expect(lane, f"parked: {name}", BAD_FIELD)


def _few(shapes: Mapping[str, tuple[Fields, str]]) -> dict[str, tuple[Fields, str]]:
    return {name: shape for name, shape in shapes.items() if name in ("no d", "not UTF-8", "no JSON")}


def _write(redis: Any, key: str, what: Fields | tuple[str, bytes | None]) -> None:
    if isinstance(what, dict):
        redis.xadd(key, what)
        return
    token, value = what
    if value is not None:
        redis.hset(key.replace("}:z:", "}:zp:"), token, value)
    redis.zadd(key, {token: 0})


async def _not_dead_lettered(stack: Stack, left: Left) -> dict[GroupStream, Counter[str]]:
    """Wait until each group has dead-lettered all it must; return what it has not, or for another reason."""
    admin = StreamAdmin(stack.infra.redis_url)
    deadline = time.monotonic() + WITHIN_S
    while True:
        wrong = {}
        for lane, must in left.why.items():
            dead = Counter(dead_letter.why for dead_letter in await admin.dead_letters(lane))
            depths = await admin.depths(lane)
            if missing := (must - dead) + Counter(in_hand=depths.pending + depths.parked):
                wrong[lane] = missing
        if not wrong or time.monotonic() > deadline or not all(one.is_alive for one in stack.processes.values()):
            await admin.close()
            return wrong
        await asyncio.sleep(LOOK_S)


async def _comes_through(stack: Stack) -> bool:
    """Send a recording through all stages."""
    async with Gateway(Connection(url=stack.gateway_url, operator_token=stack.operator_token)) as operator:
        made = await operator.bootstrap("poison", "poison")
    async with Gateway(Connection(url=stack.gateway_url, key=made.api_key)) as gateway:
        therapist = (await gateway.add_user("therapist", "t@example.org")).id
        patient = (await gateway.add_user("patient", "p@example.org")).id
        for purpose in Purpose:
            await gateway.grant(patient, therapist, purpose, "I agree.")
        session = await gateway.upload(Recording(SAMPLE, patient, therapist, "2026-09-08T15:00:00Z"))
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN_S):
                async for seen in gateway.settled(session):
                    status = seen.status
                return status == "ready"
    return False


if __name__ == "__main__":
    sys.exit(run(seed()))
