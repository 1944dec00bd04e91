"""The demo succeeds only when everything it shows has really happened."""

import io
from typing import Any

import httpx
import pytest
from rich.console import Console

from libs.demo.figures import Spent, stages, summary, time_spent, verdict
from libs.demo.script import QUESTIONS, RECORDINGS, Sample
from libs.demo.story import Outcome, Story
from libs.demo.track import Track
from libs.demo.view import Board, View
from libs.ops.rest.client import Gateway
from libs.ops.rest.connection import Connection
from libs.ops.rest.wire import Session, Transcript
from libs.ops.tests.fake_gateway import KEY, SOURCE, FakeGateway

HONEST_REFUSAL = {"response": "I found nothing about that.", "sources": [], "grounded": False}


def _cites(session_id: str, quote: str) -> dict[str, Any]:
    return {"response": "You said:", "sources": [SOURCE | {"session_id": session_id, "quote": quote}], "grounded": True}


def _well_behaved() -> FakeGateway:
    """A gateway that answers each question of the demo from the session that holds the answer."""
    answers = {question.text: HONEST_REFUSAL for question in QUESTIONS}
    for number, question in enumerate(QUESTIONS[:-1], start=1):
        answers[question.text] = _cites(f"s{number}", question.any_of[0])
    return FakeGateway(answers=answers)


async def _play(gateway: FakeGateway, printed: io.StringIO | None = None) -> Outcome:
    view = View(Console(file=printed or io.StringIO(), force_terminal=False))
    async with Gateway(Connection("http://gateway", KEY, None, httpx.ASGITransport(gateway.app()))) as client:
        return await Story(client, view).play()


def _broken(outcome: Outcome) -> list[str]:
    return [claim.sentence for claim in outcome.claims if not claim.held]


async def test_the_demo_succeeds_and_shows_sources_with_date_place_speaker_and_relevance() -> None:
    printed = io.StringIO()

    outcome = await _play(_well_behaved(), printed)

    assert _broken(outcome) == []
    assert outcome.succeeded
    assert "2026-09-08  01:23  Therapist  relevance 0.71" in printed.getvalue()


async def test_a_gateway_that_ignores_consent_fails_the_demo() -> None:
    gateway = _well_behaved()
    gateway.obeys_consent = False

    outcome = await _play(gateway)

    assert {
        "before consent an upload is refused",
        "after revocation a question is refused",
        "after revocation an upload is refused",
    } <= set(_broken(outcome))


async def test_an_answer_from_the_wrong_session_fails_the_demo() -> None:
    gateway = _well_behaved()
    gateway.answers[QUESTIONS[1].text] = _cites("s3", "house")

    outcome = await _play(gateway)

    assert _broken(outcome) == ["an answer stands on the session of 2026-09-22"]


async def test_an_answer_without_the_fact_fails_the_demo() -> None:
    gateway = _well_behaved()
    gateway.answers[QUESTIONS[1].text] = _cites("s2", "We talked.")

    outcome = await _play(gateway)

    assert _broken(outcome) == ["an answer stands on the session of 2026-09-22"]


async def test_an_invented_answer_fails_the_demo() -> None:
    gateway = _well_behaved()
    gateway.answers[QUESTIONS[3].text] = _cites("s1", "It is a little high.")

    outcome = await _play(gateway)

    assert _broken(outcome) == ["what nobody said is not answered"]


async def test_a_session_that_fails_makes_the_demo_fail_and_says_why() -> None:
    gateway = _well_behaved()
    gateway.statuses = ["uploaded", "failed"]
    printed = io.StringIO()

    outcome = await _play(gateway, printed)

    assert not outcome.succeeded
    assert "The file cannot be read." in printed.getvalue()


def test_a_story_in_which_nothing_happened_has_not_succeeded() -> None:
    assert not Outcome().succeeded


async def test_the_figures_name_every_recording_and_every_claim() -> None:
    outcome = await _play(_well_behaved())
    console = Console(file=io.StringIO(), width=160)

    for table in (stages(outcome), summary(outcome, 3.0, 60.0), verdict(outcome)):
        console.print(table)

    printed = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above

    assert all(sample.file in printed for sample in RECORDINGS)
    assert printed.count("✔") == len(outcome.claims)


def _heard(sample: Sample, vendor: str, minutes: tuple[int, int, int, int]) -> Track:
    """A recording that entered the four statuses at these minutes past ten."""
    statuses = ("uploaded", "transcribing", "embedding", "ready")
    times = {status: f"2026-11-24T10:{minute:02}:00Z" for status, minute in zip(statuses, minutes, strict=True)}
    session = Session.model_validate(
        {"id": "s", "patient_id": "p", "status": "ready", "session_date": "2026-09-08", "stage_times": times}
    )
    words = {"session_id": "s", "segments": [], "source": {"vendor": vendor, "model": "m"}}
    return Track(sample, session=session, transcript=Transcript.model_validate(words))


def test_locally_a_recording_is_counted_from_when_the_one_before_was_done() -> None:
    first = _heard(RECORDINGS[0], "local", (0, 0, 2, 3))
    second = _heard(RECORDINGS[1], "local", (0, 0, 5, 6))

    spent = time_spent([second, first])

    assert spent[RECORDINGS[0].file] == Spent(0, 120, 60)
    assert spent[RECORDINGS[1].file] == Spent(120, 180, 60)


def test_a_vendor_hears_all_at_once() -> None:
    spent = time_spent([_heard(sample, "deepgram", (0, 0, 2, 3)) for sample in RECORDINGS])

    assert set(spent.values()) == {Spent(0, 120, 60)}


@pytest.mark.parametrize("stage", ["waiting", "uploading", "transcribing", "ready", "failed", "a-new-one"])
def test_the_board_draws_every_stage(stage: str) -> None:
    track = Track(RECORDINGS[0])
    track.enter(stage)
    console = Console(file=io.StringIO(), width=120)

    console.print(Board([track]).render())

    assert RECORDINGS[0].file in console.file.getvalue()  # type: ignore[attr-defined]
