"""`therapyrag dlq`: dead letters listed by reason, given out again once, thrown away by age; each written down."""

import pytest

from libs.ops.tests.events_world import ALL_PURPOSES, SECRET_WORD, World


def test_dead_letters_are_listed_with_their_reasons_and_without_words(world: World) -> None:
    event = world.uploaded(world.case(*ALL_PURPOSES))
    entry = world.dead(event, "transcriber", "upstream-failed")

    (row,) = world.json("dlq", "list", "--group", "transcriber")
    printed = world.types("dlq", "list").output + world.types("dlq", "show", entry).output

    assert (row["entry"], row["event_id"], row["why"], row["attempts"]) == (entry, str(event.id), "upstream-failed", 4)
    assert "upstream-failed" in printed
    assert SECRET_WORD not in printed
    assert event.headers["capability"] not in printed


def test_a_letter_is_shown_by_the_events_id_or_the_entrys(world: World) -> None:
    event = world.uploaded(world.case(*ALL_PURPOSES))
    entry = world.dead(event, "transcriber")

    by_event, by_entry = world.json("dlq", "show", event.id), world.json("dlq", "show", entry)

    assert by_event == by_entry
    assert by_event[0]["event"]["type"] == "recording.uploaded"
    assert world.types("dlq", "show", "1-1").exit_code == 1


@pytest.mark.parametrize("deed", ["redrive", "drop"])
def test_a_deed_on_dead_letters_is_a_plan_until_it_is_executed(world: World, deed: str) -> None:
    world.dead(world.uploaded(world.case(*ALL_PURPOSES)), "transcriber")
    before = world.state()

    plan = world.json("dlq", deed, "--all")

    assert (plan["dead_letters"], plan["by_reason"], plan["executed"]) == (
        1,
        {"recording/transcriber internal": 1},
        False,
    )
    assert world.state() == before
    assert world.record(f"dlq.{deed}") == []


@pytest.mark.parametrize("deed", ["redrive", "drop"])
@pytest.mark.parametrize("flags", [(), ("--all", "--why", "internal")])
def test_a_deed_says_which_letters_or_all_but_not_both(world: World, deed: str, flags: tuple[str, ...]) -> None:
    assert world.types("dlq", deed, *flags, "--execute").exit_code == 2


def test_a_letter_is_given_out_again_once_as_a_first_attempt_in_its_epoch(world: World) -> None:
    event = world.uploaded(world.case(*ALL_PURPOSES))
    world.dead(event, "transcriber")

    first = world.json("dlq", "redrive", "--id", event.id, "--execute", "--as", "ada")
    second = world.json("dlq", "redrive", "--id", event.id, "--execute", "--as", "ada")

    sent = world.sent_to("recording", "transcriber")
    left = world.json("dlq", "list")
    states = [(state, arguments["ids"], counts) for state, _, arguments, counts in world.record("dlq.redrive")]

    assert (first["redriven"], second["redriven"]) == (1, 0)
    assert sent == [{"id": str(event.id), "attempt": 1, "epoch": 0}]
    assert left == []
    assert states[:2] == [
        ("begun", [str(event.id)], {}),
        ("done", [str(event.id)], {"found": 1, "redriven": 1}),
    ]


def test_the_plan_warns_of_letters_that_would_die_again_because_their_capability_has_expired(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    world.dead(world.uploaded(case, lives_s=-5), "transcriber", "unauthenticated")
    world.dead(world.uploaded(case), "transcriber", "internal")

    plan = world.json("dlq", "redrive", "--all")

    assert (plan["dead_letters"], plan["expired"]) == (2, 1)
    assert "would die again" in world.types("dlq", "redrive", "--all").stdout


def test_only_letters_of_a_reason_are_given_out_again(world: World) -> None:
    kept, wanted = world.uploaded(world.case(*ALL_PURPOSES)), world.uploaded(world.case(*ALL_PURPOSES))
    world.dead(kept, "transcriber", "poison-message")
    world.dead(wanted, "transcriber", "upstream-failed")

    world.json("dlq", "redrive", "--why", "upstream-failed", "--execute")

    assert [sent["id"] for sent in world.sent_to("recording", "transcriber")] == [str(wanted.id)]
    assert [row["event_id"] for row in world.json("dlq", "list")] == [str(kept.id)]


def test_only_dead_letters_older_than_that_are_dropped(world: World) -> None:
    old, new = world.uploaded(world.case(*ALL_PURPOSES)), world.uploaded(world.case(*ALL_PURPOSES))
    world.dead(old, "transcriber", age_s=7200)
    world.dead(new, "transcriber")

    done = world.json("dlq", "drop", "--older", "1h", "--execute")

    assert done == {"found": 1, "dropped": 1}
    assert [row["event_id"] for row in world.json("dlq", "list")] == [str(new.id)]
    assert world.sent_to("recording", "transcriber") == []


def test_a_letter_nobody_can_read_is_listed_and_can_be_dropped(world: World) -> None:
    world.redis.xadd("{recording}:dlq:transcriber", {"d": "not json", "_why": "unreadable-event"})

    (row,) = world.json("dlq", "list")
    done = world.json("dlq", "drop", "--id", row["entry"], "--execute")

    assert (row["why"], row["event_id"]) == ("unreadable-event", None)
    assert done["dropped"] == 1


def test_what_cannot_be_written_down_is_not_done(world: World) -> None:
    event = world.uploaded(world.case(*ALL_PURPOSES))
    world.dead(event, "transcriber")
    world.admin.execute("revoke insert on ops.action from svc_ops")
    before = world.state()

    try:
        result = world.types("dlq", "redrive", "--all", "--execute")
    finally:
        world.admin.execute("grant insert on ops.action to svc_ops")

    assert result.exit_code == 3
    assert "forbidden" in result.stderr
    assert world.state() == before


def test_the_record_of_actions_is_shown_and_cannot_be_changed_by_anybody(world: World) -> None:
    world.json("dlq", "drop", "--why", "internal", "--execute", "--as", "ada")

    rows = world.json("actions", "list", "--last", "2")

    assert [(row["state"], row["who"], row["what"]) for row in rows] == [
        ("begun", "ada", "dlq.drop"),
        ("done", "ada", "dlq.drop"),
    ]
    for statement in ("update ops.action set who = 'eve'", "delete from ops.action", "truncate ops.action"):
        with pytest.raises(Exception, match="append-only"):
            world.admin.execute(statement.encode())
