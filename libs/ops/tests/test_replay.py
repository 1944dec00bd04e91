"""`therapyrag events replay`: an honest plan, one group, its own epoch, a rate, and going on after a kill."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest

from libs.devstack.provision import ROOT
from libs.ops.tests.events_world import ALL_PURPOSES, Case, World
from libs.ops.tests.fake_gateway import OPERATOR, FakeGateway

INTO = ("events", "replay", "--group", "transcriber")
EVENTS = 60


def _fates(desk: World, case: Case, *more: object) -> dict[str, int]:
    plan = desk.json(*INTO, "--session", case.session_id, *more)
    return {fate: number for fate, number in plan["fates"].items() if number}


def test_the_plan_says_how_many_events_would_be_no_ops_and_why_and_changes_nothing(desk: World) -> None:
    case = desk.case(*ALL_PURPOSES)
    desk.uploaded(case)
    desk.applied("transcriber", desk.uploaded(case))
    desk.uploaded(case, lives_s=-5)
    desk.applied("transcriber", desk.uploaded(case, lives_s=-5))
    desk.fact("transcriber", "transcription.started", case, attempt=1)
    before = desk.state()

    plan = desk.json(*INTO, "--session", case.session_id)

    assert (plan["events"], plan["would_be_sent"], plan["would_be_applied"], plan["executed"]) == (5, 2, 1, False)
    assert {fate: number for fate, number in plan["fates"].items() if number} == {
        "would-be-applied": 1,
        "already-applied": 1,
        "capability-expired": 1,
        "already-applied-and-expired": 1,
        "not-answered-by-this-group": 1,
    }
    assert desk.state() == before
    assert desk.record("events.replay") == []


def test_an_event_whose_consent_is_not_in_force_now_is_named_so(desk: World) -> None:
    case = desk.case("recording")
    desk.uploaded(case)

    assert _fates(desk, case) == {"consent-not-in-force": 1}


def test_an_event_of_an_erased_session_is_not_sent(desk: World) -> None:
    gone, erased = Case(), desk.case(*ALL_PURPOSES, status="uploaded")
    desk.uploaded(gone)
    desk.uploaded(erased)
    desk.admin.execute("delete from ingestion.session where session_id = %s", (erased.session_id,))

    assert _fates(desk, gone) == _fates(desk, erased) == {"session-erased-or-unknown": 1}
    assert desk.json(*INTO, "--session", gone.session_id, "--execute")["counts"]["sent"] == 0
    assert desk.sent_to("recording", "transcriber") == []


@pytest.mark.parametrize("by", ["session", "id", "type", "time"])
def test_events_are_chosen_by_session_id_type_or_time(desk: World, by: str) -> None:
    case, other = desk.case(*ALL_PURPOSES), desk.case(*ALL_PURPOSES)
    wanted = desk.uploaded(case)
    desk.fact("transcriber", "transcription.started", case, attempt=1)
    late = desk.uploaded(other, age_s=86_400 * 900)
    flags: dict[str, tuple[object, ...]] = {
        "session": ("--session", case.session_id),
        "id": ("--id", wanted.id),
        "type": ("--type", "recording.uploaded", "--since", "1h"),
        "time": ("--from", (late.at.replace(microsecond=0)).isoformat(), "--to", "2025-01-01"),
    }

    desk.json(*INTO, *flags[by], "--execute")

    sent = {row["id"] for row in desk.sent_to("recording", "transcriber")}
    expected = late if by == "time" else wanted
    assert str(expected.id) in sent
    assert str((wanted if by == "time" else late).id) not in sent


def test_a_replay_reaches_one_group_and_no_other_and_is_written_down_with_its_counts(desk: World) -> None:
    case = desk.case(*ALL_PURPOSES)
    event = desk.fact("transcriber", "transcript.ready", case)

    done = desk.json("events", "replay", "--group", "embedder", "--id", event.id, "--execute", "--as", "ada")

    assert done["counts"] == {"would-be-applied": 1, "sent": 1}
    assert desk.sent_to("transcript", "embedder") == [{"id": str(event.id), "attempt": 1, "epoch": 0}]
    assert desk.sent_to("transcript", "ingestion") == []
    assert not desk.redis.exists("{transcript}:s")
    begun, ended = desk.record("events.replay")
    assert (begun[0], ended[0], begun[2]["group"], ended[3]["sent"]) == ("begun", "done", "embedder", 1)


def test_facts_archived_when_their_topic_was_partitioned_otherwise_go_to_the_stream_that_is_read_today(
    desk: World,
) -> None:
    case = desk.case(*ALL_PURPOSES)
    before = desk.uploaded(case, topic="recording.2")
    after = desk.uploaded(case)

    desk.json(*INTO, "--session", case.session_id, "--execute")

    assert {row["id"] for row in desk.sent_to("recording", "transcriber")} == {str(before.id), str(after.id)}
    assert desk.sent_to("recording.2", "transcriber") == []


def test_another_epoch_must_be_meant_and_a_refusal_is_written_down(desk: World) -> None:
    case = desk.case(*ALL_PURPOSES)
    event = desk.uploaded(case)
    desk.applied("transcriber", event)
    chosen = (*INTO, "--id", event.id, "--epoch", 1)

    refused = desk.types(*chosen, "--execute")
    meant = desk.json(*chosen, "--again", "--execute")

    assert refused.exit_code == 3
    assert "vendors may be asked and paid again" in refused.stderr
    assert meant["counts"] == {"would-be-applied": 1, "sent": 1}
    assert desk.sent_to("recording", "transcriber") == [{"id": str(event.id), "attempt": 1, "epoch": 1}]
    assert [state for state, *_ in desk.record("events.replay")] == ["denied", "begun", "done"]


@pytest.mark.parametrize(
    "flags",
    [
        ("--all",),
        ("--group", "nobody", "--all"),
        ("--group", "chat"),
        ("--group", "chat", "--all", "--since", "1h"),
        ("--group", "chat", "--since", "soon"),
        ("--group", "chat", "--since", "1h", "--from", "2026-01-01"),
    ],
)
def test_a_replay_needs_one_known_group_and_a_choice(desk: World, flags: tuple[str, ...]) -> None:
    assert desk.types("events", "replay", *flags).exit_code == 2


def test_with_the_operators_token_an_expired_capability_is_asked_for_anew_and_consent_with_it(desk: World) -> None:
    fake = FakeGateway(renewed="v1|renewed")
    desk.connection = replace(desk.connection, operator_token=OPERATOR, transport=httpx.ASGITransport(fake.app()))
    case = desk.case(*ALL_PURPOSES)
    event = desk.uploaded(case, lives_s=-5)

    refused = desk.json(*INTO, "--id", event.id, "--execute")["counts"]
    fake.obeys_consent = False
    renewed = desk.json(*INTO, "--id", event.id, "--execute")["counts"]

    assert refused == {"capability-expired": 1, "sent": 0}
    assert renewed == {"capability-renewed": 1, "sent": 1}
    assert fake.renewals[0] == case.payload(purposes=["recording", "transcription"])
    entries: Any = desk.redis.xrange("{recording}:r:transcriber")
    assert ['"capability":"v1|renewed"' in fields["d"] for _, fields in entries] == [True]


def _background(desk: World, *words: object) -> subprocess.Popen[bytes]:
    environment: dict[str, str] = {
        "PATH": os.environ["PATH"],
        "OPS_DATABASE_URL": str(desk.connection.database_url),
        "REDIS_URL": str(desk.connection.redis_url),
    }
    command = [sys.executable, "-m", "libs.ops.main", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _until(holds: Callable[[], Any], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_replay_goes_on_where_it_was_and_sends_nothing_twice(desk: World) -> None:
    case = desk.case(*ALL_PURPOSES)
    ids = {str(desk.uploaded(case).id) for _ in range(EVENTS)}
    killed = _background(desk, *INTO, "--session", case.session_id, "--rate", 20, "--execute")

    _until(lambda: len(desk.sent_to("recording", "transcriber")) >= EVENTS // 4)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = len(desk.sent_to("recording", "transcriber"))
    ((state, _, arguments, _),) = desk.record("events.replay")
    done = desk.json("events", "replay", "--resume", arguments["name"], "--execute")

    sent = [row["id"] for row in desk.sent_to("recording", "transcriber")]
    assert state == "begun"
    assert 0 < before < EVENTS
    assert done["counts"]["sent"] == EVENTS - before
    assert (len(sent), set(sent)) == (EVENTS, ids)


def test_a_fact_that_an_open_transaction_holds_back_is_waited_for_and_not_left_out(desk: World) -> None:
    case = desk.case(*ALL_PURPOSES)
    with psycopg.connect(desk.infra.admin_url) as other:
        other.execute("select pg_current_xact_id()")
        event = desk.uploaded(case)
        ending = threading.Timer(1.5, other.rollback)
        ending.start()

        done = desk.json(*INTO, "--id", event.id, "--execute")
        ending.join()

    assert done["counts"]["sent"] == 1


def test_facts_are_sent_in_the_order_of_their_transactions_also_where_the_numbers_grow_longer(desk: World) -> None:
    case = desk.case(*ALL_PURPOSES)
    later, earlier = desk.uploaded(case, xid=10), desk.uploaded(case, xid=9)

    desk.json(*INTO, "--session", case.session_id, "--rate", 100, "--execute")

    assert [row["id"] for row in desk.sent_to("recording", "transcriber")] == [str(earlier.id), str(later.id)]


def test_a_rate_is_kept(desk: World) -> None:
    case = desk.case(*ALL_PURPOSES)
    for _ in range(10):
        desk.uploaded(case)
    started = time.monotonic()

    desk.json(*INTO, "--session", case.session_id, "--rate", 10, "--execute")

    assert time.monotonic() - started >= 0.9


def test_a_replay_that_never_began_cannot_be_gone_on_with(desk: World) -> None:
    assert desk.types("events", "replay", "--resume", "nothing", "--execute").exit_code == 1


def test_two_who_send_the_same_replay_do_not_send_it_twice(desk: World) -> None:
    case = desk.case(*ALL_PURPOSES)
    for _ in range(EVENTS):
        desk.uploaded(case)
    with _background(desk, *INTO, "--session", case.session_id, "--rate", 20, "--execute") as slow:
        _until(lambda: desk.sent_to("recording", "transcriber"))
        ((_, _, arguments, _),) = desk.record("events.replay")

        second = desk.types("events", "replay", "--resume", arguments["name"], "--execute")
        codes = {second.exit_code, slow.wait(timeout=60)}

    sent = [row["id"] for row in desk.sent_to("recording", "transcriber")]
    assert codes == {0, 1}  # whoever finds that the other has moved it stops
    assert len(sent) == len(set(sent)) == EVENTS
    (failed,) = [counts for state, _, _, counts in desk.record("events.replay") if state == "failed"]
    assert failed["sent"] <= EVENTS
