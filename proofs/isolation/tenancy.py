"""Proof: nobody gets a byte of what they may not see (`python -m proofs.isolation.tenancy`).

A state machine over the OpenAPI document of the gateway, against the whole system on the vendors' fakes: every
operation, by every kind of caller, with ids of all organizations in every position. Each text of each organization and
each patient holds a word that nobody can guess; no other's word may be in anything answered, logged or emitted.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from libs.devstack.stack import Stack
from proofs.kit.any_request import Drawer, Drawn, Operation, operations
from proofs.kit.kept_bytes import Kept, files_of, streams_of
from proofs.kit.line import proof, sized
from proofs.kit.line import seed as chosen_seed
from proofs.kit.organizations import Founder, Organization, client_of, stack_on_fakes
from proofs.kit.rightful import Rightful, Send, ids_for, learn

NAME = "tenancy"
ORGANIZATIONS = 3
STEPS = 5_000
STEPS_TINY, STEPS_SOAK = 500, 200_000
RULES_PER_EXAMPLE = 25
REQUEST_TIMEOUT_S = 20
_OK = range(200, 300)
_ALL = 2**30 - 1


@dataclass
class Seen:
    """What was sent and found. `own` counts answers that did hold the caller's own word: the search can find one."""

    steps: int = 0
    leaks: list[str] = field(default_factory=list)
    own: int = 0
    routes: Counter[str] = field(default_factory=Counter)
    succeeded: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class Caller:
    """Somebody with a credential, and the words they may see. An operator is of no organization."""

    name: str
    credential: str
    may_see: frozenset[str]
    organization: Organization
    is_operator: bool = False


