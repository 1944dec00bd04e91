"""When a session was: what is accepted, what is kept of it, and that no row can keep others from being read."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from libs.common.clock import to_json_time, utc_now
from libs.devstack.infra import Infra
from services.ingestion.tests.ingestion_world import World

NEW_YORK = {"Time-Zone": "America/New_York"}
_CHECK = "session_session_date_readable"
_CHANGE = "update ingestion.session set session_date = %s where session_id = %s"


async def _listed(at: World, headers: dict[str, str] | None = None, **params: Any) -> list[str]:
    answer = await at.http.get("/sessions", params=params, headers=at.headers | (headers or {}))
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


def _makes_unreadable(infra: Infra, session_id: str, when: str) -> None:
    """Keep a time as the code of before let it in: the guard is away for this statement."""
    with psycopg.connect(infra.admin_url) as admin:
        asked = admin.execute("select pg_get_constraintdef(oid) from pg_constraint where conname = %s", [_CHECK])
        [(definition,)] = asked.fetchall()
        admin.execute(f"alter table ingestion.session drop constraint {_CHECK}")
        admin.execute(_CHANGE, [when, session_id])
        checked = f"add constraint {_CHECK} {definition.removesuffix(' NOT VALID')} not valid"
        admin.execute(f"alter table ingestion.session {checked}".encode())


@pytest.fixture
async def one(at: World) -> str:
    """A session of the eighth at half past eight in the evening, in New York."""
    return await at.uploads(at.form(fields={"session_date": "2026-09-08T20:30:00-04:00"}))


@pytest.mark.parametrize(
    "when",
    [
        "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31",
        "1899-12-31",
        "1899-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01",
        "2026-10-05T09:30:00",
        "2026-02-30",
        "1788879600",
        "infinity",
        "2027",
    ],
)
async def test_a_time_that_no_session_can_have_is_refused_and_nothing_else_suffers(at: World, when: str) -> None:
    await at.grants()

    refused = await at.sends(at.form(fields={"session_date": when}))

    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/body/session_date"]
    assert when not in refused.text
    assert await _listed(at) == []


async def test_a_session_is_not_more_than_a_day_ahead(at: World) -> None:
    await at.grants()
    ahead = utc_now() + timedelta(days=1, minutes=5)

    for when in (to_json_time(ahead), str((ahead + timedelta(days=1)).date())):
        refused = await at.sends(at.form(fields={"session_date": when}))
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/body/session_date"


async def test_a_bare_date_is_that_day_in_the_organizations_zone_and_is_kept_as_a_day(at: World) -> None:
    await at.grants()

    sent = await at.sends(at.form(fields={"session_date": "2026-09-08"}), headers=NEW_YORK)

    session = (await at.reads(f"/sessions/{sent.json()['session_id']}")).json()

    assert (session["session_day"], session["session_date"]) == ("2026-09-08", "2026-09-08T04:00:00.000Z")


async def test_an_instant_is_kept_as_an_instant(at: World, one: str) -> None:
    session = (await at.reads(f"/sessions/{one}")).json()

    assert (session["session_day"], session["session_date"]) == (None, "2026-09-09T00:30:00.000Z")


async def test_today_and_the_hours_ahead_of_us_are_accepted(at: World) -> None:
    await at.grants()
    ahead = utc_now() + timedelta(hours=23)

    for when in (to_json_time(ahead), str(utc_now().date()), "1900-01-01"):
        sent = await at.sends(at.form(fields={"session_date": when}), headers={"Time-Zone": "Asia/Tokyo"})
        assert sent.status_code == 202, when


@pytest.mark.parametrize(
    ("between", "zone", "found"),
    [
        (("2026-09-08", "2026-09-08"), "America/New_York", True),
        (("2026-09-09", None), "America/New_York", False),
        ((None, "2026-09-07"), "America/New_York", False),
        (("2026-09-09", "2026-09-09"), "UTC", True),
        ((None, "2026-09-08"), "UTC", False),
        (("2026-09-08T20:30:00-04:00", "2026-09-09T00:30:00Z"), "UTC", True),
        (("2026-09-09T00:30:00.000001Z", None), "UTC", False),
        (("0001-01-01", "9999-12-31"), "Asia/Tokyo", True),
        (("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"), "Asia/Tokyo", True),
    ],
)
async def test_a_list_is_narrowed_by_days_of_a_zone_and_by_instants(
    at: World, one: str, between: tuple[str | None, str | None], zone: str, found: bool
) -> None:
    params = {name: at_ for name, at_ in zip(("date_from", "date_to"), between, strict=True) if at_}

    assert await _listed(at, {"Time-Zone": zone}, **params) == [one] * found


async def test_a_day_is_that_day_whatever_the_zone_of_who_asks(at: World) -> None:
    await at.grants()
    sent = await at.sends(at.form(fields={"session_date": "2026-09-08"}), headers=NEW_YORK)
    session_id = sent.json()["session_id"]

    for zone in ("Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"):
        on = {"date_from": "2026-09-08", "date_to": "2026-09-08"}
        assert await _listed(at, {"Time-Zone": zone}, **on) == [session_id]
        assert await _listed(at, {"Time-Zone": zone}, date_from="2026-09-09") == []


@pytest.mark.parametrize("wrong", ["2026-09-08T15:00:00", "20260908", "9999-12-31T23:59:59-12:00"])
async def test_a_filter_by_a_time_that_is_none_is_refused_at_its_place(at: World, wrong: str) -> None:
    refused = await at.reads("/sessions", date_from=wrong)

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/query/date_from")


async def test_the_same_day_sent_again_is_the_same_session_after_the_zone_has_changed(at: World) -> None:
    await at.grants()
    form, key = at.form(fields={"session_date": "2026-09-08"}), {"Idempotency-Key": "one-upload"}

    first = await at.sends(form, headers=NEW_YORK | key)
    again = await at.sends(form, headers={"Time-Zone": "Asia/Tokyo"} | key)

    assert (again.status_code, again.json()) == (202, first.json())


@pytest.mark.parametrize("when", ["10000-01-01 11:59:59Z", "infinity", "0002-01-01 00:00:00Z BC"])
async def test_a_row_that_nobody_can_read_fails_no_page_and_can_be_erased(
    infra: Infra, at: World, one: str, when: str
) -> None:
    broken = await at.uploads()
    _makes_unreadable(infra, broken, when)

    listed = await _listed(at)
    read = await at.reads(f"/sessions/{broken}")
    erased = await at.erases(f"/sessions/{broken}")

    assert set(listed) == {one, broken}
    assert read.status_code == 200
    assert erased.status_code == 202
    assert await _listed(at) == [one]


@pytest.mark.parametrize("when", ["10000-01-01 11:59:59Z", "infinity", "-infinity", "0002-01-01 00:00:00Z BC"])
async def test_the_database_keeps_no_time_that_nobody_can_read(infra: Infra, one: str, when: str) -> None:
    with psycopg.connect(infra.admin_url) as admin, pytest.raises(psycopg.errors.CheckViolation):
        admin.execute(_CHANGE, [when, one])
