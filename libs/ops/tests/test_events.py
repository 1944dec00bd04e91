"""`therapyrag events tail|show|lag|rebuild` and `outbox status` on real PostgreSQL and Valkey."""

import json
import threading

import pytest
from typer.testing import CliRunner

from libs.devstack.conditions import block_until
from libs.ops.main import app
from libs.ops.rest.connection import Connection
from libs.ops.tests.events_world import ALL_PURPOSES, SECRET_WORD, World


def test_tail_prints_the_facts_of_a_session_in_order_as_json_lines(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    first = world.uploaded(case, age_s=60)
    second = world.fact("transcriber", "transcription.started", case, attempt=1, age_s=30)

    result = world.types("events", "tail", "--session", case.session_id, "--json")

    rows = [json.loads(line) for line in result.stdout.splitlines()]

    assert [(row["id"], row["service"]) for row in rows] == [
        (str(first.id), "ingestion"),
        (str(second.id), "transcriber"),
    ]
    assert rows[0]["payload"]["size_bytes"] == 7


@pytest.mark.parametrize("words", [("events", "tail", "--session"), ("trace",)])
def test_what_is_shown_holds_no_capability_and_nothing_that_reads_like_a_sentence(
    world: World, words: tuple[str, ...]
) -> None:
    case = world.case(*ALL_PURPOSES)
    event = world.uploaded(case)
    token = event.headers["capability"]

    shown = [
        world.types(*words, case.session_id, *flags).output + world.types("events", "show", event.id, *flags).output
        for flags in ((), ("--json",))
    ]

    assert all(SECRET_WORD not in text and token not in text and token[-64:] not in text for text in shown)
    assert "redacted" in shown[1]


def test_tail_follows_what_is_written_from_then_on(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    timer = threading.Timer(1.0, lambda: world.uploaded(case))
    timer.start()

    result = world.types("events", "tail", "--session", case.session_id, "--follow", "--for", 3, "--json")
    timer.join()

    assert result.exit_code == 0
    assert [json.loads(line)["type"] for line in result.stdout.splitlines()] == ["recording.uploaded"]


def test_show_tells_who_has_applied_an_event_and_where_it_is_for_the_others(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    event = world.fact("transcriber", "transcript.ready", case)
    world.published(event, "embedder", "ingestion")
    world.applied("ingestion", event)

    shown = world.json("events", "show", event.id)

    groups = {row["group"]: row for row in shown["groups"]}

    assert groups["embedder"]["in_stream"]["state"] == "waiting"
    assert [note["epoch"] for note in groups["ingestion"]["applied"]] == [0]


def test_an_event_that_does_not_exist_is_a_failure_in_words(world: World) -> None:
    result = world.types("events", "show", "01a20000-0000-7000-8000-000000000000")

    assert result.exit_code == 1
    assert "not-found" in result.stderr


def test_lag_counts_what_waits_what_is_worked_on_what_is_parked_and_what_is_dead(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    first, second = world.uploaded(case), world.uploaded(case)
    world.published(first, "transcriber")
    world.published(second)
    world.redis.xreadgroup("transcriber", "c", {"{recording}:s": ">"}, count=1)
    world.redis.zadd("{recording}:z:transcriber", {"s:1-0": 1})
    world.dead(first, "transcriber")

    (row,) = world.json("events", "lag", "--topic", "recording")

    assert (row["group"], row["lag"], row["pending"], row["parked"], row["dead"]) == ("transcriber", 1, 1, 1, 1)
    assert row["oldest_pending_s"] >= 0


def test_rebuild_shows_what_it_would_publish_and_changes_nothing(world: World) -> None:
    world.uploaded(world.case(*ALL_PURPOSES))
    before = world.state()

    plan = world.json("events", "rebuild", "--topic", "recording")

    (stream,) = [row for row in plan["streams"] if row["stream"] == "recording"]

    assert (stream["cursor_state"], plan["executed"]) == ("missing", False)
    assert stream["rows"] >= 1
    assert world.state() == before
    assert world.record("events.rebuild") == []


def test_a_lost_cursor_is_set_to_the_beginning_and_written_down(world: World) -> None:
    world.uploaded(world.case(*ALL_PURPOSES))

    done = world.json("events", "rebuild", "--topic", "recording", "--execute", "--as", "ada")

    cursor = world.redis.get("{recording}:cur")

    assert done["executed"]
    assert str(cursor).endswith(":0:0")
    assert [(state, who) for state, who, _, _ in world.record("events.rebuild")] == [("begun", "ada"), ("done", "ada")]
    assert world.json("events", "rebuild", "--topic", "recording")["streams"] == []


@pytest.mark.parametrize(
    ("cursor", "state"), [("1:5:5", "of another database"), ("{sysid}:999999999999:1", "in the future")]
)
def test_a_cursor_that_cannot_be_of_this_database_is_set_back(world: World, cursor: str, state: str) -> None:
    world.uploaded(world.case(*ALL_PURPOSES))
    (sysid,) = world.admin.execute("select system_identifier::text from pg_control_system()").fetchone() or ("",)
    world.redis.set("{recording}:cur", cursor.format(sysid=sysid))

    done = world.json("events", "rebuild", "--topic", "recording", "--execute")

    assert done["streams"][0]["cursor_state"] == state
    assert world.redis.get("{recording}:cur") == f"{sysid}:0:0"


def test_a_cursor_can_be_set_back_to_a_time(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    world.uploaded(case, age_s=7200)
    newer, newest = world.uploaded(case), world.uploaded(case)
    world.relayed(newest)
    before = world.redis.get("{recording}:cur")

    done = world.json("events", "rebuild", "--topic", "recording", "--since", "30m", "--execute")

    world.relayed(newer)
    _, xid, seq = str(world.redis.get("{recording}:cur")).split(":")
    _, new_xid, new_seq = done["streams"][0]["new_cursor"].split(":")

    assert done["streams"][0]["rows"] >= 2
    assert (int(new_xid), int(new_seq)) < (int(xid), int(seq))
    assert before != done["streams"][0]["new_cursor"]


def test_the_outbox_status_names_what_is_not_published(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    published = world.uploaded(case)
    world.relayed(published)
    world.uploaded(case, age_s=120)
    world.uploaded(case)

    status = world.json("outbox", "status")

    (recording,) = [row for row in status["topics"] if row["stream"] == "recording"]

    assert (recording["cursor_state"], recording["unpublished"]) == ("in order", 2)
    assert recording["oldest_unpublished_s"] >= 119
    assert {row["service"] for row in status["schemas"]} >= {"ingestion", "transcriber"}
    assert status["oldest_write_transaction_s"] >= 0


def test_the_oldest_transaction_that_has_written_is_seen_whosever_it_is(world: World) -> None:
    with world.admin.transaction():
        world.admin.execute("select pg_current_xact_id()")

        def age_s() -> float:
            return float(world.json("outbox", "status")["oldest_write_transaction_s"])

        block_until(lambda: age_s() >= 1.0, every_s=0.1)

        assert age_s() >= 1.0


def test_without_the_addresses_of_the_stores_a_command_says_what_to_set() -> None:
    result = CliRunner().invoke(app, ["events", "lag"], obj=Connection("http://nowhere.invalid"))

    assert result.exit_code == 2
    assert "OPS_DATABASE_URL" in result.stderr
