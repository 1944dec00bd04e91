"""The main job over HTTP: consent, upload, transcription with speakers, index, a cited answer, a revocation."""

import pytest

from libs.contracts.purposes import Purpose
from libs.ops.rest.client import RefusedError
from tests.e2e.client import FIRST, World, eventually

QUESTION = "What homework did we agree on?"


@pytest.fixture
async def ready(world: World) -> str:
    """An organization's session that went all the way."""
    await world.consents()
    session_id = await world.uploads(FIRST)
    await world.settled(session_id, "ready")
    return session_id


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_recorded_session_becomes_words_of_two_speakers_and_a_cited_answer_until_consent_ends(
    world: World, ready: str
) -> None:
    transcript = await world.gateway.transcript(ready)
    assert {segment.speaker for segment in transcript.segments} == {"therapist", "patient"}

    answer = await world.gateway.ask(world.patient_id, QUESTION)
    assert answer.grounded
    assert {source.session_id for source in answer.sources} == {ready}
    assert all(0 <= source.start_time < source.end_time for source in answer.sources)
    words = " ".join(segment.text for segment in transcript.segments)
    assert all(source.quote.strip(" .…") in words for source in answer.sources)

    analysis = next(c for c in await world.gateway.consents(world.patient_id) if c.consent_type == "ai_analysis")
    await world.gateway.revoke(analysis.id)

    with pytest.raises(RefusedError) as refused:
        await world.gateway.ask(world.patient_id, QUESTION)
    assert (refused.value.problem.status, refused.value.problem.slug) == (403, "consent-required")


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_without_consent_to_ai_analysis_there_are_words_for_the_therapist_and_nothing_in_the_index(
    world: World,
) -> None:
    await world.consents(Purpose.RECORDING, Purpose.TRANSCRIPTION)
    session_id = await world.uploads(FIRST)
    await world.settled(session_id, "withheld")

    transcript = await world.gateway.transcript(session_id)

    assert transcript.segments
    with pytest.raises(RefusedError) as refused:
        await world.gateway.ask(world.patient_id, QUESTION)
    assert refused.value.problem.slug == "consent-required"


async def test_without_consent_to_transcription_no_words_are_made(world: World) -> None:
    await world.consents(Purpose.RECORDING)
    session_id = await world.uploads(FIRST)

    session = await world.settled(session_id, "withheld")

    assert session.error_message
    with pytest.raises(RefusedError) as refused:
        await world.gateway.transcript(session_id)
    assert refused.value.problem.status == 404


async def test_an_upload_without_consent_is_refused_with_what_is_missing(world: World) -> None:
    with pytest.raises(RefusedError) as refused:
        await world.uploads(FIRST)

    assert (refused.value.problem.status, refused.value.problem.slug) == (403, "consent-required")
    assert await world.gateway.sessions() == []


async def test_an_upload_is_accepted_at_once_and_listed(world: World) -> None:
    await world.consents(Purpose.RECORDING)

    session_id = await world.uploads(FIRST)

    listed = await eventually(world.gateway.sessions, lambda sessions: len(sessions) == 1)

    assert listed[0].id == session_id
