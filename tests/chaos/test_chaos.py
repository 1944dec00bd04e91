"""The whole stack under seeded faults: kill -9, FLUSHALL, cut and stalled connections, a full disk, bad vendors."""

import os
import random
import sys
import time
from collections.abc import Iterator

import pytest

from libs.devstack.servers import servers
from libs.devstack.stack import Stack, StackOptions
from libs.devstack.vendors import deepgram, openai
from tests.chaos.plan import REPLICAS, SERVERS, seed_of, size_of
from tests.chaos.recording_vendor import vendor
from tests.chaos.run import Run, World

SIZE = size_of(os.environ)
SEED = seed_of(os.environ)
OURS = os.environ.get("TEST_INFRA") != "containers" and servers.expected(os.environ) == set(SERVERS)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(SIZE.seconds_max),
    pytest.mark.skipif(sys.platform != "linux", reason="stops servers as only Linux can: run this on Linux"),
    pytest.mark.skipif(not OURS, reason="kills servers, which must be its own: unset DATABASE_URL, REDIS_URL, MINIO_*"),
]
# Short, so that the fakes cost next to nothing.
DIALOGUE = deepgram.DIALOGUE[:2]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    workers = {service: [f"{service}-work", f"{service}-work-2"] for service in REPLICAS}
    with (
        vendor(deepgram.DeepgramFake(dialogue=DIALOGUE).app(), workers["transcriber"]) as recognition,
        vendor(openai.OpenAIFake().app(), ["embedder", *workers["embedder"]]) as embedding,
    ):
        options = StackOptions(
            per_service={
                "gateway": {"REQUESTS_PER_HOUR": "1000000", "REQUESTS_PER_HOUR_LOCAL": "1000000"},
                "transcriber": {
                    "DEEPGRAM_API_KEY": deepgram.KEY,
                    "DEEPGRAM_BASE_URL": "http://127.0.0.1:9",
                    "DEEPGRAM_RETRY_WAIT_S": "1",
                },
                "embedder": {"OPENAI_API_KEY": openai.KEY},
                **{name: {"DEEPGRAM_BASE_URL": url} for name, url in recognition.urls.items()},
            }
            | {name: {"OPENAI_BASE_URL": f"{url}/v1"} for name, url in embedding.urls.items() if "-" in name},
            split=True,
            replicas=REPLICAS,
            proxied=True,
            env="test",
            vendor_keys=False,
        )
        with Stack.running(options=options) as stack:
            yield World(stack, recognition, embedding)


async def test_nothing_is_lost_nothing_happens_twice_and_nothing_is_stuck(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    run = Run(world, SIZE, random.Random(SEED))
    with capsys.disabled():
        sys.stdout.write(f"\nnemesis: size {SIZE.name}, repeat with SEED={SEED}\n")

    await run.rage()
    await run.settle()
    verdict = run.verdict()

    with capsys.disabled():
        sys.stdout.write(verdict.proof(SEED, time.monotonic() - began) + "\n")
    violations = verdict.violations.all()

    assert not violations, "\n".join(violations)
    assert verdict.unnoticed == 0
    assert verdict.purchases.calls <= verdict.purchases.allowed
    assert verdict.too_few() == []
