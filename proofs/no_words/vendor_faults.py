"""Vendors on bad days, with words in whatever they answer: errors, refusals, pages, shapes that nobody described.

A request chooses the fault by a mark in its body: in the title of a recording, in what was said, or in a question.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.devstack.vendor_stack import OPENAI_KEY, Vendors
from libs.devstack.vendors import anthropic, deepgram, openai
from libs.devstack.vendors.deepgram import DeepgramFake, Turn
from libs.devstack.vendors.openai import OpenAIFake
from proofs.kit.organizations import UNREADABLE
from proofs.no_words.words import Canaries

SLOW_S = 2.0
SLOW = "hearing-slow"
DEAD = ("hearing-500", "hearing-page", "hearing-shape", "hearing-half", "hearing-embed-500")
"""Recordings that no trying again helps: they end as dead letters."""
HEARD = ("hearing-429", "hearing-nul", "hearing-tongue", "hearing-words", "hearing-embed-429")
"""Recordings that become transcripts all the same."""
REFUSED = ("hearing-embed-400",)
WRITTEN = (
    "writing-400", "writing-429", "writing-529", "writing-stream", "writing-page", "writing-uncited", "writing-odd",
    "writing-embed-500", "writing-embed-page",
)  # fmt: skip
_HEARS = "/v1/listen?utterances=true&detect_language=true"

Word = Callable[[str], str]


class KeyOrderedHandler:
    """Answers with one app after the other; the last one stays."""

    def __init__(self, *apps: ASGIApp) -> None:
        self._apps = list(apps)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as ASGI."""
        app = self._apps.pop(0) if len(self._apps) > 1 else self._apps[0]
        await app(scope, receive, send)


class Slow:
    """Answers late."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as ASGI."""
        await asyncio.sleep(SLOW_S)
        await self._app(scope, receive, send)


async def set_fault_scenarios(vendors: Vendors, words: Canaries) -> None:
    """Give every vendor all faults; whatever recording holds a word and no mark is heard as a dialogue of words."""
    for mark, app in (await _recognition(words.word)).items():
        vendors.recognition.instead(mark.encode(), app)
    vendors.recognition.instead(words.stem.encode(), DeepgramFake(dialogue=dialogue(words.word, "said")).app())
    for mark, app in _embedding(words.word, OPENAI_KEY).items():
        vendors.embedding.instead(mark.encode(), app)
    for mark, app in _writing(words.word).items():
        vendors.writing.instead(mark.encode(), app)


def dialogue(word: Word, what: str, mark: str = "") -> Sequence[Turn]:
    """Return a conversation with a word in each turn; the mark is said, too."""
    return (
        (0, f"Hello, what would you like to say about {word(what)} today?"),
        (1, f"I don't sleep well because of {word(what)} in my dreams. {mark}"),
        (0, f"And what do you do when {word(what)} wakes you up?"),
        # Written large as a name is, so that it is kept where names are.
        (1, f"I look for {word(what).capitalize()} until the morning."),
        # Sets something to do, so that it is kept where commitments are.
        (0, f"For homework, could you write down {word(what)} every evening before we meet next week?"),
        (1, "Okay, I'll try that."),
    )


async def _recognition(word: Word) -> Mapping[str, ASGIApp]:
    def says(mark: str) -> ASGIApp:
        return DeepgramFake(dialogue=dialogue(word, f"said {mark}", mark)).app()

    def fails(status: int, **headers: str) -> Response:
        problem = deepgram.problem(
            status, word(f"code of Deepgram's {status}"), word(f"message of Deepgram's {status}")
        )
        problem.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return problem

    shape, tongue = await _heard(says("shape")), await _heard(says("tongue"))
    for utterance in shape["results"]["utterances"]:
        for heard in utterance["words"]:
            heard |= {"start": word("a start of Deepgram's"), "speaker": word("a speaker of Deepgram's")}
    half = await _heard(says("half"))
    half["results"]["utterances"][1]["words"][0]["punctuated_word"] = f"{word('before half a character')}\ud83d"
    tongue["results"]["channels"][0] |= {"detected_language": word("Deepgram's language"), "language_confidence": 0.5}
    return {
        UNREADABLE: fails(400),
        SLOW: Slow(says(SLOW)),
        "hearing-500": fails(500),
        "hearing-429": KeyOrderedHandler(fails(429, retry_after="1"), says("hearing-429")),
        "hearing-page": HTMLResponse(f"<h1>{word('a page of Deepgram')}</h1>"),
        "hearing-shape": JSONResponse(shape),
        "hearing-nul": says(f"{word('before a NUL')}\x00"),
        # Half a character: text to Python's reader of JSON and to no one behind it.
        "hearing-half": Response(json.dumps(half), media_type="application/json"),
        "hearing-tongue": JSONResponse(tongue),
        "hearing-words": JSONResponse(_reworded(await _heard(says("all")), word, "a text of Deepgram's")),
        "hearing-embed-500": says("embed-500"),
        "hearing-embed-429": says("embed-429"),
        "hearing-embed-400": says("embed-400"),
    }