class World:
    """The running system, its organizations, and the requests that go to it."""

    def __init__(self, stack: Stack, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._stack = stack
        self._http = httpx.AsyncClient(base_url=stack.gateway_url, trust_env=False, timeout=REQUEST_TIMEOUT_S)
        self.organizations = runner.run(self._found())
        self.document: Mapping[str, Any] = runner.run(self._describe())
        self.operations = operations(self.document)
        self._rightful = [
            Rightful(organization, stack.operator_token, self.operations, self._by(organization))
            for organization in self.organizations
        ]
        # Every word of everybody: each answer is searched for all of them, whoever asked.
        self.words = {word: n for n, organization in enumerate(self.organizations) for word in organization.canaries}
        self.seen = Seen()

    async def _found(self) -> list[Organization]:
        async with client_of(self._stack) as http:
            founder = Founder(http, self._stack.operator_token)
            return list(await asyncio.gather(*(founder.found() for _ in range(ORGANIZATIONS))))

    async def _describe(self) -> Any:
        headers = {"Authorization": f"Bearer {self.organizations[0].key}"}
        return (await self._http.get("/openapi.json", headers=headers)).json()

    def close(self) -> None:
        """Close the connections."""
        self._runner.run(self._http.aclose())

    def probe(self, operation: Operation, caller: int, other: int, mask: int, pick: int) -> None:
        """Let every kind of caller of one organization send one request."""
        mine, theirs = self.organizations[caller], self.organizations[other]
        ids = ids_for(operation, mine.ids), ids_for(operation, _all_ids(theirs))
        drawn = Drawer(*ids, mine.sent).draw(operation, mask, pick)
        self._runner.run(self._send_as_all(drawn, list(self._callers(mine))))

    def own(self, operation: Operation, caller: int, pick: int) -> None:
        """Let the widest key of an organization send a request about its own."""
        mine = self.organizations[caller]
        drawn = Drawer(ids_for(operation, mine.ids), {}, mine.sent).draw(operation, 0, pick)
        self._runner.run(self._send(drawn, next(self._callers(mine))))

    def rightful(self) -> None:
        """Let every organization send every request once so that it is done, for there is something to be done."""
        self._runner.run(self._all_rightful())

    async def _all_rightful(self) -> None:
        await asyncio.gather(*(self._its_rightful(rightful) for rightful in self._rightful))
        await self._rightful[0].signed()

    async def _its_rightful(self, rightful: Rightful) -> None:
        for operation in self.operations:
            await self._by(rightful.organization)(await rightful.prepared(operation), rightful.credential(operation))

    def _by(self, organization: Organization) -> Send:
        async def send(drawn: Drawn, credential: str) -> httpx.Response:
            caller = next(one for one in self._callers(organization) if one.credential == credential)
            answer = await self._send(drawn, caller)
            if answer is None:
                raise TimeoutError(f"{drawn.operation.id} was not answered")
            return answer

        return send

    def _callers(self, organization: Organization) -> Iterator[Caller]:
        everything = set(organization.canaries)
        for name, credential in organization.credentials.items():
            # A patient's token opens that patient's words; every other key those of the whole organization.
            of_patient = name.startswith("patient ")
            own = {organization.sent, organization.patients[int(name[-1]) - 1].canary} if of_patient else everything
            yield Caller(name, credential, frozenset(own), organization)
        yield Caller("nobody", "", frozenset(), organization)
        # Of the right form, so that it is looked up and not refused by its looks.
        yield Caller("a key nobody has", f"{organization.key[:-4]}0000", frozenset(), organization)
        yield Caller("the operator", self._stack.operator_token, frozenset(), organization, is_operator=True)

    async def _send_as_all(self, drawn: Drawn, callers: Sequence[Caller]) -> None:
        await asyncio.gather(*(self._send(drawn, caller) for caller in callers))

    async def _send(self, drawn: Drawn, caller: Caller) -> httpx.Response | None:
        headers = drawn.headers | ({"Authorization": f"Bearer {caller.credential}"} if caller.credential else {})
        try:
            answer = await self._http.request(drawn.operation.method, drawn.path, headers=headers, **drawn.parts())
        # A long poll that is cut off has shown nobody anything; how many there were is printed.
        except httpx.TimeoutException:
            self.seen.statuses[0] += 1
            return None
        self._look(drawn, caller, answer)
        return answer

    def _look(self, drawn: Drawn, caller: Caller, answer: httpx.Response) -> None:
        seen = self.seen
        seen.steps += 1
        seen.routes[drawn.operation.id] += 1
        seen.statuses[answer.status_code] += 1
        sent = f"{drawn.path} {drawn.params} {drawn.json} {drawn.form}"
        everything = answer.text + str(answer.headers)
        for word in self.words:
            # What the caller wrote themselves may come back.
            if word in everything and word not in sent:
                if word in caller.may_see:
                    seen.own += 1
                else:
                    seen.leaks.append(f"{drawn.operation.id} by {caller.name}: another's word")
        if answer.status_code in _OK:
            seen.succeeded[drawn.operation.id] += 1
            learn(caller.organization, drawn.operation.id, answer)
            if _crosses(drawn, caller) and not _is_empty_list(answer):
                seen.leaks.append(f"{drawn.operation.id} by {caller.name}: did something about another's ids")

    def leaks_inside(self) -> list[str]:
        """Search the logs and all of Redis for any word of anybody."""
        # After all requests: what leaks into a log may be written late.
        kept = [*files_of(self._stack), *self._runner.run(_streams(self._stack))]
        return [f"{one.kind} {one.name}" for one in kept for word in self.words if word.encode() in one.data]


async def _streams(stack: Stack) -> list[Kept]:
    return [one async for one in streams_of(stack)]


def _crosses(drawn: Drawn, caller: Caller) -> bool:
    """Tell whether it is another's: an operator may act for any organization, but on no patient of a second one.

    A session of a second one opens nothing: the database asks for organization, patient and session together.
    """
    if not caller.is_operator or not drawn.foreign:
        return drawn.foreign > 0
    own = [drawn.json[kind] in caller.organization.ids[kind] for kind in ("organization_id", "patient_id")]
    return own[0] != own[1]


def _all_ids(organization: Organization) -> Mapping[str, Sequence[str]]:
    keys = [key.split("_")[2] for key in organization.credentials.values() if key.startswith("trk_")]
    hidden = {**organization.kept, "key_id": keys}
    return {kind: [*organization.ids.get(kind, ()), *hidden.get(kind, ())] for kind in {*organization.ids, *hidden}}


def _is_empty_list(answer: httpx.Response) -> bool:
    if "json" not in answer.headers.get("content-type", ""):
        return False
    body = answer.json()
    return isinstance(body, dict) and body.get("data") == [] and not body.get("has_more")


def machine_of(world: World) -> type[RuleBasedStateMachine]:
    """Return the state machine over a world; its state is the system's own."""
    operation = st.sampled_from(world.operations)
    organization = st.integers(0, ORGANIZATIONS - 1)

    class Tenancy(RuleBasedStateMachine):
        @rule(
            operation=operation,
            caller=organization,
            shift=st.integers(1, ORGANIZATIONS - 1),
            mask=st.integers(1, 7),
            pick=organization,
        )
        def somebody_elses_ids(self, operation: Operation, caller: int, shift: int, mask: int, pick: int) -> None:
            world.probe(operation, caller, (caller + shift) % ORGANIZATIONS, mask, pick)

        @rule(operation=operation, caller=organization, pick=organization)
        def own_ids_by_everybody(self, operation: Operation, caller: int, pick: int) -> None:
            world.probe(operation, caller, caller, 0, pick)

        @rule(operation=operation, caller=organization, pick=organization)
        def own_ids_by_the_widest_key(self, operation: Operation, caller: int, pick: int) -> None:
            world.own(operation, caller, pick)

    return Tenancy


def prove(stack: Stack, steps: int, chosen: int) -> int:
    """Send that many requests at least; return the exit code."""
    with asyncio.Runner() as runner:
        world = World(stack, runner)
        try:
            _every_route_once(world)
            # Each lap with a seed of its own, or the machine would send the same again.
            for lap in range(steps):
                if world.seen.steps >= steps:
                    break
                _walk(world, chosen + lap)
            inside = world.leaks_inside()
        finally:
            world.close()
    return _judge(world, inside, steps, chosen)


def _every_route_once(world: World) -> None:
    """What luck may leave out: each operation by who may do it, then with all ids another's."""
    world.rightful()
    for number, operation in enumerate(world.operations):
        world.probe(operation, number % ORGANIZATIONS, (number + 1) % ORGANIZATIONS, _ALL, number)


def _walk(world: World, chosen: int) -> None:
    machine = seed(chosen)(machine_of(world))
    run_state_machine_as_test(
        machine,
        settings=settings(
            # Nothing is shrunk or kept: the state is the system's, and a run is repeated by its seed.
            max_examples=4, stateful_step_count=RULES_PER_EXAMPLE, deadline=None, database=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck), print_blob=False,
        ),
    )  # fmt: skip


