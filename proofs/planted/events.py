"""Defects of what is done about entries that are none, and of how a broken consumer ends (ADR 0012)."""

from proofs.planted.planting import ByProof, ByTest, Edit, Mutant, planted

_ENTRIES, _CONSUMER = "libs/common/streams/entries.py", "libs/common/messaging/consumer.py"
_POISON, _PAUSING = "libs/common/messaging/tests/test_poison.py", "libs/common/messaging/tests/test_pausing.py"
_SUPERVISION = "libs/common/process/tests/test_supervision.py"
_DOWN = ByProof("availability.poison", "stages_down")

MUTANTS: tuple[Mutant, ...] = (
    planted(
        "body-taken-for-granted",
        "an entry without a body is dead where it is read, and its stage goes on",
        _DOWN,
        Edit(_ENTRIES, 'body = fields.get("d", "")', 'body = fields["d"]'),
    ),
    planted(
        "bytes-taken-for-text",
        "an entry that is not UTF-8 is dead where it is read, and its stage goes on",
        _DOWN,
        Edit("libs/common/streams/redis_streams.py", '            encoding_errors="surrogateescape",\n', ""),
    ),
    planted(
        "unreadable-retries-taken-for-granted",
        "a parked entry that nobody can read is dead when it is due, and the others come back",
        ByProof("availability.poison", "not_dead_lettered"),
        Edit("libs/common/streams/lua/promote.lua", "pcall(cjson.decode, kept)", "true, cjson.decode(kept)"),
    ),
    planted(
        "broken-process-stays",
        "a process of which one worker broke ends within seconds",
        ByTest(_SUPERVISION, "test_a_process_ends_within_seconds_of_the_end_of_one_worker[it broke-takes its time]"),
        Edit("libs/common/process/supervision.py", "            on_broken()\n", ""),
    ),
    planted(
        "broken-run-forgotten",
        "an error that no handler may raise ends the consumer, and a later one gets past the entry",
        ByTest(_POISON, "test_what_breaks_a_consumer_ends_it_at_once_and_a_later_one_gets_past_it[memory]"),
        Edit(_CONSUMER, "            self._broke.append(run)\n", "            pass\n"),
    ),
    planted(
        "no-limit-of-dead-letters",
        "a group that dead-letters too much is paused",
        ByTest(_PAUSING, "test_a_group_may_dead_letter_so_much_and_is_paused_by_the_next"),
        Edit(
            "libs/common/streams/redis_channel.py",
            'return not await self._run("limit"',
            'return True or await self._run("limit"',
        ),
    ),
)
