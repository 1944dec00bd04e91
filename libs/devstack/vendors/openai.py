"""A server that answers as OpenAI does (embeddings and chat completions), shapes as the SDK's own models read them.

Also what an OpenAI-compatible endpoint of somebody else looks like, for the chat's `openai_compatible` provider.
"""

import base64
import hashlib
import json
import math
import re
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "sk-fake-openai"
DIMENSION = 1536
INPUTS_MAX = 2048
EMBEDDING_MODELS = ("text-embedding-3-small",)
CREATED_S = 1_795_000_000

Messages = Sequence[Mapping[str, Any]]
Reply = Callable[[Messages], str]


def repeat_the_question(messages: Messages) -> str:
    """Answer with the first line of the last message: enough to see that the words arrived."""
    return _text(messages[-1]).strip().partition("\n")[0]


@dataclass(frozen=True)
class OpenAIFake:
    """The vendor's side: which key it takes and what its model says. `app` is ASGI, to be wrapped in `Faults`."""

    key: str = KEY
    reply: Reply = repeat_the_question

    def app(self) -> Starlette:
        """Return the app; give the SDK `<address>/v1` as its base URL."""
        return Starlette(
            routes=[
                Route("/v1/embeddings", self._embeddings, methods=["POST"]),
                Route("/v1/chat/completions", self._completions, methods=["POST"]),
                Route("/v1/models/{name}", self._model, methods=["GET"]),
            ]
        )

    async def _embeddings(self, request: Request) -> Response:
        body = await request.json()
        refused = self._refusal(request) or _bad_embedding_request(body)
        if refused:
            return refused
        inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
        # The SDK asks for this by itself and unpacks it; other clients ask for numbers.
        packed = body.get("encoding_format") == "base64"
        tokens = sum(len(text.split()) for text in inputs)
        data = [
            {"object": "embedding", "index": place, "embedding": _packed(embed(text)) if packed else embed(text)}
            for place, text in enumerate(inputs)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "data": data, "model": body["model"], "usage": usage})

    async def _completions(self, request: Request) -> Response:
        refused = self._refusal(request)
        if refused:
            return refused
        body = await request.json()
        if not body.get("messages"):
            return problem(400, "invalid_request_error", "messages must not be empty")
        reply = self.reply(body["messages"])
        usage = _usage(body["messages"], reply)
        if body.get("stream"):
            # The vendor counts the tokens of a stream only for whoever asks.
            wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            return StreamingResponse(
                _streamed(body["model"], reply, usage if wants_usage else None), media_type="text/event-stream"
            )
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": reply, "refusal": None},
            "finish_reason": "stop",
            "logprobs": None,
        }
        return JSONResponse(_completion(body["model"], "chat.completion", [choice]) | {"usage": usage})

    async def _model(self, request: Request) -> Response:
        name = request.path_params["name"]
        return self._refusal(request) or JSONResponse(
            {"id": name, "object": "model", "created": CREATED_S, "owned_by": "system"}
        )

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return problem(401, "invalid_api_key", "Incorrect API key provided")
        return None


def embed(text: str) -> list[float]:
    """Return a unit vector in which texts that share words are near: each word adds to a few places of its own."""
    vector = [0.0] * DIMENSION
    for word in re.findall(r"[a-z0-9']+", text.lower()) or [text]:
        digest = hashlib.sha256(word.encode()).digest()
        for start in range(0, 16, 4):
            place, sign = int.from_bytes(digest[start : start + 2], "big") % DIMENSION, digest[start + 2] & 1
            vector[place] += 1.0 if sign else -1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def problem(status: int, code: str, message: str) -> Response:
    """Return an error in the vendor's shape."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": code}}, status_code=status)


def _bad_embedding_request(body: Mapping[str, Any]) -> Response | None:
    if body.get("model") not in EMBEDDING_MODELS:
        return problem(404, "model_not_found", "The model does not exist")
    inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if not inputs or len(inputs) > INPUTS_MAX or not all(inputs):
        return problem(400, "invalid_request_error", "'$.input' is invalid")
    return None


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


async def _streamed(model: str, reply: str, usage: Mapping[str, int] | None) -> AsyncIterator[bytes]:
    yield _event(_chunk(model, {"role": "assistant", "content": ""}, None))
    # With the spaces before each word: the pieces joined are the text, as with the vendor.
    for piece in re.findall(r"\s*\S+|\s+$", reply):
        yield _event(_chunk(model, {"content": piece}, None))
    yield _event(_chunk(model, {}, "stop"))
    if usage is not None:
        yield _event(_completion(model, "chat.completion.chunk", []) | {"usage": usage})
    # What ends a stream of this vendor instead of a last event.
    yield b"data: [DONE]\n\n"


def _chunk(model: str, delta: Mapping[str, str], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return _completion(model, "chat.completion.chunk", [choice])


def _completion(model: str, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "chatcmpl-fake", "object": kind, "created": CREATED_S, "model": model, "choices": choices}


def _event(body: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def _usage(messages: Messages, reply: str) -> dict[str, int]:
    asked = sum(len(_text(message).split()) for message in messages)
    answered = len(reply.split())
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content)
