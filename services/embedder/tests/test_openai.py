"""OpenAI's embeddings through the real SDK, against a server that speaks its wire format and has bad days."""

from collections.abc import AsyncIterator, Iterator

import pytest

from libs.common.errors import AppError
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Fault, Faults
from libs.devstack.vendors.openai import KEY, OpenAIFake, embed
from services.embedder.tests.world import words
from services.embedder.vendors.openai import INPUTS_MAX, MODEL, REQUEST_TOKENS_MAX, OpenAIEmbedder

WORDS_OF_THE_VENDOR = {"error": {"message": "You said: I am afraid", "type": "x", "param": None, "code": None}}
DEADLINE_S, STALLED_S = 30.0, 0.5


@pytest.fixture(scope="module")
def vendor() -> Iterator[tuple[Faults, str]]:
    faults = Faults(OpenAIFake().app())
    with serve(faults) as address:
        yield faults, f"{address}/v1"


@pytest.fixture
def faults(vendor: tuple[Faults, str]) -> Faults:
    vendor[0].clear()
    return vendor[0]


@pytest.fixture
async def embedder(vendor: tuple[Faults, str]) -> AsyncIterator[OpenAIEmbedder]:
    one = OpenAIEmbedder(KEY, vendor[1], words, DEADLINE_S)
    yield one
    await one.close()


async def test_texts_come_back_as_vectors_in_their_order(faults: Faults, embedder: OpenAIEmbedder) -> None:
    vectors = await embedder.embed(["my sister walked", "the interview"])

    assert [len(vector) for vector in vectors] == [MODEL.dimension] * 2
    assert vectors[1] == pytest.approx(embed("the interview"), abs=1e-6)
    assert len(faults.requests) == 1


async def test_more_inputs_than_a_request_may_have_go_in_several(vendor: tuple[Faults, str], faults: Faults) -> None:
    patient = OpenAIEmbedder(KEY, vendor[1], words, 30.0)

    vectors = await patient.embed(["walk"] * (INPUTS_MAX + 1))
    await patient.close()

    assert len(vectors) == INPUTS_MAX + 1
    assert [len(_inputs(request.json())) for request in faults.requests] == [INPUTS_MAX, 1]


async def test_more_tokens_than_a_request_may_have_go_in_several(vendor: tuple[Faults, str], faults: Faults) -> None:
    embedder = OpenAIEmbedder(KEY, vendor[1], lambda _: REQUEST_TOKENS_MAX // 40, DEADLINE_S)

    await embedder.embed(["walk"] * 41)
    await embedder.close()

    assert [len(_inputs(request.json())) for request in faults.requests] == [40, 1]


@pytest.mark.parametrize("text", ["", "  ", "word " * 8193])
async def test_what_the_vendor_would_refuse_is_not_sent(faults: Faults, embedder: OpenAIEmbedder, text: str) -> None:
    with pytest.raises(AppError) as caught:
        await embedder.embed([text])

    assert caught.value.problem.slug == "upstream-refused"
    assert faults.requests == []


@pytest.mark.parametrize(
    ("fault", "slug"),
    [
        (Fault(status=400, body=WORDS_OF_THE_VENDOR), "upstream-refused"),
        (Fault(status=401, body=WORDS_OF_THE_VENDOR), "upstream-refused"),
        (Fault(status=413, body=WORDS_OF_THE_VENDOR), "upstream-refused"),
        (Fault(status=429, body={"error": {"message": "pay", "code": "insufficient_quota"}}), "upstream-refused"),
        (Fault(status=429, body=WORDS_OF_THE_VENDOR, retry_after_s=7), "rate-limited"),
        (Fault(status=500, body=WORDS_OF_THE_VENDOR), "upstream-failed"),
        (Fault(stall_after_bytes=100), "upstream-failed"),
        (Fault(cut_after_bytes=100), "upstream-failed"),
        (Fault(status=200, body={"object": "list", "data": [], "model": "m"}), "upstream-failed"),
        (Fault(status=200, body={}), "upstream-failed"),
    ],
)
async def test_a_bad_day_of_the_vendor_is_one_of_our_problems_in_our_words(
    vendor: tuple[Faults, str], faults: Faults, fault: Fault, slug: str
) -> None:
    faults.order(fault)
    deadline_s = DEADLINE_S if fault.stall_after_bytes is None else STALLED_S
    embedder = OpenAIEmbedder(KEY, vendor[1], words, deadline_s)

    with pytest.raises(AppError) as caught:
        await embedder.embed(["I am afraid"])
    await embedder.close()

    assert caught.value.problem.slug == slug
    assert "afraid" not in f"{caught.value.detail} {caught.value.facts} {caught.value}"
    assert len(faults.requests) == 1


async def test_how_long_to_wait_is_taken_from_the_vendor(faults: Faults, embedder: OpenAIEmbedder) -> None:
    faults.order(Fault(status=429, retry_after_s=7))

    with pytest.raises(AppError) as caught:
        await embedder.embed(["walk"])

    assert caught.value.retry_after_s == 7


def _inputs(body: object) -> list[str]:
    assert isinstance(body, dict)
    return list(body["input"])
