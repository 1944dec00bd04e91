"""The fake of OpenAI speaks to the real SDK as the vendor does."""

from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from openai import AsyncOpenAI

from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.openai import KEY, OpenAIFake, embed


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serve(OpenAIFake().app()) as url:
        yield f"{url}/v1"


@pytest.fixture
async def client(address: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=KEY, base_url=address, max_retries=0) as one:
        yield one


async def test_a_completion_reads_as_the_sdks_own_model(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="any", messages=[{"role": "user", "content": "What helped me sleep?\nSources follow."}]
    )

    assert answer.choices[0].message.content == "What helped me sleep?"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None


async def test_a_streamed_completion_comes_in_pieces_and_ends_with_its_usage(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="any",
        messages=[{"role": "user", "content": "What helped me sleep?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]

    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    assert said == "What helped me sleep?"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None


async def test_packed_and_plain_vectors_are_the_same(client: AsyncOpenAI) -> None:
    plain = await client.embeddings.create(model="text-embedding-3-small", input="walk", encoding_format="float")
    packed = await client.embeddings.create(model="text-embedding-3-small", input="walk")

    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
    assert plain.data[0].embedding == pytest.approx(embed("walk"))


async def test_texts_that_share_words_are_near() -> None:
    near = _dot(embed("my sister walked with me"), embed("who walked with me"))

    assert near > _dot(embed("my sister walked with me"), embed("an invoice is due")) + 0.3


async def test_a_wrong_key_is_refused(address: str) -> None:
    async with AsyncOpenAI(api_key="sk-wrong", base_url=address, max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            await client.embeddings.create(model="text-embedding-3-small", input="walk")


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
