"""One event's way through a step: its effect once, its facts once, its failures parked or dead-lettered."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import psycopg
import pytest
from sqlalchemy import text

from libs.common import capability
from libs.common.database.transaction import Transaction
from libs.common.errors import UNAVAILABLE, UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError, ProblemType
from libs.common.events import Envelope
from libs.common.ids import new_id
from libs.common.messaging.backoff import CLAIMED_ELSEWHERE, Backoff
from libs.common.messaging.handling import DeliveryHandler
from libs.common.messaging.inbox import Inbox, confirm_claim
from libs.common.messaging.relay import Relay
from libs.common.messaging.steps import BatchStep, Subscription
from libs.common.messaging.tests.depths import depth
from libs.common.messaging.tests.handling_world import World, handle, handle_all, opened
from libs.common.streams.consumer_name import new_consumer_name
from libs.common.streams.port import Delivery
from libs.common.tests.kernel_world import CATALOGUE, ThingCounted, token
from libs.devstack.infra import Infra


@pytest.fixture
async def world(infra: Infra) -> AsyncIterator[World]:
    async with opened(infra) as made:
        yield made


async def test_an_effect_and_the_facts_that_follow_are_recorded_once_however_often_it_is_delivered(
    world: World,
) -> None:
    thing = await world.count(21)
    relayed = await world.relayed()
    (delivery,) = await world.given()

    acknowledged = [await handle(world, delivery) for _ in range(3)]

    assert relayed == 1
    assert acknowledged == [True] * 3
    assert (await world.effects(thing), world.step.worked) == ([42], 1)
    assert await world.relayed("settled") == 1


async def test_an_event_given_out_again_while_it_is_worked_on_is_worked_on_once(world: World) -> None:
    thing = await world.count(21)
    await world.relayed()
    (delivery,) = await world.given()

    ended = await asyncio.gather(*(handle(world, delivery) for _ in range(5)))

    assert (await world.effects(thing), world.step.worked, sorted(ended)) == ([42], 1, [False] * 4 + [True])


async def test_a_fact_of_a_transaction_that_rolls_back_never_leaves(world: World) -> None:
    async def broken() -> None:
        async with world.database.transaction() as tx:
            await tx.emit(ThingCounted(tenant_id=world.tenant_id, thing_id=new_id(), number=1))
            raise RuntimeError

    with pytest.raises(RuntimeError), capability.acting_under(token(world.infra, world.tenant_id)):
        await broken()

    assert await world.relayed() == 0


async def test_a_fact_of_a_transaction_still_open_is_waited_for_and_not_skipped(world: World) -> None:
    with capability.acting_under(token(world.infra, world.tenant_id)):
        async with world.database.transaction() as slow:
            await slow.emit(ThingCounted(tenant_id=world.tenant_id, thing_id=new_id(), number=1))
            await world.count(2)
            early = await world.relayed()

    assert (early, await world.relayed()) == (0, 2)


async def test_a_failure_that_may_pass_is_parked_and_succeeds_later(world: World) -> None:
    thing = await world.count(1)
    await world.relayed()
    world.step.fails_with = [UPSTREAM_FAILED, ValueError("words")]

    rounds = [await handle_all(world) for _ in range(3)]

    assert rounds == [[False], [False], [True]]
    assert await world.effects(thing) == [2]


async def test_after_one_try_and_three_retries_its_failure_is_recorded_once_and_it_is_dead_lettered(
    world: World,
) -> None:
    thing = await world.count(1)
    await world.relayed()
    world.step.fails_with = [UPSTREAM_FAILED] * 10

    for _ in range(6):
        await handle_all(world)

    left = await depth(world.channel)

    assert (world.step.worked, left.dead, left.pending) == (4, 1, 0)
    assert await world.effects(thing) == [-1]


async def test_what_is_sent_again_after_its_failure_is_worked_on_and_fails_again(world: World) -> None:
    thing = await world.count(1)
    await world.relayed()
    world.step.fails_with = [UPSTREAM_REFUSED] * 2
    (delivery,) = await world.given()
    await handle(world, delivery)

    await handle(world, replace(delivery, entry_id="s-redriven"))

    assert (world.step.worked, await world.effects(thing)) == (2, [-1, -1])


async def test_an_entry_whose_failure_was_recorded_is_not_worked_on_again_if_it_was_not_dead_lettered(
    world: World,
) -> None:
    thing = await world.count(1)
    await world.relayed()
    world.step.fails_with = [UPSTREAM_REFUSED]
    (delivery,) = await world.given()

    acknowledged = [await handle(world, delivery) for _ in range(2)]

    assert (acknowledged, world.step.worked, await world.effects(thing)) == ([False, False], 1, [-1])
    assert (await depth(world.channel)).dead == 1


async def test_a_refusal_for_good_is_dead_lettered_at_once(world: World) -> None:
    await world.count(1)
    await world.relayed()
    world.step.fails_with = [UPSTREAM_REFUSED] * 2

    await handle_all(world)

    assert (world.step.worked, (await depth(world.channel)).dead) == (1, 1)


async def test_a_business_no_is_recorded_as_a_fact_and_is_no_dead_letter(world: World) -> None:
    thing = await world.count(1)
    await world.relayed()
    world.step.fails_with = [ProblemType("not-wanted", 403, "No", "No.", is_refusal=True)]

    (delivery,) = await world.given()
    acknowledged = [await handle(world, delivery), await handle(world, replace(delivery, entry_id="s-again"))]

    assert (acknowledged, await world.effects(thing)) == ([True, True], [-1])
    assert (world.step.worked, (await depth(world.channel)).dead) == (1, 0)


async def test_our_own_outage_is_waited_out_without_using_up_the_tries(world: World) -> None:
    thing = await world.count(3)
    await world.relayed()
    world.step.fails_with = [*[UNAVAILABLE] * 9, UPSTREAM_FAILED, UNAVAILABLE, UPSTREAM_FAILED, UPSTREAM_FAILED]

    for _ in range(14):
        await handle_all(world)

    assert (await world.effects(thing), (await depth(world.channel)).dead) == ([6], 0)


async def test_an_unreadable_entry_is_dead_lettered_and_an_unknown_event_is_left_to_others(world: World) -> None:
    await world.streams.publisher().publish("odd", "", "1", ["not json"])
    channel = world.streams.channel("odd", "settler")
    await channel.open()
    (delivery,) = await channel.read(1, 0)

    assert not await world.handling.handle(channel, [delivery])
    assert (await depth(channel)).dead == 1


async def test_an_event_with_a_forged_capability_changes_nothing_and_is_dead_lettered(world: World) -> None:
    thing = await world.count(5)
    await world.relayed()
    (delivery,) = await world.given()
    forged = Delivery(delivery.lane, delivery.entry_id, delivery.body.replace("kernel:write", "kernel:write,x:write"))

    await handle(world, forged)

    assert (await world.effects(thing), (await depth(world.channel)).dead) == ([], 1)


async def test_two_relays_at_once_publish_each_fact_once(world: World) -> None:
    for number in range(20):
        await world.count(number)
    first, second = (Relay(world.outbox, world.streams.publisher(), ["thing"]) for _ in range(2))

    moved = 0
    while turn := await first.turn() + await second.turn():
        moved += turn

    assert moved == 20
    assert len(await world.given()) == 20


@dataclass
class Tally(BatchStep[ThingCounted]):
    """Adds numbers up, many at once."""

    calls: list[int] = field(default_factory=list)
    breaks_on: int | None = None

    async def record_all(self, events: Sequence[ThingCounted], tx: Transaction) -> None:
        self.calls.append(len(events))
        if self.breaks_on in [event.number for event in events]:
            raise ValueError
        await tx.execute(
            text("insert into tally (thing_id, number) values (:thing, :number)"),
            [{"thing": event.thing_id, "number": event.number} for event in events],
        )


async def _tallied(world: World, tally: Tally, *numbers: int) -> tuple[list[int], int]:
    things = [await world.count(number) for number in numbers]
    while await world.relayed():
        pass
    steps = {ThingCounted.type: Subscription(ThingCounted, tally, batch=100)}
    handling = DeliveryHandler(world.database, CATALOGUE, steps, Backoff(base_s=0))
    given = await world.given()
    done = [*await handling.handle(world.channel, given), *await handling.handle(world.channel, given)]
    async with world.database.without_capability() as tx:
        found = await tx.execute(text("select number from tally where thing_id = any(:things)"), {"things": things})
        return sorted(row[0] for row in found), len(done)


async def test_a_batch_is_recorded_in_one_transaction_and_each_of_it_once(world: World) -> None:
    tally = Tally()

    numbers, acknowledged = await _tallied(world, tally, 1, 2, 3)

    assert (numbers, tally.calls, acknowledged) == ([1, 2, 3], [3], 6)


async def test_one_that_breaks_its_batch_is_tried_again_and_the_others_take_hold(world: World) -> None:
    tally = Tally(breaks_on=2)

    numbers, acknowledged = await _tallied(world, tally, 1, 2, 3)

    assert (numbers, tally.calls[:4]) == ([1, 3], [3, 1, 1, 1])
    assert (acknowledged, (await depth(world.channel)).parked) == (4, 1)


async def test_a_claim_is_waited_for_while_it_is_renewed_even_if_its_holder_seems_to_have_no_lease(
    world: World,
) -> None:
    thing = await world.count(21)
    await world.relayed()
    (delivery,) = await world.given()
    swept = replace(delivery, previous_consumer="elsewhere|1|2|3|4")
    inbox = Inbox(world.database, "settler")

    async with inbox.claimed((Envelope.from_json(delivery.body).id, 0), "elsewhere|1|2|3|4"):
        waited = await handle(world, swept)
        with psycopg.connect(world.infra.admin_url, autocommit=True) as connection:
            connection.execute("update kernel.claim set until = until - interval '8 seconds'")
        taken_over = await handle(world, swept)

    assert (waited, taken_over, await world.effects(thing)) == (False, True, [42])


async def test_who_waited_so_long_that_another_worker_took_over_is_told_before_it_buys(world: World) -> None:
    thing = await world.count(21)

    async with Inbox(world.database, "settler").claimed((thing, 0), "slow"):
        await confirm_claim()
        with psycopg.connect(world.infra.admin_url, autocommit=True) as connection:
            connection.execute("update kernel.claim set holder = 'another' where event_id = %s", [thing])
        with pytest.raises(AppError) as refused:
            await confirm_claim()
    await confirm_claim()  # of work that nobody claims it has nothing to say

    assert refused.value.problem is CLAIMED_ELSEWHERE


async def test_a_claim_of_a_process_that_is_gone_from_this_host_holds_nobody_up(world: World) -> None:
    thing = await world.count(21)
    await world.relayed()
    (delivery,) = await world.given()
    parts = new_consumer_name().split("|")
    gone = "|".join([*parts[:3], "1", parts[4]])  # this pid, but begun at another time

    async with Inbox(world.database, "settler").claimed((Envelope.from_json(delivery.body).id, 0), gone):
        done = await handle(world, delivery)

    assert (done, await world.effects(thing)) == (True, [42])


async def test_an_event_that_killed_its_workers_is_dead_lettered_unless_it_had_taken_hold(
    world: World,
) -> None:
    poison, done = await world.count(1), await world.count(2)
    await world.relayed()
    first, second = await world.given()
    await handle(world, second)

    for delivery in (first, second):
        await world.handling.dead_letter_poison(world.channel, delivery)

    assert (await world.effects(poison), await world.effects(done)) == ([-1], [4])
    assert ((await depth(world.channel)).dead, (await depth(world.channel)).pending) == (1, 0)
