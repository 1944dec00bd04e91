"""Proof: arbitrary SQL as any service's role changes nothing of others and shows nothing of others.

`python -m proofs.isolation.arbitrary_sql`. Each statement runs twice and is committed: without a capability,
and under a real one of the attacker's own organization. Beside it a session of the same role works for the victim.
What the statements are: attacks.py. What is compared before and after: database_state.py.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg

from libs.contracts.services import SERVICES
from libs.devstack import infra as infrastructure
from libs.devstack import provision
from libs.devstack.infra import Infra
from proofs.isolation.attacks import SELF_HARM, Attack, attacks
from proofs.isolation.database_state import DatabaseState, session_state
from proofs.kit.line import proof, sized
from proofs.kit.tenants import SeededTenant, seed_tenant

NAME = "arbitrary-sql"
STATEMENTS_PER_ROLE_MIN = 50
ROLES = (*SERVICES, "relay", "ops")
ROLES_TINY = ROLES[-3:]
ROUNDS_SOAK = 20
CONTROLS = 3
# They enter no capability: the relay and the operators' tools see facts and ids, and no words.
WITHOUT_TENANTS = ("relay", "ops")


@dataclass
class Findings:
    """What must be nothing. `refused` and `harmless` say that statements did run."""

    statements: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    effects: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Role:
    """One login role under attack, and the process id of the victim's session beside it."""

    name: str
    schema: str
    url: str
    victim_pid: int


class Attacker:
    """Runs statements as one role; what the victim has may show in none of them."""

    def __init__(self, infra: Infra, mine: SeededTenant, victim: SeededTenant, findings: Findings) -> None:
        self._infra = infra
        self._mine = mine
        self._victim = victim
        self._findings = findings
        self._state = DatabaseState(infra.admin_url, victim.organization_id)
        self._open: psycopg.Connection[Any] | None = None
        self._url = ""
        self._fresh: tuple[Any, ...] | None = None

    def close(self) -> None:
        """Close the connections."""
        self._state.close()
        if self._open:
            self._open.close()

    def attack(self, role: Role, listed: Sequence[Attack]) -> None:
        """Run each statement twice, and look after each what it did."""
        before = self._state.fingerprint()
        for attack in listed:
            statement = attack.statement.format(**self._facts(role))
            for token in (None, None if role.name in WITHOUT_TENANTS else self._mine.capability(self._infra)):
                assigned = self._run(role, statement, token)
                after = self._state.fingerprint() if assigned else before
                if after != before:
                    self._findings.effects.append(f"{role.name}: {statement} [{self._state.difference(before, after)}]")
                    before = after
            self._findings.statements[role.name] += 1
        if self._state.fingerprint() != before:
            self._findings.effects.append(f"{role.name}: something without a transaction id")
        if not self._state.is_connected(role.victim_pid):
            self._findings.effects.append(f"{role.name}: the victim's session was ended")

    def _run(self, role: Role, statement: str, token: str | None) -> bool:
        """Run and commit; tell whether it may have written (it has a transaction id)."""
        connection = self._session(role)
        assigned, rows = True, []
        try:
            connection.execute(f"begin; set local lock_timeout = '100ms'; {_entering(token)}".encode())
            rows = list(_answers(connection, statement))
            found = connection.execute("select pg_current_xact_id_if_assigned() is not null").fetchone()
            assigned = bool(found and found[0])
            if self._state.is_locking_others_out(connection.info.backend_pid):
                self._findings.locks.append(f"{role.name}: {statement}")
        except psycopg.Error as error:
            self._findings.refused += 1
            rows.append(f"{error} {error.diag.message_detail} {error.diag.context}")
            assigned = connection.closed
        if not connection.closed:
            connection.execute("commit")
        self._look(role, statement, rows)
        if not self._is_clean(role, connection):
            self._findings.left.append(f"{role.name}: {statement}")
            connection.close()
        return assigned

    def _is_clean(self, role: Role, connection: psycopg.Connection[Any]) -> bool:
        # A role that works for no tenant it has nobody to leave something to.
        if connection.closed or role.name in WITHOUT_TENANTS:
            return True
        state = session_state(connection, self._mine.capability(self._infra))
        return state is None or state == self._fresh

    def _session(self, role: Role) -> psycopg.Connection[Any]:
        """Return a session of the role, used again as a pool would as long as it is whole and clean."""
        if self._open is None or self._open.closed or self._url != role.url:
            if self._open:
                self._open.close()
            self._open = psycopg.connect(role.url, autocommit=True, prepare_threshold=None)
            self._url, self._fresh = role.url, session_state(self._open, None)
        return self._open

    def _look(self, role: Role, statement: str, rows: Sequence[str]) -> None:
        # What the attacker wrote into the statement himself may come back in a message.
        marks = [mark for mark in self._victim.marks if mark not in statement]
        if any(mark in row for row in rows for mark in marks):
            self._findings.foreign.append(f"{role.name}: {statement}")

    def _facts(self, role: Role) -> dict[str, Any]:
        victim = self._victim
        return {
            "role": f"svc_{role.name}",
            "other": "svc_chat" if role.name == "relay" else "svc_relay",
            "schema": role.schema,
            "org": victim.organization_id,
            "patient": victim.patient_id,
            "therapist": victim.therapist_id,
            "mine": self._mine.organization_id,
            "api_key": victim.canary[:12],
            "pid": role.victim_pid,
            "forged": self._mine.capability(self._infra).replace(
                str(self._mine.organization_id), str(victim.organization_id)
            ),
        }


