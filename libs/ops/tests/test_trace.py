"""`therapyrag trace` and `sessions stuck`: a session's life drawn, and what holds it up named."""

import json

import pytest

from libs.ops.tests.events_world import ALL_PURPOSES, Case, World


def _life(world: World, status: str = "transcribing", age_s: float = 3600) -> Case:
    case = world.case(*ALL_PURPOSES, status=status)
    world.fact("ingestion", "session.status_changed", case, status=status, age_s=age_s)
    return case


def test_a_session_is_traced_across_services_with_the_time_each_group_took(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    uploaded = world.uploaded(case, age_s=30)
    world.applied("transcriber", uploaded)
    ready = world.fact("transcriber", "transcript.ready", case, age_s=5)
    world.applied("ingestion", ready)
    world.dead(ready, "embedder", "upstream-failed")

    traced = world.json("trace", case.session_id)
    drawn = world.types("trace", case.session_id).stdout

    first, second = traced["facts"]
    (transcriber,) = first["answers"]
    answers = {answer["group"]: (answer["state"], answer["why"]) for answer in second["answers"]}

    assert (transcriber["group"], transcriber["state"]) == ("transcriber", "applied")
    assert 29_000 <= transcriber["took_ms"] < 60_000
    assert 24_000 <= second["offset_ms"] <= 26_000
    assert answers == {"embedder": ("dead", "upstream-failed"), "ingestion": ("applied", None)}
    assert "━" in drawn
    assert "2 facts in" in drawn
    assert "answers still to come: 1" in drawn


def test_a_parked_answer_says_when_it_is_tried_again(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    uploaded = world.uploaded(case)
    world.redis.zadd("{recording}:z:transcriber", {"s:1-0": 4_000_000_000_000})
    body = json.dumps({"d": uploaded.to_json(), "n": "3", "e": "0"})
    world.redis.hset("{recording}:zp:transcriber", "s:1-0", body)

    (fact,) = world.json("trace", case.session_id)["facts"]

    (answer,) = fact["answers"]

    assert (answer["state"], answer["attempt"]) == ("parked", 3)
    assert answer["due"].startswith("2096-")


def test_a_session_nobody_knows_is_a_failure(world: World) -> None:
    assert world.types("trace", "01a20000-0000-7000-8000-000000000000").exit_code == 1


def _stuck(world: World, case: Case) -> dict[str, object]:
    rows = world.json("sessions", "stuck", "--older", "15m", "--most", 1000)
    return next(row for row in rows if row["session_id"] == str(case.session_id))


@pytest.mark.parametrize("place", ["unpublished", "waiting", "vendor", "parked", "dead", "nowhere"])
def test_a_stuck_session_says_where_it_hangs(world: World, place: str) -> None:
    case = _life(world)
    event = world.uploaded(case, age_s=3600)
    if place in ("waiting", "vendor"):
        world.published(event, "transcriber")
    if place == "vendor":
        world.redis.xreadgroup("transcriber", "c", {"{recording}:s": ">"})
    if place == "parked":
        body = json.dumps({"d": event.to_json(), "n": "2", "e": "0"})
        world.redis.zadd("{recording}:z:transcriber", {"s:1-0": 4_000_000_000_000})
        world.redis.hset("{recording}:zp:transcriber", "s:1-0", body)
    if place == "dead":
        world.dead(event, "transcriber", "poison-message")
    if place == "nowhere":
        world.relayed(event)

    row = _stuck(world, case)

    assert (row["hangs"], row["group"], row["event_id"]) == (place, "transcriber", str(event.id))
    assert row["why"] == ("poison-message" if place == "dead" else None)
    assert str(row["next"]) != ""


def test_a_session_whose_facts_are_all_answered_and_still_is_not_final_hangs_on_no_answer(world: World) -> None:
    case = _life(world)
    world.applied("transcriber", world.uploaded(case, age_s=3600))

    assert _stuck(world, case)["hangs"] == "no answer"


@pytest.mark.parametrize(("status", "age_s"), [("ready", 3600), ("failed", 3600), ("withheld", 3600), ("uploaded", 60)])
def test_a_session_that_has_ended_or_is_young_is_not_stuck(world: World, status: str, age_s: float) -> None:
    case = _life(world, status, age_s)

    rows = world.json("sessions", "stuck", "--older", "15m", "--most", 1000)

    assert str(case.session_id) not in {row["session_id"] for row in rows}


def test_an_erased_session_is_not_stuck(world: World) -> None:
    case = _life(world)
    world.admin.execute("delete from ingestion.session where session_id = %s", (case.session_id,))

    rows = world.json("sessions", "stuck", "--older", "15m", "--most", 1000)

    assert str(case.session_id) not in {row["session_id"] for row in rows}
