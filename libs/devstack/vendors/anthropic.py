"""A server that answers as Anthropic does (messages with citations, models), in the shapes the SDK itself reads."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "sk-ant-fake"
MODEL = "claude-sonnet-5-5"
VERSION = "2026-10-21"
HELD_MAX_S = 60.0
CREATED_AT = "2026-09-01T00:00:00Z"

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """One text block of an answer. `cites` are (search result, first turn, turn after the last), all from 0."""

    text: str
    cites: Sequence[tuple[int, int, int]] = ()


Reply = Callable[[Body], Sequence[Said]]
Call = Callable[[Body], Mapping[str, Any]]


def quote_the_first_turn(body: Body) -> Sequence[Said]:
    """Answer by repeating the first turn of the first search result, citing it."""
    results = search_results(body)
    if not results:
        return [Said("I could not find it.")]
    _, _, words = results[0]["content"][0]["text"].partition(": ")
    return [Said("Here it is. "), Said(words, [(0, 0, 1)])]


def record_nothing(_body: Body) -> Mapping[str, Any]:
    """Call the tool of a request without anything to record."""
    return {"acts": []}


@dataclass
class AnthropicFake:
    """The vendor's side. `app` is ASGI, to be wrapped in `Faults`; the address itself is the SDK's base URL.

    `stop_reason` None ends a stream early, as a proxy does; `error_in_stream` is an error type sent after the first
    block, with status 200. A stream waits before the blocks that `held` names by their place, until each is let go.
    """

    key: str = KEY
    reply: Reply = quote_the_first_turn
    call: Call = record_nothing
    stop_reason: str | None = "end_turn"
    error_in_stream: str | None = None
    held: Mapping[int, threading.Event] = field(default_factory=dict)
    lifecycles: dict[str, str] = field(default_factory=lambda: {MODEL: "active"})

    def app(self) -> Starlette:
        """Return the app."""
        return Starlette(
            routes=[
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/v1/models/{name}", self._model, methods=["GET"]),
            ]
        )

    async def _messages(self, request: Request) -> Response:
        body = await request.json()
        refused = self._refusal(request) or _bad_request(body)
        if refused:
            return refused
        if body["model"] not in self.lifecycles or self.lifecycles[body["model"]] == "retired":
            return problem(404, "not_found_error")
        if "tools" in body:
            return JSONResponse(self._called(body), headers={"request-id": "req_fake"})
        blocks = [_block(said, body) for said in self.reply(body)]
        if body.get("stream"):
            return StreamingResponse(self._streamed(body, blocks), media_type="text/event-stream")
        message = _message(body, blocks) | {"stop_reason": self.stop_reason, "usage": _usage(body, blocks)}
        return JSONResponse(message, headers={"request-id": "req_fake"})

    def _called(self, body: Body) -> Body:
        block = {"type": "tool_use", "id": "toolu_fake", "name": body["tool_choice"]["name"], "input": self.call(body)}
        ending = {"stop_reason": "tool_use" if self.stop_reason == "end_turn" else self.stop_reason}
        return _message(body, [] if self.stop_reason == "refusal" else [block]) | ending | {"usage": _usage(body, [])}

    async def _model(self, request: Request) -> Response:
        name = request.path_params["name"]
        refused = self._refusal(request)
        if refused or name not in self.lifecycles:
            return refused or problem(404, "not_found_error")
        return JSONResponse(
            {
                "id": name,
                "type": "model",
                "display_name": name,
                "created_at": CREATED_AT,
                "lifecycle": self.lifecycles[name],
            }
        )

    async def _streamed(self, body: Body, blocks: Sequence[Body]) -> AsyncIterator[bytes]:
        start = _message(body, []) | {"stop_reason": None, "usage": _usage(body, [])}
        yield _event("message_start", {"message": start})
        yield _event("ping", {})
        for index, block in enumerate(blocks):
            # The test that lets it go runs in another thread; one that forgets to gets a stream that breaks off.
            if index in self.held and not await asyncio.to_thread(self.held[index].wait, HELD_MAX_S):
                return
            for event in _block_events(index, block):
                yield event
            if self.error_in_stream:
                yield _event("error", {"error": {"type": self.error_in_stream, "message": "Overloaded"}})
                return
        if self.stop_reason is None:
            return
        delta = {"stop_reason": self.stop_reason, "stop_sequence": None}
        yield _event("message_delta", {"delta": delta, "usage": {"output_tokens": _tokens(blocks)}})
        yield _event("message_stop", {})

    def _refusal(self, request: Request) -> Response | None:
        # The SDK sends a key in the one header and a token in the other.
        sent = (request.headers.get("authorization"), request.headers.get("x-api-key"))
        if f"Bearer {self.key}" != sent[0] and self.key != sent[1]:
            return problem(401, "authentication_error")
        if "anthropic-version" not in request.headers:
            return problem(400, "invalid_request_error")
        return None


def search_results(body: Body) -> list[Body]:
    """Return all search_result blocks of a request, in the order citations count them."""
    return [
        block
        for message in body["messages"]
        if not isinstance(message["content"], str)
        for block in message["content"]
        if block["type"] == "search_result"
    ]


def problem(status: int, kind: str, message: str = "no") -> Response:
    """Return an error in the vendor's shape."""
    return JSONResponse(error_body(kind, message), status_code=status, headers={"request-id": "req_fake"})


def error_body(kind: str, message: str = "no") -> dict[str, object]:
    """Return the body of an error, for `Fault(status=..., body=...)`."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"}


def _bad_request(body: Body) -> Response | None:
    unknown = {"temperature", "top_p", "top_k"} & set(body)
    if unknown or not body.get("messages") or not body.get("max_tokens"):
        return problem(400, "invalid_request_error", "unknown or missing field")
    return None


def _block(said: Said, body: Body) -> dict[str, Any]:
    results = search_results(body)
    citations = [
        {
            "type": "search_result_location",
            "search_result_index": result,
            "start_block_index": start,
            "end_block_index": end,
            "source": results[result]["source"],
            "title": results[result]["title"],
            "cited_text": "".join(part["text"] for part in results[result]["content"][start:end]),
        }
        for result, start, end in said.cites
    ]
    return {"type": "text", "text": said.text, "citations": citations or None}


def _block_events(index: int, block: Body) -> Iterable[bytes]:
    empty: dict[str, Any] = {"type": "text", "text": "", "citations": [] if block["citations"] else None}
    yield _event("content_block_start", {"index": index, "content_block": empty})
    # In small pieces, so that words are cut in two as they are by the vendor.
    for start in range(0, len(block["text"]), 12):
        delta = {"type": "text_delta", "text": block["text"][start : start + 12]}
        yield _event("content_block_delta", {"index": index, "delta": delta})
    for citation in block["citations"] or ():
        yield _event(
            "content_block_delta", {"index": index, "delta": {"type": "citations_delta", "citation": citation}}
        )
    yield _event("content_block_stop", {"index": index})


def _message(body: Body, blocks: Sequence[Body]) -> dict[str, Any]:
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": list(blocks),
        "stop_sequence": None,
    }


def _usage(body: Body, blocks: Sequence[Body]) -> dict[str, int]:
    return {"input_tokens": len(json.dumps(body["messages"])) // 4, "output_tokens": _tokens(blocks)}


def _tokens(blocks: Sequence[Body]) -> int:
    return sum(len(block["text"].split()) for block in blocks)


def _event(kind: str, members: Mapping[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()