def _entering(token: str | None) -> str:
    # One statement of several parts: a real client's extra round trips prove nothing more.
    return f"select ctx.enter('{token}')" if token else "select 1"


def _answers(connection: psycopg.Connection[Any], statement: str) -> Iterator[str]:
    """Yield everything a statement answers, COPY's bytes too."""
    cursor = connection.cursor()
    if statement.startswith("copy") and statement.endswith("to stdout"):
        with cursor.copy(statement.encode()) as copy:
            yield from (bytes(block).decode(errors="replace") for block in copy)
        return
    cursor.execute(statement.encode())
    if cursor.description:
        yield from (json.dumps(row, default=str) for row in cursor.fetchall())


def prove(infra: Infra, rounds: int) -> int:
    """Attack as every role; return the exit code."""
    mine, victim, findings = seed_tenant(infra), seed_tenant(infra), Findings()
    roles = sized(ROLES_TINY, ROLES, ROLES)
    control = _would_be_seen(infra, mine, victim)
    with closing(Attacker(infra, mine, victim, findings)) as attacker:
        for _ in range(rounds):
            for name in roles:
                _attack_as(infra, name, victim, attacker)
    for line in (*findings.effects, *findings.foreign, *findings.left, *findings.locks):
        sys.stderr.write(f"found: {line}\n")
    counts = findings.statements.values()
    healed = _heal(infra)
    good = (
        control == CONTROLS
        and healed == len(ROLES)
        and not findings.effects
        and not findings.foreign
        and not findings.left
        and not findings.locks
        and len(counts) == len(roles)
        and min(counts) >= STATEMENTS_PER_ROLE_MIN
        and all(victim.rows.values())
    )
    return proof(
        NAME, good, roles=len(counts), statements=sum(counts), fewest_of_a_role=min(counts), runs=2 * sum(counts),
        tables=len(victim.rows), refused=findings.refused, effects=len(findings.effects),
        foreign_rows=len(findings.foreign), left_in_session=len(findings.left), locks_taken=len(findings.locks),
        control=control, self_harm_healed=healed,
    )  # fmt: skip


def _would_be_seen(infra: Infra, mine: SeededTenant, victim: SeededTenant) -> int:
    """Attack as a superuser, whom nothing holds back: an effect, a foreign row and a lock must be noticed."""
    found = Findings()
    role = Role("postgres", "chat", infra.admin_url, victim_pid=0)
    statements = (
        "select * from chat.message",
        "update chat.turnstile set passed_at = now() where patient_id = '{patient}'",
        "lock table chat.message in share mode",
    )
    with closing(Attacker(infra, mine, victim, found)) as attacker:
        attacker.attack(role, [Attack("control", statement) for statement in statements])
    noticed = (("turnstile", found.effects), ("message", found.foreign), ("message", found.locks))
    return sum(any(what in line for line in lines) for what, lines in noticed)


def _heal(infra: Infra) -> int:
    """Let every role harm itself, then repeat the deploy step; return how many roles work as before."""
    urls = [_url(infra, name) for name in ROLES]
    for name, url in zip(ROLES, urls, strict=True):
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in SELF_HARM:
                connection.execute(statement.format(role=f"svc_{name}").encode())
    provision.provision(infra.database)
    healed = 0
    for url in urls:
        with psycopg.connect(url, autocommit=True) as connection:
            healed += int(connection.execute("show default_transaction_read_only").fetchone() == ("off",))
    return healed


def _url(infra: Infra, name: str) -> str:
    known = {"relay": infra.relay_database_url, "ops": infra.database.ops_url}
    url = known.get(name) or infra.database_url(name)
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _attack_as(infra: Infra, name: str, victim: SeededTenant, attacker: Attacker) -> None:
    url = _url(infra, name)
    beside = psycopg.connect(url, autocommit=True)
    try:
        # The victim's request is under way: its words stand in a statement of the same role. The relay works for
        # no tenant, and its statements hold no values.
        beside.execute("select set_config('ctx.token', %s, false)", (victim.capability(infra),))
        beside.execute(f"select '{victim.canary}'".encode() if name not in WITHOUT_TENANTS else b"select 1")
        role = Role(name, "chat" if name in WITHOUT_TENANTS else name, url, beside.info.backend_pid)
        attacker.attack(role, attacks(role.schema, sorted(victim.rows), name))
    finally:
        beside.close()


def main() -> int:
    """Start a database of its own and attack it."""
    with infrastructure.throwaway() as infra:
        return prove(infra, sized(1, 1, ROUNDS_SOAK))


if __name__ == "__main__":
    sys.exit(main())
