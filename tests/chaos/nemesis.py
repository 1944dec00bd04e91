"""Throws the faults at a running stack and brings back what it took away, as an orchestrator would."""

import asyncio
import contextlib
import random
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from redis import Redis
from redis.exceptions import RedisError

from libs.devstack.errors import DevstackError
from libs.devstack.servers import full_disk
from libs.devstack.servers.processes import log_tail
from libs.devstack.servers.waiting import DiedError
from libs.devstack.services import is_healthy
from libs.devstack.stack import Stack
from libs.devstack.vendors.faults import Fault
from tests.chaos.plan import Answer, Blow, Kind
from tests.chaos.poison import leave
from tests.chaos.recording_vendor import Vendor

LOOK_EVERY_S = 0.25
READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Wound:
    """What was done to a process: from when to when (time.time()) it could not work."""

    name: str
    kind: Kind
    since: float
    until: float


@dataclass
class Nemesis:
    """One run's faults. Everything here runs on the main thread: only it may start processes."""

    stack: Stack
    vendors: dict[str, Vendor]
    dice: random.Random
    thrown: list[Blow] = field(default_factory=list)
    wounds: list[Wound] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    _down: set[str] = field(default_factory=set)
    _mending: list[asyncio.Task[None]] = field(default_factory=list)

    async def throw_all(self, deck: list[Blow], pace_s: float) -> None:
        """Throw one after the other, about one each `pace_s`; a server that is still down is hit later."""
        waiting = list(deck)
        while waiting:
            place = next((n for n, blow in enumerate(waiting) if blow.target not in self._down), None)
            if place is not None:
                self.throw(waiting.pop(place))
            await asyncio.sleep(pace_s * self.dice.uniform(0.5, 1.5))

    def throw(self, blow: Blow) -> None:
        """Throw one fault; what mends it goes on in the background."""
        self.thrown.append(blow)
        acts: dict[Kind, Callable[[Blow], Coroutine[None, None, None]]] = {
            Kind.KILL: self._kill,
            Kind.KILL_SERVER: self._kill_server,
            Kind.FLUSHALL: self._flush,
            Kind.STOP: self._stop,
            Kind.CUT: self._cut,
            Kind.STALL: self._stall,
            Kind.REFUSE: self._refuse,
            Kind.FULL: self._fill,
            Kind.VENDOR: self._spoil,
            Kind.POISON: self._poison,
        }
        self._mend(acts[blow.kind](blow))

    async def keep_alive(self, stop: asyncio.Event) -> None:
        """Start again, as an orchestrator does, what ended by itself; note that it did."""
        while not stop.is_set():
            for name, process in self.stack.processes.items():
                if name not in self._down and not process.is_alive:
                    self.crashes.append(name)
                    # Shown when the test fails: its last words.
                    sys.stdout.write(f"{name} ended by itself:\n{log_tail(process.log)}\n")
                    process.launch()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()

    async def heal(self) -> None:
        """End all faults and return once every process is healthy again."""
        await asyncio.gather(*self._mending)
        for proxy in self.stack.proxies.values():
            proxy.resume()
        for vendor in self.vendors.values():
            vendor.heal()
        for name in self.stack.processes:
            await self._until_healthy(name)

    def is_well(self) -> bool:
        """Tell whether every process says of itself that it is able to work."""
        return all(is_healthy(self.stack.url(name)) for name in self.stack.processes)

    async def _until_healthy(self, name: str) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                return await asyncio.to_thread(self.stack.process(name).wait)
            except DiedError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(LOOK_EVERY_S)

    def _mend(self, work: Coroutine[None, None, None]) -> None:
        self._mending.append(asyncio.get_running_loop().create_task(work))

    async def _kill(self, blow: Blow) -> None:
        process = self.stack.process(blow.target)
        now = time.time()
        self._down.add(blow.target)
        process.kill()
        self.wounds.append(Wound(blow.target, blow.kind, now, now + blow.lasts_s))
        await asyncio.sleep(blow.lasts_s)
        process.launch()
        self._down.discard(blow.target)

    async def _kill_server(self, blow: Blow) -> None:
        self._down.add(blow.target)
        self.stack.servers.kill(blow.target)
        await asyncio.sleep(blow.lasts_s)
        await self._start_server(blow.target)
        self._down.discard(blow.target)

    async def _start_server(self, name: str) -> None:
        """Start a server until it stays: a killed one may have left something that takes a moment to end."""
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                server = self.stack.servers.launch_again(name)
                return await asyncio.to_thread(server.wait)
            except DevstackError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(LOOK_EVERY_S)

    async def _flush(self, blow: Blow) -> None:
        """Wipe Redis; tried until it did happen, so that the count of FLUSHALLs is true."""
        with Redis.from_url(self.stack.infra.redis_url, socket_timeout=2) as redis:
            while True:
                try:
                    await asyncio.to_thread(redis.flushall)
                    return
                except RedisError:
                    await asyncio.sleep(LOOK_EVERY_S)

    async def _poison(self, blow: Blow) -> None:
        """Leave what is no event in a stream; tried until it is there."""
        with Redis.from_url(self.stack.infra.redis_url, socket_timeout=2) as redis:
            while True:
                with contextlib.suppress(RedisError):
                    if await asyncio.to_thread(leave, redis, blow.target, self.dice):
                        return
                await asyncio.sleep(LOOK_EVERY_S)

    async def _stop(self, blow: Blow) -> None:
        process = self.stack.process(blow.target)
        pid, now = process.pid, time.time()
        process.signal(signal.SIGSTOP)
        self.wounds.append(Wound(blow.target, blow.kind, now, now + blow.lasts_s))
        await asyncio.sleep(blow.lasts_s)
        if process.pid == pid:
            process.signal(signal.SIGCONT)

    async def _cut(self, blow: Blow) -> None:
        self.stack.proxies[blow.target].cut()

    async def _stall(self, blow: Blow) -> None:
        self.stack.proxies[blow.target].stall()
        await asyncio.sleep(blow.lasts_s)
        self.stack.proxies[blow.target].resume()

    async def _refuse(self, blow: Blow) -> None:
        self.stack.proxies[blow.target].cut()
        self.stack.proxies[blow.target].refuse()
        await asyncio.sleep(blow.lasts_s)
        self.stack.proxies[blow.target].resume()

    async def _fill(self, blow: Blow) -> None:
        process = self.stack.servers.processes[blow.target]
        full_disk.fill(process)
        await asyncio.sleep(blow.lasts_s)
        full_disk.free(process)

    async def _spoil(self, blow: Blow) -> None:
        vendor = self.vendors[blow.target]
        caller = self.dice.choice(sorted(vendor.entrances))
        vendor.order(caller, fault_of(blow))


def fault_of(blow: Blow) -> Fault:
    """Return a vendor's bad answer as its fake understands it."""
    match blow.answer:
        case Answer.BUSY:
            return Fault(status=429, retry_after_s=1)
        case Answer.BROKEN:
            return Fault(status=500)
        case Answer.CUT:
            return Fault(cut_after_bytes=100)
        case Answer.REFUSED:
            return Fault(status=402)
        case _:
            return Fault(latency_s=blow.lasts_s)
