"""What alerts take a rate of exists from the start, and failures are counted as such."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter
from prometheus_client import REGISTRY
from starlette.responses import Response

from libs.common import metrics
from libs.common.errors import UNAVAILABLE, AppError
from libs.common.http.app import AppSpec, build_app
from libs.common.messaging.consumer import Consumer
from libs.common.streams.memory import MemoryStreams
from libs.common.tracing import calling
from libs.devstack.conditions import block_until, until
from libs.devstack.servers.ports import pick

START_WITHIN_S = 30.0
COUNTED = ("delivered", "applied", "duplicates", "retried", "dead_lettered", "lease_lost")


class Idle:
    """A handler that is never needed."""

    async def handle(self, channel: Any, deliveries: Any) -> Any:
        """Do nothing."""

    async def dead_letter_poison(self, channel: Any, delivery: Any) -> None:
        """Do nothing."""


def _value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_a_consumer_counts_from_zero_before_anything_has_come() -> None:
    topic = f"topic-{uuid4().hex}"
    stop = asyncio.Event()
    running = asyncio.create_task(Consumer(MemoryStreams().channel(topic, "g"), Idle()).run(stop))
    await until(lambda: _value("events_consumer_state", topic=topic, group="g", state="running") is not None)
    stop.set()
    await running

    assert [_value(f"events_{name}_total", topic=topic, group="g") for name in COUNTED] == [0] * len(COUNTED)


def test_a_vendors_calls_are_counted_from_zero_and_as_what_they_came_to() -> None:
    vendor = "a-vendor-of-a-test"
    metrics.expect_vendor(vendor)
    before = [_value("vendor_calls_total", vendor=vendor, outcome=each) for each in ("answered", "failed", "abandoned")]

    with calling(vendor, "generate", "m"):
        pass
    with pytest.raises(ValueError, match="no"), calling(vendor, "generate", "m"):
        raise ValueError("no")
    with pytest.raises(asyncio.CancelledError), calling(vendor, "generate", "m"):
        raise asyncio.CancelledError

    after = [_value("vendor_calls_total", vendor=vendor, outcome=each) for each in ("answered", "failed", "abandoned")]

    assert (before, after) == ([0, 0, 0], [1, 1, 1])


async def test_requests_are_counted_as_served_or_failed_and_what_machines_ask_is_not() -> None:
    router = APIRouter()

    @router.get("/answers/{status}")
    async def answers(status: int) -> Response:
        return Response(status_code=status)

    def counted() -> list[float]:
        return [_value("http_answers_total", outcome=each) or 0.0 for each in ("served", "failed")]

    before = counted()
    transport = httpx.ASGITransport(build_app(AppSpec("T", "1", [router])))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
        for path in ("/answers/200", "/answers/404", "/answers/503", "/health", "/live", "/metrics"):
            await http.get(path)

    assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 1]


async def test_each_scrape_asks_what_health_asks() -> None:
    async def away() -> None:
        raise AppError(UNAVAILABLE, "It is away.")

    async def here() -> None:
        pass

    spec = AppSpec("T", "1", (), checks={"part-away": away, "part-here": here})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(spec)), base_url="http://t") as http:
        page = (await http.get("/metrics")).text

    assert dict(re.findall(r'^health_check_ok\{check="(part-\w+)"\} (\S+)$', page, re.MULTILINE)) == {
        "part-away": "0.0",
        "part-here": "1.0",
    }


PROCESS = """
import asyncio
from pathlib import Path
from fastapi import APIRouter
from libs.common.process import run
from libs.common.http.app import AppSpec
from libs.common.settings import ProcessSettings

router = APIRouter()

@router.get("/things")
async def things() -> int:
    return 1

async def close():
    pass

def build():
    return run.Service(AppSpec("t", "1", (router,), internal=False, details={"provider": "x"}), [], close)

def settings():
    return ProcessSettings(env="dev", port=PORT, metrics_port=INSIDE, database_url="postgresql://x", redis_url="redis://x")

run.main(run.Entry("t", settings, build, Path(".")), ["MODE"])
"""


@pytest.mark.parametrize("mode", ["api", "work", "all"])
def test_a_public_service_shows_its_metrics_on_a_port_of_their_own_and_nothing_else_there(mode: str) -> None:
    port, inside = pick(2)
    code = PROCESS.replace("PORT", str(port)).replace("INSIDE", str(inside)).replace("MODE", mode)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, env=os.environ.copy())
    try:
        _until_it_answers(f"http://127.0.0.1:{inside}/health")
        _until_it_answers(f"http://127.0.0.1:{port}/health")
        with httpx.Client() as http:
            found = {
                (name, path): http.get(f"http://127.0.0.1:{where}{path}").status_code
                for name, where in (("public", port), ("inside", inside))
                for path in ("/metrics", "/things")
            }
            details = "details" in http.get(f"http://127.0.0.1:{port}/health").json()
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(20)

    served = 404 if mode == "work" else 200

    assert found == {
        ("public", "/metrics"): 404,
        ("public", "/things"): served,
        ("inside", "/metrics"): 200,
        ("inside", "/things"): 404,
    }
    assert (details, ended) == (False, 0)


def _until_it_answers(url: str) -> None:
    def answers() -> bool:
        try:
            httpx.get(url)
        except httpx.TransportError:
            return False
        return True

    block_until(answers, START_WITHIN_S, every_s=0.05)
