"""What may not be dead-lettered waits; what cannot even record its failure ends all the same."""

from collections.abc import AsyncIterator, Sequence

import pytest

from libs.common.database.transaction import Transaction
from libs.common.errors import UPSTREAM_REFUSED, AppError
from libs.common.events import Event
from libs.common.messaging.tests.depths import depth
from libs.common.messaging.tests.handling_world import Settle, World, handle, handle_all, opened
from libs.common.streams.port import DeadLetterLimit
from libs.common.tests.kernel_world import ThingCounted
from libs.devstack.infra import Infra


@pytest.fixture
async def world(infra: Infra) -> AsyncIterator[World]:
    async with opened(infra) as made:
        yield made


async def test_beyond_the_limit_nothing_is_dead_lettered_and_it_is_tried_again_once_its_group_is_resumed(
    world: World,
) -> None:
    world.streams.limit = DeadLetterLimit(count=1)
    things = [await world.count(number) for number in (1, 2)]
    await world.relayed()
    world.step.fails_with = [UPSTREAM_REFUSED] * 2

    await handle_all(world)
    paused, dead = await world.channel.paused(), (await depth(world.channel)).dead
    failure_recorded = [await world.effects(thing) for thing in things]
    world.streams.resume("thing", "settler")
    await handle_all(world)

    assert (paused, dead, failure_recorded) == ("count", 1, [[-1], []])
    assert [await world.effects(thing) for thing in things] == [[-1], [4]]


class Stumbles(Settle):
    """Cannot even record that it failed."""

    async def on_failure(self, event: ThingCounted, error: AppError, tx: Transaction) -> Sequence[Event]:
        raise LookupError


@pytest.mark.parametrize("poison", [False, True])
async def test_an_event_whose_end_cannot_be_written_down_ends_all_the_same(world: World, poison: bool) -> None:
    world.step = Stumbles(fails_with=[UPSTREAM_REFUSED])
    await world.count(1)
    await world.relayed()
    (delivery,) = await world.given()

    if poison:
        await world.handling.dead_letter_poison(world.channel, delivery)
    else:
        await handle(world, delivery)

    left = await depth(world.channel)

    assert (left.dead, left.pending, left.parked) == (1, 0, 0)
