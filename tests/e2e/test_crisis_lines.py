"""Whom a patient in a crisis is told to call is the own organization's business, through the whole system."""

import pytest

from tests.e2e.client import World

OURS = {"country": "GB", "crisis_lines": [{"name": "Praxis Köln, on call", "contact": "020 7946 0142"}]}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_patient_in_a_crisis_is_told_the_lines_that_the_organization_has_set(world: World) -> None:
    asked = {"patient_id": world.patient_id, "message": "I want to kill myself"}
    async with world.http() as http:
        before = (await http.post("/api/v1/chat", json=asked)).json()
        await http.patch("/api/v1/organization", json=OURS)
        after = (await http.post("/api/v1/chat", json=asked)).json()

    assert ("own" in before["crisis_resources"], before["crisis_resources"]["call_or_text"]) == (False, "988")
    assert after["crisis_resources"]["own"] == OURS["crisis_lines"]
    assert after["crisis_resources"]["call_or_text"] == "116 123"
    assert "Praxis Köln, on call (020 7946 0142)" in after["response"]
    assert "988" not in after["response"]
