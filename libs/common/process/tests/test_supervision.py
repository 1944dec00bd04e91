"""A process of which one worker broke ends, soon and visibly, whoever does not let himself be stopped."""

import asyncio
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from functools import partial

import httpx
import pytest

from libs.common.errors import AppError
from libs.common.heartbeat import STALL_S, Heartbeat, State
from libs.common.http.app import AppSpec, build_app
from libs.common.process import supervision
from libs.common.process.supervision import WorkerBrokenError, check, states, supervise

# The process has to start as well, beside others.
WITHIN_S = supervision.EXIT_WITHIN_S + 15
# Each of these keeps a process that is only asked to end.
STUBBORN = {
    "swallows its cancellation": """
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
    """,
    "sits in a thread": "await asyncio.to_thread(time.sleep, 3600)",
    "blocks the loop once it is told to stop": "await stop.wait(); time.sleep(3600)",
    "takes its time": "await stop.wait(); await asyncio.sleep(3600)",
}
PROCESS = """
import asyncio, time
from pathlib import Path
from libs.common.process import run
from libs.common.http.app import AppSpec
from libs.common.settings import ProcessSettings

class Breaks:
    async def run(self, stop):
        await asyncio.sleep(0.2)
        {breaks}

class Stubborn:
    async def run(self, stop):
{stubborn}

async def close():
    pass

def build():
    return run.Service(AppSpec("t", "1", ()), [Stubborn(), Breaks()], close)

def settings():
    return ProcessSettings(env="dev", port=0, database_url="postgresql://x", redis_url="redis://x")

run.main(run.Entry("t", settings, build, Path(".")), ["work"])
"""


@pytest.mark.parametrize("stubborn", STUBBORN.values(), ids=STUBBORN)
@pytest.mark.parametrize("breaks", ["raise LookupError", "return"], ids=["it broke", "it ended by itself"])
def test_a_process_ends_within_seconds_of_the_end_of_one_worker(stubborn: str, breaks: str) -> None:
    code = PROCESS.format(breaks=breaks, stubborn=textwrap.indent(textwrap.dedent(stubborn).strip(), " " * 8))
    began = time.monotonic()

    try:
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=2 * WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.fail("it is still there")

    assert ended.returncode == supervision.EXIT_BROKEN, ended.stderr
    assert time.monotonic() - began < WITHIN_S
    assert "worker.crashed" in ended.stdout


@dataclass
class Standing:
    """A worker that says what it is doing, and does nothing."""

    doing: State = State.RUNNING
    name: str = "standing"

    def state(self) -> State:
        return self.doing

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()


async def test_workers_that_are_told_to_stop_end_in_good_order() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)

    await supervise([Standing(), Standing()], stop)

    assert stop.is_set()


@pytest.mark.parametrize("doing", State)
async def test_health_fails_while_a_worker_is_paused_or_stands_still_and_not_while_the_stream_is_away(
    doing: State,
) -> None:
    workers = [Standing(), Standing(doing, "other")]

    failed = False
    try:
        await check(workers)
    except AppError:
        failed = True

    assert failed == (doing in (State.PAUSED, State.STALLED))
    assert states(workers) == {"standing": State.RUNNING, "other": doing}


@pytest.mark.parametrize("doing", State)
async def test_a_process_says_what_each_worker_does_and_only_a_stall_makes_it_not_alive(doing: State) -> None:
    workers = [Standing(doing)]
    spec = AppSpec("t", "1", (), {"workers": partial(check, workers)}, states=partial(states, workers))
    transport = httpx.ASGITransport(build_app(spec))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
        health, live = await http.get("/health"), await http.get("/live")

    assert (health.status_code == 200) == doing.is_well
    assert health.json()["workers"] == {"standing": doing}
    assert (live.status_code == 200) == (doing is not State.STALLED)


async def test_a_worker_that_stands_still_ends_its_process() -> None:
    ended: list[bool] = []

    with pytest.raises(WorkerBrokenError):
        async with asyncio.timeout(5):
            await supervise(
                [Standing(), Standing(State.STALLED)],
                asyncio.Event(),
                look_s=0.01,
                on_broken=lambda: ended.append(True),
            )

    assert ended == [True]


def test_a_loop_that_has_not_gone_round_for_too_long_is_a_stall() -> None:
    now = [0.0]
    seen = Heartbeat(lambda: now[0])
    never = seen.is_stalled
    seen.beat("read")
    seen.beat("sweep")
    now[0] = STALL_S - 1
    seen.beat("read")
    fresh = seen.is_stalled
    now[0] += 2

    assert (never, fresh, seen.is_stalled) == (False, False, True)
