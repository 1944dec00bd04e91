"""A session is spoken of with the date that the patient's own calendar showed."""

from datetime import date

import pytest

from tests.e2e.client import FIRST, World

QUESTION = "What homework did we agree on in the session on {}?"


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_session_of_an_evening_in_new_york_is_of_that_day_there_and_of_the_next_in_tokyo(
    world: World,
) -> None:
    await world.consents()
    async with world.http() as http:
        await http.patch("/api/v1/organization", json={"time_zone": "America/New_York"})
        await world.settled(await world.uploads(FIRST, "2026-09-08T20:30:00-04:00"), "ready")

        here = await world.gateway.ask(world.patient_id, QUESTION.format("8 September 2026"))
        await http.patch(f"/api/v1/users/{world.patient_id}", json={"time_zone": "Asia/Tokyo"})
        there = await world.gateway.ask(world.patient_id, QUESTION.format("9 September 2026"))
        kept = (await http.get(f"/api/v1/conversations/{here.conversation_id}/messages")).json()["data"][-1]
        days = {"date_from": "2026-09-08", "date_to": "2026-09-08"}
        listed = [(await http.get("/api/v1/sessions", params=days)).json()["data"]]
        listed.append(
            (await http.get("/api/v1/sessions", params=days | {"patient_id": world.patient_id})).json()["data"]
        )

    assert "8 September 2026" in here.response
    assert {source.session_day for source in here.sources} == {date(2026, 9, 8)}
    assert "9 September 2026" in there.response
    assert {source.session_day for source in there.sources} == {date(2026, 9, 9)}
    assert {source["session_day"] for source in kept["sources"]} == {"2026-09-08"}
    assert [len(rows) for rows in listed] == [1, 0]
