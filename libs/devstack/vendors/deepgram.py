"""A server that answers as Deepgram's pre-recorded speech-to-text does, shapes as the SDK's own models read them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "fake-deepgram-key"
WORD_S = 0.3
PAUSE_S = 0.5
REQUEST_ID = "00000000-0000-4000-8000-000000000000"
MODEL_ID = "40bd3654-e622-47c4-a111-63a61b23bfe8"

Turn = tuple[int, str]
"""Which speaker (from 0) says which words."""

DIALOGUE: tuple[Turn, ...] = (
    (0, "Hello, what would you like to talk about today?"),
    (1, "I don't sleep well. I wake up at three and my thoughts don't stop."),
    (0, "That sounds hard for you. What do you do when you wake up?"),
    (1, "I look at my phone, and then I can't fall asleep because I worry."),
)


@dataclass(frozen=True)
class DeepgramFake:
    """The vendor: which key it takes and what it hears in any sound. `app` is ASGI, to be wrapped in `Faults`."""

    key: str = KEY
    dialogue: Sequence[Turn] = DIALOGUE
    language: str = "en"

    def app(self) -> Starlette:
        """Return the app; its address is the SDK's `base`."""
        return Starlette(routes=[Route("/v1/listen", self._listen, methods=["POST"])])

    async def _listen(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Token {self.key}":
            return problem(401, "INVALID_AUTH", "Invalid credentials.")
        digest, size = hashlib.sha256(), 0
        # By the piece, as it is sent: it may be larger than what a test should hold.
        async for block in request.stream():
            digest.update(block)
            size += len(block)
        if not size:
            return problem(400, "Bad Request", "Bad Request: failed to process audio: corrupt or unsupported data")
        utterances = list(_utterances(self.dialogue))
        # The digest of what came is in the answer, as with the vendor: a test sees that all bytes arrived.
        answer = _answer(utterances, digest.hexdigest(), request.query_params.get("model", "base"))
        # Only what was asked for, as the vendor does: a client that forgets an option has to notice.
        if request.query_params.get("detect_language") == "true":
            answer["results"]["channels"][0] |= {"detected_language": self.language, "language_confidence": 0.99}
        if request.query_params.get("utterances") == "true":
            answer["results"]["utterances"] = utterances
        return JSONResponse(answer)


def problem(status: int, code: str, message: str) -> Response:
    """Return an error in the vendor's shape."""
    body = {"err_code": code, "err_msg": message, "request_id": REQUEST_ID}
    return JSONResponse(body, status_code=status)


def _utterances(dialogue: Sequence[Turn]) -> Iterator[dict[str, Any]]:
    at = PAUSE_S
    for number, (speaker, text) in enumerate(dialogue):
        words = []
        for word in text.split():
            words.append(_word(word, at, speaker))
            at += WORD_S
        yield {
            "start": words[0]["start"],
            "end": words[-1]["end"],
            "confidence": 0.97,
            "channel": 0,
            "transcript": text,
            "words": words,
            "speaker": speaker,
            "id": f"00000000-0000-4000-9000-{number:012d}",
        }
        at += PAUSE_S


def _word(text: str, start: float, speaker: int) -> dict[str, Any]:
    return {
        "word": text.strip(".,?!").lower(),
        "start": round(start, 3),
        "end": round(start + WORD_S, 3),
        "confidence": 0.97,
        "speaker": speaker,
        "speaker_confidence": 0.9,
        "punctuated_word": text,
    }


def _answer(utterances: Sequence[dict[str, Any]], sha256: str, model: str) -> dict[str, Any]:
    words = [word for utterance in utterances for word in utterance["words"]]
    alternative = {
        "transcript": " ".join(utterance["transcript"] for utterance in utterances),
        "confidence": 0.97,
        "words": words,
    }
    return {
        "metadata": {
            "transaction_key": "deprecated",
            "request_id": REQUEST_ID,
            "sha256": sha256,
            "created": "2026-11-24T12:00:00.000Z",
            "duration": words[-1]["end"] + PAUSE_S if words else 1.0,
            "channels": 1,
            "models": [MODEL_ID],
            "model_info": {MODEL_ID: {"name": f"general-{model}", "version": "2026-01-01.0", "arch": model}},
            "diarize_info": {"model_uuid": MODEL_ID, "arch": "v2"},
        },
        "results": {"channels": [{"alternatives": [alternative]}]},
    }
