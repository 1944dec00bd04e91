"""`therapyrag dlq`: dead letters listed by reason, given out again once, thrown away by age; each written down."""

import pytest

from libs.ops.tests.events_world import ALL_PURPOSES, SECRET_WORD, World


def test_dead_letters_are_listed_with_their_reasons_and_without_words(desk: World) -> None:
    event = desk.uploaded(desk.case(*ALL_PURPOSES))
    entry = desk.dead(event, "transcriber", "upstream-failed")

    (row,) = desk.json("dlq", "list", "--group", "transcriber")
    printed = desk.types("dlq", "list").output + desk.types("dlq", "show", entry).output

    assert (row["entry"], row["event_id"], row["why"], row["attempts"]) == (entry, str(event.id), "upstream-failed", 4)
    assert "upstream-failed" in printed
    assert SECRET_WORD not in printed
    assert event.headers["capability"] not in printed


def test_a_letter_is_shown_by_the_events_id_or_the_entrys(desk: World) -> None:
    event = desk.uploaded(desk.case(*ALL_PURPOSES))
    entry = desk.dead(event, "transcriber")

    by_event, by_entry = desk.json("dlq", "show", event.id), desk.json("dlq", "show", entry)

    assert by_event == by_entry
    assert by_event[0]["event"]["type"] == "recording.uploaded"
    assert desk.types("dlq", "show", "1-1").exit_code == 1


@pytest.mark.parametrize("deed", ["redrive", "drop"])
def test_a_deed_on_dead_letters_is_a_plan_until_it_is_executed(desk: World, deed: str) -> None:
    desk.dead(desk.uploaded(desk.case(*ALL_PURPOSES)), "transcriber")
    before = desk.state()

    plan = desk.json("dlq", deed, "--all")

    assert (plan["dead_letters"], plan["by_reason"], plan["executed"]) == (
        1,
        {"recording/transcriber internal": 1},
        False,
    )
    assert desk.state() == before
    assert desk.record(f"dlq.{deed}") == []


@pytest.mark.parametrize("deed", ["redrive", "drop"])
@pytest.mark.parametrize("flags", [(), ("--all", "--why", "internal")])
def test_a_deed_says_which_letters_or_all_but_not_both(desk: World, deed: str, flags: tuple[str, ...]) -> None:
    assert desk.types("dlq", deed, *flags, "--execute").exit_code == 2


def test_a_letter_is_given_out_again_once_as_a_first_attempt_in_its_epoch(desk: World) -> None:
    event = desk.uploaded(desk.case(*ALL_PURPOSES))
    desk.dead(event, "transcriber")

    first = desk.json("dlq", "redrive", "--id", event.id, "--execute", "--as", "ada")
    second = desk.json("dlq", "redrive", "--id", event.id, "--execute", "--as", "ada")

    assert (first["redriven"], second["redriven"]) == (1, 0)
    assert desk.sent_to("recording", "transcriber") == [{"id": str(event.id), "attempt": 1, "epoch": 0}]
    assert desk.json("dlq", "list") == []
    states = [(state, arguments["ids"], counts) for state, _, arguments, counts in desk.record("dlq.redrive")]
    assert states[:2] == [
        ("begun", [str(event.id)], {}),
        ("done", [str(event.id)], {"found": 1, "redriven": 1}),
    ]


def test_the_plan_warns_of_letters_that_would_die_again_because_their_capability_has_expired(desk: World) -> None:
    case = desk.case(*ALL_PURPOSES)
    desk.dead(desk.uploaded(case, lives_s=-5), "transcriber", "unauthenticated")
    desk.dead(desk.uploaded(case), "transcriber", "internal")

    plan = desk.json("dlq", "redrive", "--all")

    assert (plan["dead_letters"], plan["expired"]) == (2, 1)
    assert "would die again" in desk.types("dlq", "redrive", "--all").stdout


def test_only_letters_of_a_reason_are_given_out_again(desk: World) -> None:
    kept, wanted = desk.uploaded(desk.case(*ALL_PURPOSES)), desk.uploaded(desk.case(*ALL_PURPOSES))
    desk.dead(kept, "transcriber", "poison-message")
    desk.dead(wanted, "transcriber", "upstream-failed")

    desk.json("dlq", "redrive", "--why", "upstream-failed", "--execute")

    assert [sent["id"] for sent in desk.sent_to("recording", "transcriber")] == [str(wanted.id)]
    assert [row["event_id"] for row in desk.json("dlq", "list")] == [str(kept.id)]


def test_only_dead_letters_older_than_that_are_dropped(desk: World) -> None:
    old, new = desk.uploaded(desk.case(*ALL_PURPOSES)), desk.uploaded(desk.case(*ALL_PURPOSES))
    desk.dead(old, "transcriber", age_s=7200)
    desk.dead(new, "transcriber")

    done = desk.json("dlq", "drop", "--older", "1h", "--execute")

    assert done == {"found": 1, "dropped": 1}
    assert [row["event_id"] for row in desk.json("dlq", "list")] == [str(new.id)]
    assert desk.sent_to("recording", "transcriber") == []


def test_a_letter_nobody_can_read_is_listed_and_can_be_dropped(desk: World) -> None:
    desk.redis.xadd("{recording}:dlq:transcriber", {"d": "not json", "_why": "unreadable-event"})

    (row,) = desk.json("dlq", "list")
    done = desk.json("dlq", "drop", "--id", row["entry"], "--execute")

    assert (row["why"], row["event_id"]) == ("unreadable-event", None)
    assert done["dropped"] == 1


def test_what_cannot_be_written_down_is_not_done(desk: World) -> None:
    event = desk.uploaded(desk.case(*ALL_PURPOSES))
    desk.dead(event, "transcriber")
    desk.admin.execute("revoke insert on ops.action from svc_ops")
    before = desk.state()

    try:
        result = desk.types("dlq", "redrive", "--all", "--execute")
    finally:
        desk.admin.execute("grant insert on ops.action to svc_ops")

    assert result.exit_code == 3
    assert "forbidden" in result.stderr
    assert desk.state() == before


def test_the_record_of_actions_is_shown_and_cannot_be_changed_by_anybody(desk: World) -> None:
    desk.json("dlq", "drop", "--why", "internal", "--execute", "--as", "ada")

    rows = desk.json("actions", "list", "--last", "2")

    assert [(row["state"], row["who"], row["what"]) for row in rows] == [
        ("begun", "ada", "dlq.drop"),
        ("done", "ada", "dlq.drop"),
    ]
    for statement in ("update ops.action set who = 'eve'", "delete from ops.action", "truncate ops.action"):
        with pytest.raises(Exception, match="append-only"):
            desk.admin.execute(statement.encode())
