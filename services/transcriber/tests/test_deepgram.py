"""Deepgram through its own SDK, against a server that speaks its wire format and has bad days to order."""

import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from libs.common.errors import RATE_LIMITED, UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError, ProblemType
from libs.common.messaging.backoff import TRIES_MAX
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.deepgram import KEY, DeepgramFake
from libs.devstack.vendors.faults import Fault, Faults
from services.transcriber.checkpoints import Unkept
from services.transcriber.domain import Speech
from services.transcriber.ports import Audio
from services.transcriber.tests.recordings import BrokenRecording, Recording
from services.transcriber.vendors.deepgram import ANSWER_MAX_BYTES, DeepgramAccess, DeepgramSpeechToText

CANARY = "canary-of-the-vendor"


class World:
    """A fake Deepgram and the real SDK that talks to it."""

    def __init__(self, url: str, faults: Faults) -> None:
        self.url = url
        self.faults = faults
        self.vendor = self.reached_with(KEY)

    def reached_with(self, key: str, stall_s: float = 30.0) -> DeepgramSpeechToText:
        return DeepgramSpeechToText(DeepgramAccess(key, self.url, stall_s=stall_s, deadline_s=60))

    async def hear(self, recording: Recording) -> Speech:
        return await self.vendor.transcribe(Audio(recording, "audio/mpeg", "en", 12.0), lambda _: None, Unkept())

    async def refusal(self) -> AppError:
        with pytest.raises(AppError) as caught:
            await self.hear(Recording(b"x" * 1000))
        return caught.value


@pytest.fixture
def url() -> Iterator[tuple[str, Faults]]:
    faults = Faults(DeepgramFake().app())
    with serve(faults) as address:
        yield address, faults


@pytest.fixture
async def world(url: tuple[str, Faults]) -> AsyncIterator[World]:
    made = World(*url)
    yield made
    await made.vendor.close()


async def test_a_recording_becomes_words_with_voices(world: World) -> None:
    speech = await world.hear(Recording(b"sound"))

    assert [word.text for word in speech.words[:3]] == ["Hello,", "what", "would"]
    assert {word.voice for word in speech.words} == {0, 1}
    assert (speech.language, speech.source.vendor, speech.source.model) == ("en", "deepgram", "nova-3")


async def test_the_recording_is_never_left_to_train_models(world: World) -> None:
    await world.hear(Recording(b"sound"))

    asked = parse_qs(world.faults.requests[0].query)

    assert asked["mip_opt_out"] == ["true"]
    assert (asked["model"], asked["diarize_model"], asked["utterances"]) == (["nova-3"], ["latest"], ["true"])
    assert "diarize" not in asked


async def test_every_byte_of_the_recording_arrives(world: World) -> None:
    content = bytes(range(256)) * 4096

    await world.hear(Recording(content))

    assert world.faults.requests[0].body == content


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (400, UPSTREAM_REFUSED),
        (401, UPSTREAM_REFUSED),
        (402, UPSTREAM_REFUSED),
        (408, UPSTREAM_FAILED),
        (413, UPSTREAM_REFUSED),
        (429, RATE_LIMITED),
        (500, UPSTREAM_FAILED),
        (503, UPSTREAM_FAILED),
    ],
)
async def test_each_refusal_says_whether_to_try_again_and_nothing_of_the_vendors_text(
    world: World, status: int, problem: ProblemType
) -> None:
    world.faults.order(Fault(status=status, body={"err_code": "X", "err_msg": CANARY}))

    error = await world.refusal()

    assert error.problem is problem
    assert CANARY not in f"{error.detail} {error.facts} {error}"
    assert error.__cause__ is None
    assert len(world.faults.requests) == 1


async def test_a_limit_says_how_long_to_wait(world: World) -> None:
    world.faults.order(Fault(status=429, retry_after_s=7))

    assert (await world.refusal()).retry_after_s == 7


async def test_an_outage_says_how_long_to_wait_too(world: World) -> None:
    world.faults.order(Fault(status=503, retry_after_s=90))

    assert (await world.refusal()).retry_after_s == 90


async def test_a_short_wait_that_an_outage_names_is_not_believed(world: World) -> None:
    world.faults.order(Fault(status=503, retry_after_s=0))

    assert ((await world.refusal()).retry_after_s or 0) >= 30


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_three_waits_for_a_vendor_that_says_nothing_outlast_a_minute(world: World, status: int) -> None:
    world.faults.order(Fault(status=status))

    error = await world.refusal()

    assert (TRIES_MAX - 1) * (error.retry_after_s or 0) > 60


async def test_a_recording_that_is_too_large_is_no_question_of_the_key(world: World) -> None:
    world.faults.order(Fault(status=413))

    assert "size" in (await world.refusal()).detail


async def test_a_wrong_key_is_for_an_operator_and_not_tried_again(world: World) -> None:
    world.vendor = world.reached_with("wrong")

    error = await world.refusal()

    assert error.problem is UPSTREAM_REFUSED
    assert not error.problem.retryable


