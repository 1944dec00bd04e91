"""How far a session in progress is: waiting for its turn, or so many percent with the time its words are expected."""

from datetime import datetime, timedelta

from libs.common.clock import utc_now
from services.ingestion.tests.ingestion_world import World
from services.ingestion.tests.story import Story, shown


async def test_a_recording_that_waits_for_its_turn_says_so(at: World) -> None:
    session_id = await at.uploads()

    await at.happens(Story(at, session_id).started)

    progress = (await shown(at, session_id))["progress"]

    assert progress == {"stage": "waiting", "percent": 30, "transcript_expected_at": None}


async def test_a_transcription_says_how_far_it_is_and_when_its_words_are_expected(at: World) -> None:
    session_id = await at.uploads()
    story = Story(at, session_id)

    await at.happens(story.started, story.progressed(0.0), story.progressed(0.5, remaining_s=3600))

    progress = (await shown(at, session_id))["progress"]
    expected = datetime.fromisoformat(progress["transcript_expected_at"])

    assert (progress["stage"], progress["percent"]) == ("transcribing", 55)
    assert timedelta(minutes=59) < expected - utc_now() <= timedelta(hours=1)


async def test_progress_that_comes_late_changes_nothing(at: World) -> None:
    session_id = await at.uploads()
    story = Story(at, session_id)
    await at.happens(story.started, story.transcribed, story.indexed)

    await at.happens(story.progressed(0.9, remaining_s=60))

    assert (await shown(at, session_id))["progress"]["percent"] == 100