def _judge(world: World, inside: Sequence[str], steps: int, chosen: int) -> int:
    seen = world.seen
    names = {operation.id for operation in world.operations}
    leaks = [*seen.leaks, *inside]
    for leak, count in Counter(leaks).items():
        sys.stderr.write(f"leak: {leak} ({count} times)\n")
    broken = sum(count for status, count in seen.statuses.items() if status >= 500)
    # Where nobody was ever answered, a leak would not have been seen.
    answered = set(seen.succeeded) & names
    good = not leaks and seen.steps >= steps and set(seen.routes) == answered == names and seen.own > 0
    never = ", ".join(sorted(names - answered)) or "none"
    sys.stderr.write(f"never answered 2xx: {never}; by status: {dict(sorted(seen.statuses.items()))}\n")
    return proof(
        NAME, good, steps=seen.steps, organizations=ORGANIZATIONS, patients=2 * ORGANIZATIONS,
        callers=len(list(_names(world))),
        routes=len(names), covered=len(set(seen.routes) & names), answered=len(answered),
        own_words_seen=seen.own, leaks=len(leaks), timeouts=seen.statuses[0], answers_5xx=broken, seed=chosen,
    )  # fmt: skip


def _names(world: World) -> Iterator[str]:
    yield from (*world.organizations[0].credentials, "nobody", "a key nobody has", "the operator")


def main() -> int:
    """Start a system of its own and ask it."""
    with stack_on_fakes() as stack:
        return prove(stack, sized(STEPS_TINY, STEPS, STEPS_SOAK), chosen_seed())


if __name__ == "__main__":
    sys.exit(main())