async def _heard(app: ASGIApp) -> Any:
    """Return what a fake answers, to be altered."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fake") as http:
        answer = await http.post(_HEARS, content=b"sound", headers={"Authorization": f"Token {deepgram.KEY}"})
        return answer.raise_for_status().json()


def _reworded(body: Any, word: Word, what: str, name: str = "") -> Any:
    """Return an answer with a word in each text, wherever it may stand."""
    if isinstance(body, dict):
        return {name: _reworded(value, word, what, name) for name, value in body.items()}
    if isinstance(body, list):
        return [_reworded(value, word, what, name) for value in body]
    return f"{body} {word(f'{what}: {name}')}" if isinstance(body, str) and name != "detected_language" else body


def _embedding(word: Word, key: str) -> Mapping[str, ASGIApp]:
    def fails(status: int) -> Response:
        return openai.problem(status, word(f"code of OpenAI's {status}"), word(f"message of OpenAI's {status}"))

    return {
        "embed-500": fails(500),
        "embed-429": KeyOrderedHandler(fails(429), OpenAIFake(key).app()),
        "embed-400": fails(400),
        "embed-page": HTMLResponse(f"<h1>{word('a page of OpenAI')}</h1>"),
    }


def _writing(word: Word) -> Mapping[str, ASGIApp]:
    def fails(status: int, kind: str) -> Response:
        problem = anthropic.problem(status, kind, word(f"message of Anthropic's {status}"))
        problem.headers["request-id"] = word(f"request id of Anthropic's {status}")
        return problem

    error = anthropic.error_body("overloaded_error", word("an error in Anthropic's stream"))
    said = [anthropic.Said(f"You said {word('an answer without a source')}.")]
    return {
        "writing-400": fails(400, "invalid_request_error"),
        "writing-429": fails(429, "rate_limit_error"),
        "writing-529": fails(529, word("the type of Anthropic's 529")),
        "writing-stream": Response(f"event: error\ndata: {json.dumps(error)}\n\n", media_type="text/event-stream"),
        "writing-page": HTMLResponse(f"<h1>{word('a page of Anthropic')}</h1>"),
        "writing-uncited": anthropic.AnthropicFake(reply=lambda _: said).app(),
        "writing-odd": anthropic.AnthropicFake(stop_reason=word("Anthropic's reason to stop")).app(),
        # Only who finds commitments asks for a tool.
        '"tools"': anthropic.AnthropicFake(call=lambda body: _found(body, word)).app(),
    }


def _found(body: anthropic.Body, word: Word) -> Mapping[str, Any]:
    """Find what the dialogue sets, and invent the rest with a word in every field."""
    lines = body["messages"][-1]["content"].splitlines()[1:]
    set_in = [place for place, line in enumerate(lines) if "For homework" in line]
    acts = [
        {"turn": place, "speaker": "therapist", "act": "assign", "quote": "could you write down", "due": None}
        for place in set_in
    ]
    invented = {name: word(f"an invented {name} of Anthropic's") for name in ("speaker", "act", "quote", "due")}
    # The true one last: a turn bears one act, so each invention is checked for what it is.
    return {"acts": [*({**act, name: told} for act in acts for name, told in invented.items()), *acts]}