@pytest.mark.parametrize(
    "fault", [Fault(latency_s=3), Fault(stall_after_bytes=40), Fault(cut_after_bytes=40)], ids=["slow", "stall", "cut"]
)
async def test_a_stalled_or_cut_answer_may_be_tried_again(world: World, fault: Fault) -> None:
    world.faults.order(fault)
    world.vendor = world.reached_with(KEY, stall_s=0.5)

    error = await world.refusal()

    assert error.problem is UPSTREAM_FAILED
    assert error.problem.retryable


@pytest.mark.parametrize("body", [{}, {"metadata": {"duration": 3}, "results": {"channels": []}}])
async def test_an_answer_of_another_shape_is_no_empty_transcript_and_not_bought_again(
    world: World, body: dict[str, object]
) -> None:
    world.faults.order(Fault(status=200, body=body))

    problem = (await world.refusal()).problem

    assert problem is UPSTREAM_REFUSED
    assert not problem.retryable


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b" " * (ANSWER_MAX_BYTES + 1)],
    ids=["empty", "cut", "no text", "too deep", "a long number", "too large"],
)
async def test_an_answer_that_cannot_be_read_is_not_bought_again(raw: bytes) -> None:
    problem = (await _refusal_of(raw)).problem

    assert problem is UPSTREAM_REFUSED


async def test_a_word_behind_the_end_of_the_recording_is_not_believed() -> None:
    problem = (await _refusal_of(_one_word(start=59.0, end=60.0))).problem

    assert problem is UPSTREAM_REFUSED


async def test_no_character_that_no_database_takes_is_heard(world: World) -> None:
    world.faults.order(Fault(status=200, body=json.loads(_one_word(word="a\0b"))))

    (heard,) = (await world.hear(Recording(b"sound"))).words

    assert heard.text == "ab"


async def test_a_word_that_ends_before_it_begins_keeps_its_place(world: World) -> None:
    word = {"word": "so", "start": 2.0, "end": 1.0, "confidence": 1.0, "speaker": 0}
    results = {"channels": [{}], "utterances": [{"words": [word]}]}
    world.faults.order(Fault(status=200, body={"metadata": {"duration": 3}, "results": results}))

    (heard,) = (await world.hear(Recording(b"sound"))).words

    assert (heard.start_s, heard.end_s) == (2.0, 2.0)


async def test_after_a_failure_the_whole_recording_is_sent_again(world: World) -> None:
    world.faults.order(Fault(status=500))
    recording = Recording(b"sound" * 1000)
    with pytest.raises(AppError):
        await world.hear(recording)

    await world.hear(recording)

    assert recording.read_times == 2
    assert world.faults.requests[1].body == b"sound" * 1000


async def test_an_error_of_the_object_store_stays_what_it_is(world: World) -> None:
    broken = BrokenRecording(lambda: AppError(UPSTREAM_FAILED, "The object store is not answering."))

    with pytest.raises(AppError) as caught:
        await world.vendor.transcribe(Audio(broken, "audio/mpeg", "en"), lambda _: None, Unkept())

    assert caught.value.detail == "The object store is not answering."


async def test_a_language_that_was_heard_is_told() -> None:
    speech = await _heard_in("es")

    assert speech.language == "es"
    assert speech.language_confidence > 0.9


async def test_a_language_that_is_none_was_not_heard_and_travels_no_further() -> None:
    speech = await _heard_in("en-x-johnsmit")

    assert (speech.language, speech.language_confidence) == ("en", 0.0)


async def test_an_answer_of_words_in_the_place_of_numbers_is_quoted_by_no_warning(
    world: World, recwarn: pytest.WarningsRecorder
) -> None:
    words = [{"word": "so", "start": "Johnsmit", "end": 1.0, "confidence": 1.0}]
    results = {"channels": [{}], "utterances": [{"words": words}]}
    world.faults.order(Fault(status=200, body={"metadata": {"duration": 3}, "results": results}))

    problem = (await world.refusal()).problem

    assert problem is UPSTREAM_REFUSED
    assert [warning for warning in recwarn if "Johnsmit" in str(warning.message)] == []


async def _heard_in(language: str) -> Speech:
    with serve(DeepgramFake(language=language).app()) as url:
        vendor = DeepgramSpeechToText(DeepgramAccess(KEY, url))
        speech = await vendor.transcribe(Audio(Recording(b"sound"), "audio/mpeg", "en"), lambda _: None, Unkept())
        await vendor.close()
        return speech


def _one_word(**changed: object) -> bytes:
    word = {"word": "so", "start": 0.5, "end": 1.0, "confidence": 0.9, "speaker": 0} | changed
    results = {"channels": [{}], "utterances": [{"words": [word]}]}
    return json.dumps({"metadata": {"duration": 10.0}, "results": results}).encode()


async def _refusal_of(raw: bytes) -> AppError:
    """Return what becomes of an answer of these bytes."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            while (await receive()).get("more_body"):
                pass
            await Response(raw, media_type="application/json")(scope, receive, send)

    with serve(answered) as url:
        vendor = DeepgramSpeechToText(DeepgramAccess(KEY, url))
        with pytest.raises(AppError) as caught:
            await vendor.transcribe(Audio(Recording(b"sound"), "audio/mpeg", "en"), lambda _: None, Unkept())
        await vendor.close()
    return caught.value
