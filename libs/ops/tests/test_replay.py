"""`therapyrag events replay`: an honest plan, one group, its own epoch, a rate, and going on after a kill."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest

from libs.devstack.conditions import block_until
from libs.devstack.provision import ROOT
from libs.ops.tests.events_world import ALL_PURPOSES, Case, World
from libs.ops.tests.fake_gateway import OPERATOR, FakeGateway

INTO = ("events", "replay", "--group", "transcriber")
EVENTS = 60


def _fates(world: World, case: Case, *more: object) -> dict[str, int]:
    plan = world.json(*INTO, "--session", case.session_id, *more)
    return {fate: number for fate, number in plan["fates"].items() if number}


def test_the_plan_says_how_many_events_would_be_no_ops_and_why_and_changes_nothing(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    world.uploaded(case)
    world.applied("transcriber", world.uploaded(case))
    world.uploaded(case, lives_s=-5)
    world.applied("transcriber", world.uploaded(case, lives_s=-5))
    world.fact("transcriber", "transcription.started", case, attempt=1)
    before = world.state()

    plan = world.json(*INTO, "--session", case.session_id)

    assert (plan["events"], plan["would_be_sent"], plan["would_be_applied"], plan["executed"]) == (5, 2, 1, False)
    assert {fate: number for fate, number in plan["fates"].items() if number} == {
        "would-be-applied": 1,
        "already-applied": 1,
        "capability-expired": 1,
        "already-applied-and-expired": 1,
        "not-answered-by-this-group": 1,
    }
    assert world.state() == before
    assert world.record("events.replay") == []


def test_an_event_whose_consent_is_not_in_force_now_is_named_so(world: World) -> None:
    case = world.case("recording")
    world.uploaded(case)

    assert _fates(world, case) == {"consent-not-in-force": 1}


def test_an_event_of_an_erased_session_is_not_sent(world: World) -> None:
    gone, erased = Case(), world.case(*ALL_PURPOSES, status="uploaded")
    world.uploaded(gone)
    world.uploaded(erased)
    world.admin.execute("delete from ingestion.session where session_id = %s", (erased.session_id,))

    assert _fates(world, gone) == _fates(world, erased) == {"session-erased-or-unknown": 1}
    assert world.json(*INTO, "--session", gone.session_id, "--execute")["counts"]["sent"] == 0
    assert world.sent_to("recording", "transcriber") == []


@pytest.mark.parametrize("by", ["session", "id", "type", "time"])
def test_events_are_chosen_by_session_id_type_or_time(world: World, by: str) -> None:
    case, other = world.case(*ALL_PURPOSES), world.case(*ALL_PURPOSES)
    wanted = world.uploaded(case)
    world.fact("transcriber", "transcription.started", case, attempt=1)
    late = world.uploaded(other, age_s=86_400 * 900)
    flags: dict[str, tuple[object, ...]] = {
        "session": ("--session", case.session_id),
        "id": ("--id", wanted.id),
        "type": ("--type", "recording.uploaded", "--since", "1h"),
        "time": ("--from", (late.at.replace(microsecond=0)).isoformat(), "--to", "2025-01-01"),
    }

    world.json(*INTO, *flags[by], "--execute")

    sent = {row["id"] for row in world.sent_to("recording", "transcriber")}
    expected = late if by == "time" else wanted

    assert str(expected.id) in sent
    assert str((wanted if by == "time" else late).id) not in sent


def test_a_replay_reaches_one_group_and_no_other_and_is_written_down_with_its_counts(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    event = world.fact("transcriber", "transcript.ready", case)

    done = world.json("events", "replay", "--group", "embedder", "--id", event.id, "--execute", "--as", "ada")

    assert done["counts"] == {"would-be-applied": 1, "sent": 1}
    assert world.sent_to("transcript", "embedder") == [{"id": str(event.id), "attempt": 1, "epoch": 0}]
    assert world.sent_to("transcript", "ingestion") == []
    assert not world.redis.exists("{transcript}:s")
    begun, ended = world.record("events.replay")

    assert (begun[0], ended[0], begun[2]["group"], ended[3]["sent"]) == ("begun", "done", "embedder", 1)


def test_another_epoch_must_be_meant_and_a_refusal_is_written_down(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    event = world.uploaded(case)
    world.applied("transcriber", event)
    chosen = (*INTO, "--id", event.id, "--epoch", 1)

    refused = world.types(*chosen, "--execute")
    meant = world.json(*chosen, "--again", "--execute")

    assert refused.exit_code == 3
    assert "vendors may be asked and paid again" in refused.stderr
    assert meant["counts"] == {"would-be-applied": 1, "sent": 1}
    assert world.sent_to("recording", "transcriber") == [{"id": str(event.id), "attempt": 1, "epoch": 1}]
    assert [state for state, *_ in world.record("events.replay")] == ["denied", "begun", "done"]


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
def test_a_replay_needs_one_known_group_and_a_choice(world: World, flags: tuple[str, ...]) -> None:
    assert world.types("events", "replay", *flags).exit_code == 2


def test_with_the_operators_token_an_expired_capability_is_asked_for_anew_and_consent_with_it(world: World) -> None:
    fake = FakeGateway(renewed="v1|renewed")
    world.connection = replace(world.connection, operator_token=OPERATOR, transport=httpx.ASGITransport(fake.app()))
    case = world.case(*ALL_PURPOSES)
    event = world.uploaded(case, lives_s=-5)

    refused = world.json(*INTO, "--id", event.id, "--execute")["counts"]
    fake.obeys_consent = False
    renewed = world.json(*INTO, "--id", event.id, "--execute")["counts"]

    assert refused == {"capability-expired": 1, "sent": 0}
    assert renewed == {"capability-renewed": 1, "sent": 1}
    assert fake.renewals[0] == case.payload(purposes=["recording", "transcription"])
    entries: Any = world.redis.xrange("{recording}:r:transcriber")

    assert ['"capability":"v1|renewed"' in fields["d"] for _, fields in entries] == [True]


def _background(world: World, *words: object) -> subprocess.Popen[bytes]:
    environment: dict[str, str] = {
        "PATH": os.environ["PATH"],
        "OPS_DATABASE_URL": str(world.connection.database_url),
        "REDIS_URL": str(world.connection.redis_url),
    }
    command = [sys.executable, "-m", "libs.ops.main", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def test_a_killed_replay_goes_on_where_it_was_and_sends_nothing_twice(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    ids = {str(world.uploaded(case).id) for _ in range(EVENTS)}
    killed = _background(world, *INTO, "--session", case.session_id, "--rate", 20, "--execute")

    block_until(lambda: len(world.sent_to("recording", "transcriber")) >= EVENTS // 4)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = len(world.sent_to("recording", "transcriber"))
    ((state, _, arguments, _),) = world.record("events.replay")
    done = world.json("events", "replay", "--resume", arguments["name"], "--execute")

    sent = [row["id"] for row in world.sent_to("recording", "transcriber")]

    assert state == "begun"
    assert 0 < before < EVENTS
    assert done["counts"]["sent"] == EVENTS - before
    assert (len(sent), set(sent)) == (EVENTS, ids)


def test_a_fact_that_an_open_transaction_holds_back_is_waited_for_and_not_left_out(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    with psycopg.connect(world.infra.admin_url) as other:
        other.execute("select pg_current_xact_id()")
        event = world.uploaded(case)
        ending = threading.Timer(1.5, other.rollback)
        ending.start()

        done = world.json(*INTO, "--id", event.id, "--execute")
        ending.join()

    assert done["counts"]["sent"] == 1


def test_facts_are_sent_in_the_order_of_their_transactions_also_where_the_numbers_grow_longer(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    later, earlier = world.uploaded(case, xid=10), world.uploaded(case, xid=9)

    world.json(*INTO, "--session", case.session_id, "--rate", 100, "--execute")

    assert [row["id"] for row in world.sent_to("recording", "transcriber")] == [str(earlier.id), str(later.id)]


def test_a_rate_is_kept(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    for _ in range(10):
        world.uploaded(case)
    started = time.monotonic()

    world.json(*INTO, "--session", case.session_id, "--rate", 10, "--execute")

    assert time.monotonic() - started >= 0.9


def test_a_replay_that_never_began_cannot_be_gone_on_with(world: World) -> None:
    assert world.types("events", "replay", "--resume", "nothing", "--execute").exit_code == 1


def test_two_who_send_the_same_replay_do_not_send_it_twice(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    for _ in range(EVENTS):
        world.uploaded(case)
    with _background(world, *INTO, "--session", case.session_id, "--rate", 20, "--execute") as slow:
        block_until(lambda: world.sent_to("recording", "transcriber"))
        ((_, _, arguments, _),) = world.record("events.replay")

        second = world.types("events", "replay", "--resume", arguments["name"], "--execute")
        codes = {second.exit_code, slow.wait(timeout=60)}

    sent = [row["id"] for row in world.sent_to("recording", "transcriber")]
    (failed,) = [counts for state, _, _, counts in world.record("events.replay") if state == "failed"]

    assert codes == {0, 1}  # whoever finds that the other has moved it stops
    assert len(sent) == len(set(sent)) == EVENTS
    assert failed["sent"] <= EVENTS
