"""One stuck entry seen and taken away, a group paused and resumed: plans first, written down, whatever is in there."""

import json
from typing import Any

import pytest
from redis import Redis

from libs.common.messaging.tests.poison import PARKED, entry_shapes
from libs.common.streams import entries
from libs.ops.tests.events_world import ALL_PURPOSES, World

GROUP, TOPIC = "transcriber", "recording"


class Stuck:
    """A group that was given entries and never finished them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.event = world.uploaded(world.case(*ALL_PURPOSES))
        self.entry = world.published(self.event, GROUP)
        self.bytes = Redis.from_url(world.connection.redis_url or "")
        world.redis.xgroup_create(f"{{{TOPIC}}}:r:{GROUP}", GROUP, id="0", mkstream=True)

    def adds(self, fields: Any, lane: str = "s") -> str:
        """Write an entry as somebody else would."""
        key = f"{{{TOPIC}}}:{lane}"
        added: Any = self.bytes.xadd(key, fields)
        return str(added, "ascii")

    def are_given(self) -> None:
        """Have a consumer read all, and finish none."""
        lanes: Any = {f"{{{TOPIC}}}:s": ">", f"{{{TOPIC}}}:r:{GROUP}": ">"}
        self.bytes.xreadgroup(GROUP, "gone", lanes, count=1000)

    def parks(self, token: str, value: bytes | None) -> None:
        """Leave something in the parking place."""
        self.bytes.zadd(f"{{{TOPIC}}}:z:{GROUP}", {token: 5_000_000_000_000})
        if value is not None:
            self.bytes.hset(f"{{{TOPIC}}}:zp:{GROUP}", token, value)

    def in_hand(self) -> list[dict[str, Any]]:
        """What the tool lists."""
        rows: list[dict[str, Any]] = self.world.json("entries", "list", "--group", GROUP)
        return rows


@pytest.fixture
def stuck(world: World) -> Stuck:
    return Stuck(world)


@pytest.mark.parametrize("shape", ["no d", "not UTF-8", "large", "nested", "no JSON", "the value null"])
def test_the_tools_list_what_nobody_can_read_and_can_take_it_away(stuck: Stuck, shape: str) -> None:
    fields, _ = entry_shapes(stuck.event)[shape]
    bad = stuck.adds(fields)
    stuck.are_given()

    rows = stuck.in_hand()
    done = stuck.world.json("entries", "dead-letter", bad, "--group", GROUP, "--execute")

    assert [(row["entry"], row["event_id"]) for row in rows] == [(stuck.entry, str(stuck.event.id)), (bad, None)]
    assert rows[1]["size_bytes"] >= len(fields.get(b"d", b""))
    assert done == {"taken": 1}
    assert [row["entry"] for row in stuck.in_hand()] == [stuck.entry]
    (dead_letter,) = stuck.world.json("dlq", "list")

    assert (dead_letter["why"], dead_letter["size_bytes"] == rows[1]["size_bytes"]) == ("operator", True)


@pytest.mark.parametrize("shape", PARKED)
def test_the_tools_list_what_is_parked_whatever_it_is_and_can_take_it_away(stuck: Stuck, shape: str) -> None:
    stuck.parks("s:7-0", PARKED[shape])

    (row,) = stuck.in_hand()
    done = stuck.world.json("entries", "remove", "s:7-0", "--group", GROUP, "--execute")

    assert (row["entry"], row["state"], done) == ("s:7-0", "parked", {"taken": 1})
    assert stuck.in_hand() == []


@pytest.mark.parametrize("deed", ["remove", "dead-letter"])
def test_an_entry_is_named_by_its_event_too_and_stays_until_the_plan_is_executed(stuck: Stuck, deed: str) -> None:
    stuck.are_given()
    before = stuck.world.state()

    plan = stuck.world.json("entries", deed, stuck.event.id, "--group", GROUP)

    assert (plan["plan"], plan["entry"]["entry"], plan["executed"]) == (deed, stuck.entry, False)
    assert stuck.world.state() == before
    stuck.world.json("entries", deed, stuck.event.id, "--group", GROUP, "--execute", "--as", "ada")
    record = stuck.world.record(f"entries.{deed}")

    assert [(state, who, counts) for state, who, _, counts in record] == [
        ("begun", "ada", {}),
        ("done", "ada", {"taken": 1}),
    ]
    assert record[0][2]["entry"] == stuck.entry
    assert len(stuck.world.json("dlq", "list")) == (deed == "dead-letter")
    assert stuck.world.redis.xlen(f"{{{TOPIC}}}:s") == 1  # it is other groups' too
    assert stuck.world.types("entries", deed, stuck.event.id, "--group", GROUP, "--execute").exit_code == 1


def test_a_group_is_paused_and_resumed_by_one_command_each_and_both_are_written_down(stuck: Stuck) -> None:
    world = stuck.world
    plan = world.json("events", "pause", "--group", GROUP)
    untouched = world.json("events", "lag")[0]["paused"]

    paused = world.json("events", "pause", "--group", GROUP, "--execute", "--as", "ada")
    seen = world.json("events", "lag")[0]["paused"]
    resumed = world.json("events", "resume", "--group", GROUP, "--execute", "--as", "ada")

    assert (plan["would_change"], plan["executed"], untouched, seen) == (1, False, None, "operator")
    assert (paused, resumed) == ({"found": 1, "changed": 1}, {"found": 1, "changed": 1})
    assert world.json("events", "lag")[0]["paused"] is None
    assert [who for deed in ("pause", "resume") for _, who, _, _ in world.record(f"events.{deed}")] == ["ada"] * 4
    assert world.types("events", "resume", "--group", "nobody", "--execute").exit_code == 2


DEAD_LETTERS = {
    "bytes": {b"d": b"\xff\xfe", b"_why": b"\xff", b"_attempts": b"\xff", b"_at_ms": b"\xff"},
    "words for numbers": {b"d": b"{}", b"_why": b"x", b"_attempts": b"four", b"_epoch": b"", b"_at_ms": b"soon"},
    "numbers beyond all": {b"d": b"{}", b"_attempts": b"9" * 5000, b"_at_ms": b"9" * 17},
    "no body": {b"_why": entries.NO_BODY.encode()},
    "nested": {b"d": b"[" * 200_000},
    "orders to a terminal": {b"d": b"{}", b"_why": b"\x1b]8;;x\x07", b"_place": b"\x1b[2J"},
}


@pytest.mark.parametrize("shape", DEAD_LETTERS)
def test_dead_letters_nobody_wrote_in_good_faith_are_listed_and_dropped_and_given_out_where_that_can_be(
    stuck: Stuck, shape: str
) -> None:
    entry = stuck.adds(DEAD_LETTERS[shape], f"dlq:{GROUP}")
    commands = (("dlq", "list"), ("dlq", "show", entry), ("dlq", "redrive", "--all"), ("events", "lag"))

    printed = [stuck.world.types(*command) for command in commands]
    redriven = stuck.world.json("dlq", "redrive", "--id", entry, "--execute")["redriven"]

    assert [result.exit_code for result in printed] == [0] * len(commands)
    assert "\x1b" not in "".join(result.output for result in printed)
    assert redriven == (b"d" in DEAD_LETTERS[shape])
    if not redriven:
        assert stuck.world.json("dlq", "drop", "--id", entry, "--execute")["dropped"] == 1


@pytest.mark.parametrize("shape", ["no d", "not UTF-8", "nested", "large", "headers that are a list"])
def test_events_and_sessions_are_looked_up_past_what_nobody_can_read(stuck: Stuck, shape: str) -> None:
    stuck.adds(entry_shapes(stuck.event)[shape][0])
    stuck.parks("s:7-0", PARKED["nested"])
    session = stuck.event.payload["session_id"]
    commands = (("events", "show", stuck.event.id), ("trace", session), ("sessions", "stuck", "--older", "1s"))

    codes = [stuck.world.types(*command).exit_code for command in commands]

    assert codes == [0, 0, 0]
    assert json.dumps(stuck.world.json("events", "show", stuck.event.id))
