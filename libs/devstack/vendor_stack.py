"""A system of its own whose models are all somebody else's, and what those can be told to do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from libs.devstack.stack import Stack, StackOptions
from libs.devstack.vendors import anthropic, deepgram, openai
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Faults

OPENAI_KEY = "sk-openai"


@dataclass
class Vendors:
    """The stack and the three vendors behind it."""

    stack: Stack
    recognition: Faults
    embedding: Faults
    writing: Faults
    hearing_url: str

    def recover(self) -> None:
        """Forget all faults."""
        for faults in (self.recognition, self.embedding, self.writing):
            faults.clear()


@contextmanager
def running_on_vendors(
    *, split: bool = True, environment: Mapping[str, str] | None = None, proxied: bool = False
) -> Iterator[Vendors]:
    """Run six services over real servers and fake vendors; `environment` is set for all, the rest is StackOptions'."""
    recognition = Faults(deepgram.DeepgramFake().app())
    embedding = Faults(openai.OpenAIFake(OPENAI_KEY).app())
    writing = Faults(anthropic.AnthropicFake().app())
    with serve(recognition) as hearing_url, serve(embedding) as embedding_url, serve(writing) as writing_url:
        # The embedder uses it only with COMMITMENTS_PROVIDER=anthropic.
        claude = {"ANTHROPIC_API_KEY": anthropic.KEY, "ANTHROPIC_BASE_URL": writing_url}
        options = StackOptions(
            environment=environment or {},
            per_service={
                "transcriber": {
                    "DEEPGRAM_API_KEY": deepgram.KEY,
                    "DEEPGRAM_BASE_URL": hearing_url,
                    "DEEPGRAM_RETRY_WAIT_S": "1",
                },
                "embedder": {"OPENAI_API_KEY": OPENAI_KEY, "OPENAI_BASE_URL": f"{embedding_url}/v1"} | claude,
                "chat": claude,
            },
            split=split,
            proxied=proxied,
            env="test",
            vendor_keys=False,
        )
        with Stack.running(options=options) as stack:
            yield Vendors(stack, recognition, embedding, writing, hearing_url)
