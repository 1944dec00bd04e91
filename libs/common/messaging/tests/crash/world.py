"""What a process that is about to die has before it, and how the databases must look once another has finished it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from libs.common.events import Event

E = TypeVar("E", bound=Event)
GROUP = "crash"
AT_WORK = "a step is at work"
EFFECTS = {
    "plain": 2,
    "fails-once": 2,
    "hangs-once": 2,
    "cuts-once": 2,
    "flushes-once": 2,
    "long-once": 2,
    "slow-once": 2,
    "claimed": 2,
    "claimed-elsewhere": 2,
    "refused": -1,
    "unwanted": -1,
    "poison": -1,
}
"""Each kind of event, and the number its effect must leave: once, whoever dies."""
TALLIED = frozenset({"tallied", "tallied-alone"})
"""Kinds whose effect is recorded many at once, in another table, and from which no fact follows."""
UNREADABLE: Mapping[str, dict[str, str]] = {"unreadable": {"d": "not json"}, "faulty": {"x": "1"}}
"""Kinds that are no event, and what is on the stream in the place of one."""
DEAD_LETTERED = frozenset({"refused", "poison", *UNREADABLE})


@dataclass(frozen=True)
class Scenario:
    """Events by kind; what a consumer that is gone has done with them; how things go for the one that will die."""

    name: str
    kinds: tuple[str, ...]
    before: str = ""
    without: str = ""
    exclusive: bool = False
    ordered: bool = False
    batch: int = 1
    concurrency: int = 4


SCENARIOS = (
    Scenario("plain", ("plain", "plain", "plain")),
    Scenario("retry", ("fails-once", "plain"), exclusive=True),
    Scenario("failure-recorded", ("refused", "unwanted", "unreadable", "faulty")),
    Scenario("not-dead-lettered", ("refused", "refused"), before="failure-recorded"),
    Scenario("isolated", ("plain", "poison", "applied-poison", "slow-once"), before="killed"),
    Scenario("unreleased", ("plain", "fails-once"), before="unreleased"),
    Scenario("shutdown", ("plain", "hangs-once"), exclusive=True),
    Scenario("flushed", ("flushes-once", "plain")),
    Scenario("ordered", ("plain", "fails-once", "refused"), ordered=True),
    Scenario("batch", ("tallied", "tallied", "tallied", "tallied-alone"), batch=10),
    Scenario("long", ("long-once",), exclusive=True),
    Scenario("ordered-isolated", ("plain", "poison"), before="killed", ordered=True),
    Scenario("no-stream", ("cuts-once", "plain"), without="stream"),
    Scenario("no-database", ("cuts-once", "plain", "plain"), without="database", concurrency=1),
    Scenario("inherited", ("plain", "plain"), before="died"),
    Scenario("claimed", ("claimed", "claimed-elsewhere"), before="claimed", exclusive=True),
)


@dataclass(frozen=True)
class Servers:
    """Where a process finds what it works on."""

    database_url: str
    relay_url: str
    redis_url: str


@dataclass(frozen=True, eq=False)
class Job:
    """One world, and the moment at which the process that works on it dies (empty: it finishes)."""

    servers: Servers
    tenant_id: str
    topic: str
    scenario: str
    things: Mapping[str, str]
    die_at: str = ""
    heals: bool = False

    @property
    def settled(self) -> str:
        """The topic of the facts that follow."""
        return f"{self.topic}-settled"

    @property
    def what(self) -> Scenario:
        """The scenario by its name."""
        return next(scenario for scenario in SCENARIOS if scenario.name == self.scenario)

    @property
    def without(self) -> str:
        """Return the server that goes away while the process lives, if any."""
        return "" if self.heals else self.what.without

    @property
    def effects(self) -> dict[str, int]:
        """The effect each thing must have in the end, and a fact must follow from."""
        return {thing: EFFECTS[kind] for thing, kind in self.things.items() if kind in EFFECTS}

    @property
    def tallied(self) -> list[str]:
        """The things that must be tallied in the end."""
        return [thing for thing, kind in self.things.items() if kind in TALLIED]

    @property
    def dead(self) -> int:
        """How many dead letters there must be in the end."""
        return sum(kind in DEAD_LETTERED for kind in self.things.values())

    def healing(self, die_at: str = "") -> "Job":
        """Return what the process after this one is to do: finish with nothing in its way, or die too."""
        return replace(self, die_at=die_at, heals=True)

    @staticmethod
    def read(raw: dict[str, Any]) -> "Job":
        """Read what `dataclasses.asdict` wrote."""
        return Job(**(raw | {"servers": Servers(**raw["servers"])}))


def on_topic(kind: type[E], topic: str) -> type[E]:
    """Return the same event on a topic that no other world has."""
    return type(kind.__name__, (kind,), {"topic": topic, "__module__": __name__})
